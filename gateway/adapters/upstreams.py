"""The clients of the configured upstreams, which a reload replaces."""

from collections.abc import Callable, Iterator, Mapping

from gateway.adapters.openrouter import OpenRouter
from gateway.adapters.redirects import PublicDownloads
from gateway.adapters.resolver import Lookup
from gateway.config.upstream import UpstreamConfig
from gateway.ports import Clock, Upstream
from gateway.services.off_loop import OffLoop
from gateway.telemetry.bundle import Telemetry


class Upstreams(Mapping[str, Upstream]):
    """Every upstream by name. One that left the configuration stays for its open jobs."""

    def __init__(
        self,
        clock: Clock,
        lookup: Lookup,
        telemetry: Telemetry,
        off_loop: OffLoop,
        *,
        client: Callable[..., OpenRouter] = OpenRouter,
    ) -> None:
        """Create an empty mapping for `use`. `lookup` resolves targets of videos' redirects."""
        self._clock = clock
        self._public = PublicDownloads(lookup)
        self._telemetry = telemetry
        self._client = client
        self._off_loop = off_loop
        self._opened: dict[str, tuple[UpstreamConfig, OpenRouter]] = {}
        self._retired: list[OpenRouter] = []

    def use(self, configured: Mapping[str, UpstreamConfig]) -> None:
        """Open new and changed upstreams; running calls continue with the earlier client."""
        for name, config in configured.items():
            known = self._opened.get(name)
            if known is not None and known[0] == config:
                continue
            if known is not None:
                self._retired.append(known[1])
            self._opened[name] = (config, self._open(name, config))

    async def close(self) -> None:
        """Close every connection, also of replaced clients."""
        for _, adapter in self._opened.values():
            await adapter.close()
        for adapter in self._retired:
            await adapter.close()

    def __getitem__(self, name: str) -> Upstream:
        return self._opened[name][1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._opened)

    def __len__(self) -> int:
        return len(self._opened)

    def _open(self, name: str, config: UpstreamConfig) -> OpenRouter:
        return self._client(
            name,
            config.base_url,
            config.api_key.get_secret_value(),
            connect=config.timeout.connect.total_seconds(),
            poll=config.timeout.poll.total_seconds(),
            content_idle=config.timeout.content_idle.total_seconds(),
            public=self._public,
            clock=self._clock,
            telemetry=self._telemetry,
            off_loop=self._off_loop,
        )

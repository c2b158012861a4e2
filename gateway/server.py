"""Two listeners, signals, drain: the gateway as a process."""

import asyncio
import gc
import logging
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.adapters.clock import SystemClock
from gateway.adapters.descriptors import raise_limit
from gateway.api.connections import BoundedRunner
from gateway.app import Gateway, open_gateway
from gateway.config.loader import Loaded
from gateway.config.mistakes import ConfigError
from gateway.config.schema import Config
from gateway.domain.errors import StorageFailed
from gateway.telemetry.bundle import Telemetry
from gateway.telemetry.lag import watch_event_loop

# aiohttp's AppRunner waits 3,630 s for the next request's headers; this is also the limit within
# which the headers of the first must have come (docs/reliability.md, section 0).
_KEEPALIVE = 15.0
_GC_THRESHOLD = 20_000  # objects made and not freed between two collections of the youngest
_MAX_HEADER = 8190  # bytes of one header field, and of the request line


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the two applications are really reached (a configured port 0 was given a number)."""

    public: str
    admin: str


async def serve(
    config: Config,
    version: str,
    telemetry: Telemetry,
    *,
    load: Callable[[], Loaded] | None = None,
    on_listening: Callable[[Listening], None] | None = None,
) -> int:
    """Run until SIGTERM or SIGINT, then drain; the exit code. SIGHUP reloads what `load` reads.

    0 after a drain, 1 when the database had to stop for good.

    Raises:
        UnusableDatabase, SchemaRefused, StorageFailed, OSError: nothing was started.

    """
    before, now = raise_limit()
    if now != before:
        telemetry.log.info("server.descriptors", limit=now, before=before)
    stop = asyncio.Event()
    failures: list[StorageFailed] = []

    def fail_stop(error: StorageFailed) -> None:
        telemetry.log.critical("database.failed_for_good", error=error)
        failures.append(error)
        loop.call_soon_threadsafe(stop.set)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # A reload that is asked for before there is anything to reload must not end the process.
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    async with open_gateway(
        config,
        version,
        clock=SystemClock(),
        source=random.SystemRandom(),
        telemetry=telemetry,
        on_failure=fail_stop,
    ) as gateway:
        if load is not None:
            loop.add_signal_handler(signal.SIGHUP, reload, gateway, load, telemetry)
        public = http_runner(gateway.public, config.server.drain_seconds)
        admin = http_runner(gateway.admin, 1.0)
        try:
            listening = Listening(
                await _listen(public, config.server.listen.host, config.server.listen.port),
                await _listen(
                    admin, config.server.admin_listen.host, config.server.admin_listen.port
                ),
            )
            telemetry.log.info(
                "server.started",
                public=listening.public,
                admin=listening.admin,
                config_version=version,
                teams=len(config.teams),
                upstreams=list(config.upstreams),
            )
            if on_listening is not None:
                on_listening(listening)
            _settle_memory()
            lag = asyncio.create_task(watch_event_loop(telemetry.metrics.event_loop_lag))
            await stop.wait()
            lag.cancel()
            # Nothing can be finished without a database.
            seconds = 0.0 if failures else config.server.drain_seconds
            await _drain(gateway, public, seconds, telemetry)
        finally:
            await public.cleanup()
            await admin.cleanup()
    telemetry.log.info("server.stopped")
    return 1 if failures else 0


def _settle_memory() -> None:
    """Keep what was made at the start out of garbage collection, and collect less often.

    A submit makes some thousand objects, nearly all of which are gone without a collection.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 20, 50)


def reload(gateway: Gateway, load: Callable[[], Loaded], telemetry: Telemetry) -> None:
    """Put the file as it is now in force; a bad file changes nothing, and is logged and counted."""
    try:
        found = load()
    except ConfigError as error:
        telemetry.metrics.config_reloaded(ok=False)
        telemetry.log.error(
            "config.reload_refused",
            running_version=gateway.live.current.version,
            mistakes=str(error).splitlines(),
        )
        return
    changes = gateway.reload(found.config, found.version)
    telemetry.metrics.config_reloaded(ok=True)
    telemetry.log.info("config.reloaded", config_version=found.version, changes=changes)
    for warning in found.warnings:
        telemetry.log.warning("config.warning", warning=warning)


def http_runner(
    app: web.Application, shutdown: float, *, keepalive: float = _KEEPALIVE
) -> web.AppRunner:
    """Return an application as it is served: `shutdown` seconds for what is in flight at the end.

    `keepalive`: seconds until the next request on a connection begins.
    """
    return BoundedRunner(
        app,
        auto_decompress=False,  # some bytes of a body would be any number in memory
        access_log=None,  # the middleware writes one line a request
        logger=_ServerLog(logging.getLogger("aiohttp.server")),
        keepalive_timeout=keepalive,
        shutdown_timeout=shutdown,
        max_line_size=_MAX_HEADER,
        max_field_size=_MAX_HEADER,
    )


class _ServerLog(logging.LoggerAdapter[logging.Logger]):
    """What aiohttp says: a request that is no HTTP, or a client that leaves, is no failure."""

    def exception(self, msg: object, *args: object, exc_info: Any = True, **kwargs: Any) -> None:
        level = logging.INFO if isinstance(exc_info, _OF_CLIENTS) else logging.ERROR
        self.log(level, msg, *args, exc_info=exc_info, **kwargs)


_OF_CLIENTS = (HttpProcessingError, ConnectionError)


async def _listen(runner: web.AppRunner, host: str, port: int) -> str:
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    name = runner.addresses[0]
    shown = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"http://{shown}:{name[1]}"


async def _drain(
    gateway: Gateway, public: web.AppRunner, seconds: float, telemetry: Telemetry
) -> None:
    """Stop accepting, let requests and submits on their way finish, within `seconds`."""
    telemetry.log.info("server.draining", seconds=seconds, submits=len(gateway.tasks))
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    async with asyncio.TaskGroup() as group:
        group.create_task(public.cleanup())
        cut = group.create_task(gateway.drain(seconds))
    # A request that was being decided meanwhile may have begun a submit after all had been waited
    # for: none begins from here on.
    cut_off = cut.result() + await gateway.drain(max(0.0, end - clock()))
    telemetry.log.info("server.drained", cut_off=cut_off)

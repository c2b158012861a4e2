"""The catalog of each upstream: fetched, kept in the database, served while the upstream is away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.config.live import Live
from gateway.domain.errors import StorageFailed
from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database, Upstream
from gateway.store import catalogs
from gateway.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Listed:
    """One upstream's catalog as last fetched."""

    models: Sequence[Mapping[str, Any]]
    fetched_at: int  # epoch ms


class Catalogs:
    """Every upstream's models in memory; `refresh` keeps them true."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        upstreams: Mapping[str, Upstream],
        live: Live,
        telemetry: Telemetry,
    ) -> None:
        """Call `load` before the first request."""
        self._database = database
        self._clock = clock
        self._upstreams = upstreams
        self._live = live
        self._telemetry = telemetry
        self._listed: dict[str, Listed] = {}

    async def load(self) -> None:
        """Take up what the database kept from before."""
        for row in await self._database.read(catalogs.all_catalogs):
            self._listed[row.upstream] = Listed(orjson.loads(row.models), row.fetched_at)

    async def refresh(self, upstream: str) -> bool:
        """Fetch one upstream's catalog; False where it could not be had, and the old one stays."""
        models = await self._upstreams[upstream].models()
        if not models:
            self._telemetry.log.warning("catalog.refresh_failed", upstream=upstream)
            return False
        now = epoch_ms(self._clock.now())
        self._listed[upstream] = Listed(models, now)
        text = orjson.dumps(models).decode()
        try:
            await self._database.write(lambda tx: catalogs.keep(tx, upstream, text, now))
        except StorageFailed as error:
            self._telemetry.log.warning("catalog.not_kept", upstream=upstream, error=str(error))
        self._telemetry.log.info("catalog.refreshed", upstream=upstream, models=len(models))
        return True

    def listed(self, upstream: str) -> Listed | None:
        """One upstream's catalog, unless it is older than `catalog.max_stale`."""
        listed = self._listed.get(upstream)
        if listed is None:
            return None
        age = epoch_ms(self._clock.now()) - listed.fetched_at
        limit = self._live.config.catalog.max_stale.total_seconds() * 1000
        return listed if age <= limit else None

    def ready(self) -> bool:
        """Whether every upstream has a catalog to answer from."""
        return all(self.listed(name) is not None for name in self._upstreams)

    def models(self) -> list[Mapping[str, Any]]:
        """Every model once, in the order of the upstreams' configuration."""
        merged: dict[str, Mapping[str, Any]] = {}
        for name in self._live.config.upstreams:
            listed = self.listed(name)
            for model in listed.models if listed is not None else ():
                merged.setdefault(str(model.get("id")), model)
        return list(merged.values())

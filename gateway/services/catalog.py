"""The catalog of each upstream: fetched, stored, and used while the upstream is unavailable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.config.live import Live
from gateway.domain.capability import Capabilities
from gateway.domain.catalog import Catalog, changes, parse_catalog
from gateway.domain.errors import StorageFailed
from gateway.domain.units import epoch_ms
from gateway.domain.upstream import CatalogFailed
from gateway.ports import Clock, Database, Upstream
from gateway.store import catalogs
from gateway.telemetry.bundle import Telemetry


@dataclass(frozen=True, slots=True)
class Listed:
    """One upstream's catalog, as last fetched."""

    catalog: Catalog
    fetched_at: int  # epoch ms


class Catalogs:
    """Every upstream's models in memory; `refresh` updates them."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        upstreams: Mapping[str, Upstream],
        live: Live,
        telemetry: Telemetry,
    ) -> None:
        """Create an empty catalog; call `load` before the first request."""
        self._database = database
        self._clock = clock
        self._upstreams = upstreams
        self._live = live
        self._telemetry = telemetry
        self._listed: dict[str, Listed] = {}
        self._generation = 0
        self._failures: dict[str, str] = {}  # why the last fetch of an upstream failed

    async def load(self) -> None:
        """Load catalogs from the database that are newer than the ones in memory."""
        for row in await self._database.read(catalogs.all_catalogs):
            known = self._listed.get(row.upstream)
            if known is None or known.fetched_at < row.fetched_at:
                models = orjson.loads(row.models)
                self._listed[row.upstream] = Listed(parse_catalog(models), row.fetched_at)
        self._name_models()

    async def refresh(self, upstream: str) -> bool:
        """Fetch one upstream's catalog; False if that failed, and the old one is kept."""
        outcome = await self._upstreams[upstream].models()
        models, problems = ((), []) if isinstance(outcome, CatalogFailed) else _sound(outcome)
        new = parse_catalog(models)
        self._telemetry.metrics.catalog_refreshed(upstream, ok=bool(new.models))
        for problem in (*problems, *new.problems):
            self._telemetry.log.warning("catalog.entry_refused", upstream=upstream, why=problem)
        if not new.models:
            why = outcome.why if isinstance(outcome, CatalogFailed) else "it lists no usable model"
            self._failures[upstream] = why
            self._telemetry.log.warning("catalog.refresh_failed", upstream=upstream, why=why)
            return False
        self._failures.pop(upstream, None)
        await self._keep(upstream, models, new)
        self._telemetry.log.info("catalog.refreshed", upstream=upstream, models=len(new.models))
        return True

    def unavailable(self) -> Mapping[str, str]:
        """Return each configured upstream without a usable catalog, and the reason."""
        return {
            name: self._failures.get(name, "not fetched yet")
            for name in self._live.config.upstreams
            if self.listed(name) is None
        }

    def listed(self, upstream: str) -> Catalog | None:
        """Return one upstream's catalog, unless it is older than `catalog.max_stale`."""
        listed = self._listed.get(upstream)
        if listed is None:
            return None
        limit = self._live.config.catalog.max_stale.total_seconds()
        return listed.catalog if self._age(listed) <= limit else None

    def ages(self) -> Mapping[str, float]:
        """Return the seconds since each upstream's catalog was fetched."""
        return {name: self._age(listed) for name, listed in self._listed.items()}

    def sizes(self) -> Mapping[str, int]:
        """Return the number of models in each upstream's catalog."""
        return {name: len(listed.catalog.models) for name, listed in self._listed.items()}

    @property
    def generation(self) -> int:
        """A number that changes with every catalog."""
        return self._generation

    def listed_upstreams(self) -> tuple[str, ...]:
        """Return the configured upstreams that have a usable catalog now."""
        names = self._live.config.upstreams
        return tuple(name for name in names if self.listed(name) is not None)

    def ready(self) -> bool:
        """Return whether every configured upstream has a usable catalog."""
        return all(self.listed(name) is not None for name in self._live.config.upstreams)

    def has(self, upstream: str, model: str) -> bool:
        """Return whether the upstream's catalog lists the model, by id or slug."""
        return self.find(upstream, model) is not None

    def find(self, upstream: str, model: str) -> Capabilities | None:
        """Return the model at that upstream."""
        catalog = self.listed(upstream)
        return None if catalog is None else catalog.get(model)

    def near(self, model: str) -> tuple[str, ...]:
        """Return ids that resemble `model`, over all upstreams."""
        return Catalog({can.id: can for _, can in self.models()}).near(model)

    def models(self) -> list[tuple[str, Capabilities]]:
        """Return every model with its upstream: the first in the configuration that lists it."""
        merged: dict[str, tuple[str, Capabilities]] = {}
        for name in self._live.config.upstreams:
            catalog = self.listed(name)
            for model, can in catalog.models.items() if catalog is not None else ():
                merged.setdefault(model, (name, can))
        return list(merged.values())

    async def _keep(self, upstream: str, models: Sequence[Mapping[str, Any]], new: Catalog) -> None:
        before = self._listed.get(upstream)
        now = epoch_ms(self._clock.now())
        self._listed[upstream] = Listed(new, now)
        self._name_models()
        changed = () if before is None else changes(before.catalog, new)
        for change in changed:
            self._telemetry.metrics.catalog_changed(upstream, change.kind)
            self._telemetry.log.warning(
                "catalog.changed",
                upstream=upstream,
                kind=change.kind,
                model=change.model,
                field=change.field,
                before=change.before,
                after=change.after,
            )
        text = orjson.dumps(models).decode()
        try:
            await self._database.write(lambda tx: catalogs.keep(tx, upstream, text, now, changed))
        except StorageFailed as error:
            self._telemetry.log.warning("catalog.not_kept", upstream=upstream, error=error)

    def _name_models(self) -> None:
        """Allow metric labels only for models that a catalog lists."""
        self._generation += 1
        names = {m for listed in self._listed.values() for m in listed.catalog.models}
        self._telemetry.metrics.allow_models(names)

    def _age(self, listed: Listed) -> float:
        return max(0, epoch_ms(self._clock.now()) - listed.fetched_at) / 1000


def _sound(entries: Sequence[Mapping[str, Any]]) -> tuple[Sequence[Mapping[str, Any]], list[str]]:
    """Return the entries that can be stored, and a description of each other one.

    A number beyond 64 bits or a lone surrogate in one entry must not affect the others.
    """
    sound: list[Mapping[str, Any]] = []
    problems: list[str] = []
    for entry in entries:
        try:
            orjson.dumps(entry)
        except (TypeError, ValueError) as error:
            name = str(entry.get("id"))[:100].encode("utf-8", "replace").decode()
            problems.append(f"{name}: {error}")
        else:
            sound.append(entry)
    return sound, problems

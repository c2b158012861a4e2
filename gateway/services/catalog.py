"""The catalog of each upstream: fetched, kept in the database, served while it is away."""

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
    """One upstream's catalog as last fetched."""

    catalog: Catalog
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
        self._generation = 0
        self._failures: dict[str, str] = {}  # why the last fetch of an upstream failed

    async def load(self) -> None:
        """Take up what the database kept from before, or another replica fetched since."""
        for row in await self._database.read(catalogs.all_catalogs):
            known = self._listed.get(row.upstream)
            if known is None or known.fetched_at < row.fetched_at:
                models = orjson.loads(row.models)
                self._listed[row.upstream] = Listed(parse_catalog(models), row.fetched_at)
        self._name_models()

    async def refresh(self, upstream: str) -> bool:
        """Fetch one upstream's catalog; False where it could not be had, and the old one stays."""
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
        """Return each configured upstream without a catalog to answer from, and why."""
        return {
            name: self._failures.get(name, "not fetched yet")
            for name in self._live.config.upstreams
            if self.listed(name) is None
        }

    def listed(self, upstream: str) -> Catalog | None:
        """One upstream's catalog, unless it is older than `catalog.max_stale`."""
        listed = self._listed.get(upstream)
        if listed is None:
            return None
        limit = self._live.config.catalog.max_stale.total_seconds()
        return listed.catalog if self._age(listed) <= limit else None

    def ages(self) -> Mapping[str, float]:
        """Seconds since each upstream's catalog was fetched."""
        return {name: self._age(listed) for name, listed in self._listed.items()}

    def sizes(self) -> Mapping[str, int]:
        """How many models each upstream's catalog lists."""
        return {name: len(listed.catalog.models) for name, listed in self._listed.items()}

    @property
    def generation(self) -> int:
        """A number that changes with every catalog."""
        return self._generation

    def any_listed(self) -> bool:
        """Whether any upstream has a catalog to answer from."""
        return any(self.listed(name) is not None for name in self._live.config.upstreams)

    def ready(self) -> bool:
        """Whether every upstream of the configuration has a catalog to answer from."""
        return all(self.listed(name) is not None for name in self._live.config.upstreams)

    def has(self, upstream: str, model: str) -> bool:
        """Whether the upstream's catalog lists the model, under its id or its slug."""
        return self.find(upstream, model) is not None

    def find(self, upstream: str, model: str) -> Capabilities | None:
        """The model at that upstream."""
        catalog = self.listed(upstream)
        return None if catalog is None else catalog.get(model)

    def near(self, model: str) -> tuple[str, ...]:
        """Ids that a person who wrote `model` may have meant, over all upstreams."""
        return Catalog({can.id: can for _, can in self.models()}).near(model)

    def models(self) -> list[tuple[str, Capabilities]]:
        """Every model with the upstream that lists it first, in the order of the configuration."""
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
        self._generation += 1
        self._name()

    def _name(self) -> None:
        """Metrics may name models that a catalog lists, and no others."""
        names = {m for listed in self._listed.values() for m in listed.catalog.models}
        self._telemetry.metrics.allow_models(names)

    def _age(self, listed: Listed) -> float:
        return max(0, epoch_ms(self._clock.now()) - listed.fetched_at) / 1000


def _sound(entries: Sequence[Mapping[str, Any]]) -> tuple[Sequence[Mapping[str, Any]], list[str]]:
    """Return the entries that can be kept, and a sentence about each that can't.

    A number beyond 64 bits or half a surrogate pair in one entry must not cost the others.
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

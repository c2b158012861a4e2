"""Read the current state for metrics from the shared database at each scrape."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from gateway.config.live import Live
from gateway.domain.audit import START
from gateway.domain.budget import Budget
from gateway.domain.errors import StorageFailed
from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database, Transaction
from gateway.services import audit
from gateway.services.catalog import Catalogs
from gateway.services.content.store import AssetStore
from gateway.services.money import reserve
from gateway.services.money.coverage import missing
from gateway.store import counts, disputes, events, invariants
from gateway.telemetry.bundle import Telemetry
from gateway.telemetry.snapshot import (
    BudgetWindow,
    CatalogState,
    ContentStore,
    EndpointQueue,
    OpenJobs,
    Snapshot,
)

_FRESH = 1.0  # seconds that one snapshot is reused, so that frequent scrapes cost nothing
_PATIENCE = 5.0  # seconds; Prometheus gives a whole scrape ten

_SHARE_OF_SUMS = 0.001  # of the time: a million videos are summed in 50 ms, once in 50 seconds

_UNBROKEN = "the audit trail is unbroken"
_SHOWN = 20  # violations written to the log; `doctor` shows them all


class SnapshotReader:
    """Reads snapshots for the metrics page, and checks the ledger in the background."""

    def __init__(
        self,
        database: Database,
        inspection: Database,
        clock: Clock,
        live: Live,
        catalogs: Catalogs,
        asset_store: AssetStore,
        telemetry: Telemetry,
    ) -> None:
        """Create a reader; `inspection` is for long reads, and may be `database` itself."""
        self._database = database
        self._inspection = inspection
        self._clock = clock
        self._live = live
        self._catalogs = catalogs
        self._asset_store = asset_store
        self._telemetry = telemetry
        self._violations: int | None = None
        self._trail = START
        self._looking = asyncio.Lock()
        self._looked_at = float("-inf")
        self._stored: ContentStore | None = None
        self._content_due = float("-inf")

    async def look(self) -> None:
        """Update the snapshot of the metrics page; without one if the database does not answer.

        Scrapes within one second share one snapshot.
        """
        async with self._looking:
            if self._clock.monotonic() - self._looked_at >= _FRESH:
                await self._look()

    async def examine(self) -> None:
        """Check every invariant and the audit trail; log and count the violations.

        If the check fails, the gauge of violations is absent.
        """
        self._violations = None
        found: list[invariants.InvariantViolation] = []
        try:
            for rule in invariants.rules():
                found += await self._inspection.read(_check(rule))
            found += await self._uncounted_jobs()
            found += await self._trail_faults()
        except StorageFailed as error:
            self._telemetry.log.warning("ledger.not_examined", error=error)
            return
        self._violations = len(found)
        for violation in found[:_SHOWN]:
            self._telemetry.log.error(
                "ledger.violated",
                rule=violation.rule,
                subject=violation.subject,
                found=violation.found,
            )

    async def _uncounted_jobs(self) -> list[invariants.InvariantViolation]:
        budgets, now = self._live.current.rules.budgets.values(), self._clock.now()
        return await self._inspection.read(lambda tx: uncounted_jobs(tx, budgets, now))

    async def _trail_faults(self) -> list[invariants.InvariantViolation]:
        """Return the audit trail's faults since the last check.

        The log gets the trail's last record, as evidence outside the database for
        `audit verify --still-has`.
        """
        verdict = await audit.verify(self._inspection, self._trail)
        if not verdict.faults and verdict.head != self._trail:
            self._trail = verdict.head
            self._telemetry.log.info("audit.extended", until=str(verdict.head))
        return [
            invariants.InvariantViolation(_UNBROKEN, f"record {fault.number}", fault.words)
            for fault in verdict.faults
        ]

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                snapshot = await self._database.read(self._snapshot)
        except (StorageFailed, TimeoutError) as error:
            self._telemetry.log.warning("metrics.state_unknown", error=type(error).__name__)
            self._telemetry.metrics.set_snapshot(None)
            return
        self._telemetry.metrics.set_snapshot(snapshot)
        self._looked_at = self._clock.monotonic()

    def _snapshot(self, tx: Transaction) -> Snapshot:
        now = epoch_ms(self._clock.now())
        return Snapshot(
            open_jobs=tuple(
                OpenJobs(one.team, one.upstream, one.status, one.jobs, _age(one.oldest, now))
                for one in counts.open_jobs(tx)
            ),
            budgets=self._budgets(tx),
            endpoints=_endpoints(tx, now),
            catalogs=self._catalog_states(),
            content=self._content(tx),
            ledger_violations=self._violations,
            disputed=Counter(one.team for one in disputes.unsettled(tx)),
        )

    def _budgets(self, tx: Transaction) -> tuple[BudgetWindow, ...]:
        in_force, now = self._live.current, self._clock.now()
        places = reserve.present(tx, in_force.rules.budgets.values(), in_force.config.teams, now)
        return tuple(
            BudgetWindow(
                budget=place.id,
                team=place.team,
                period=place.period.value,
                limit_micros=place.limit_micros,
                spent_micros=0 if place.window is None else place.window.spent,
                reserved_micros=0 if place.window is None else place.window.reserved,
                estimated_micros=0 if place.window is None else place.window.estimated,
                resets_at=place.resets_at,
            )
            for place in places
        )

    def _content(self, tx: Transaction) -> ContentStore | None:
        """Return the size of the content store; a sum that takes long is reused for longer."""
        begun = self._clock.monotonic()
        if begun < self._content_due:
            return self._stored
        held = self._asset_store.holds(tx)
        self._stored = (
            None
            if held is None
            else ContentStore(held.size, held.videos, self._asset_store.max_bytes)
        )
        now = self._clock.monotonic()
        self._content_due = now + (now - begun) / _SHARE_OF_SUMS
        return self._stored

    def _catalog_states(self) -> tuple[CatalogState, ...]:
        """Return the catalogs in this replica's memory; each replica fetches its own."""
        ages, sizes = self._catalogs.ages(), self._catalogs.sizes()
        return tuple(
            CatalogState(name, ages.get(name), sizes.get(name, 0))
            for name in self._live.config.upstreams
        )


def _endpoints(tx: Transaction, now: int) -> tuple[EndpointQueue, ...]:
    by_state: dict[str, dict[str, counts.UndeliveredCount]] = {}
    for one in counts.undelivered(tx):
        by_state.setdefault(one.endpoint, {})[one.state] = one
    disabled = events.disabled_endpoints(tx)
    queues = []
    for endpoint in sorted(by_state.keys() | disabled):
        pending, dead = (by_state.get(endpoint, {}).get(state) for state in ("pending", "dead"))
        queues.append(
            EndpointQueue(
                endpoint=endpoint,
                pending=0 if pending is None else pending.deliveries,
                oldest_age_seconds=0 if pending is None else _age(pending.oldest, now),
                dead=0 if dead is None else dead.deliveries,
                disabled=endpoint in disabled,
            )
        )
    return tuple(queues)


def _age(since: int, now: int) -> float:
    return max(0, now - since) / 1000


def uncounted_jobs(
    tx: Transaction, budgets: Iterable[Budget], now: datetime
) -> list[invariants.InvariantViolation]:
    """Return the jobs that a budget in force covers and that its current window does not count."""
    return [
        invariants.InvariantViolation(COUNTED, job.job_id, f"budget {budget.id}")
        for budget in budgets
        for job in missing(tx, budget, now, limit=_SHOWN)
    ]


COUNTED = "every job that a budget in force covers is counted in its present window"


def _check(rule: str) -> Callable[[Transaction], list[invariants.InvariantViolation]]:
    return lambda tx: list(invariants.violations(tx, only=rule))

"""The shared state at a scrape, and its gauges.

The caller reads it from the shared database just before rendering. Nothing is counted up and down,
so the values are equal on every replica and correct after a restart.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from prometheus_client.core import GaugeMetricFamily

from gateway.telemetry.catalogue import MetricDoc
from gateway.telemetry.labels import OPEN_STATUS, Vocabulary

_ORGANISATION: Final = "organisation"
_MICROS_PER_USD: Final = 1_000_000

Rows = dict[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class OpenJobs:
    """Open jobs of one team, upstream and status."""

    team: str
    upstream: str
    status: str
    count: int
    oldest_age_seconds: float


@dataclass(frozen=True, slots=True)
class BudgetWindow:
    """A budget's current window, in micro-dollars; without a limit two gauges are absent."""

    budget: str
    team: str | None
    """None: the organisation's."""
    period: str
    limit_micros: int | None
    spent_micros: int
    reserved_micros: int
    estimated_micros: int | None = None
    """Estimates of every job charged to the window, ended ones too; None: not known."""
    resets_at: datetime | None = None
    """None: never."""


@dataclass(frozen=True, slots=True)
class EndpointQueue:
    """The deliveries of one endpoint."""

    endpoint: str
    pending: int
    oldest_age_seconds: float
    dead: int
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class ContentStore:
    """The store of videos."""

    stored_bytes: int
    videos: int
    limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class CatalogState:
    """An upstream's catalog; `age_seconds` None: never fetched."""

    upstream: str
    age_seconds: float | None
    models: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is read at a scrape."""

    open_jobs: tuple[OpenJobs, ...] = ()
    budgets: tuple[BudgetWindow, ...] = ()
    endpoints: tuple[EndpointQueue, ...] = ()
    catalogs: tuple[CatalogState, ...] = ()
    content: ContentStore | None = None
    ledger_violations: int | None = None
    disputed: Mapping[str, int] = field(default_factory=dict)
    """Open disputes by team."""


def gauges(
    snapshot: Snapshot, docs: Mapping[str, MetricDoc], vocabulary: Vocabulary
) -> Iterator[GaugeMetricFamily]:
    """Convert the snapshot to metric families, `docs` by short name; unknown values are absent."""
    table = _Table(docs, vocabulary)
    _jobs(snapshot.open_jobs, table)
    _budgets(snapshot.budgets, table)
    _endpoints(snapshot.endpoints, table)
    for catalog in snapshot.catalogs:
        if catalog.age_seconds is not None:
            table.highest("catalog_age_seconds", catalog.age_seconds, catalog.upstream)
        table.add("catalog_models", catalog.models, catalog.upstream)
    if snapshot.content is not None:
        table.add("content_stored_bytes", snapshot.content.stored_bytes)
        table.add("content_stored_videos", snapshot.content.videos)
        if snapshot.content.limit_bytes is not None:
            table.add("content_limit_bytes", snapshot.content.limit_bytes)
    if snapshot.ledger_violations is not None:
        table.add("ledger_violations", snapshot.ledger_violations)
    for team in vocabulary.learned("team"):
        table.add("bills_disputed", snapshot.disputed.get(team, 0), team)
    return table.families()


class _Table:
    """Rows of a gauge; rows with equal labels (`other`) are added."""

    def __init__(self, docs: Mapping[str, MetricDoc], vocabulary: Vocabulary) -> None:
        self._docs = docs
        self.vocabulary = vocabulary
        self._rows: dict[str, Rows] = {}

    def add(self, name: str, value: float, *labels: str) -> None:
        self._put(name, value, labels, lambda old, new: old + new)

    def highest(self, name: str, value: float, *labels: str) -> None:
        self._put(name, value, labels, max)

    def _put(
        self,
        name: str,
        value: float,
        labels: tuple[str, ...],
        together: Callable[[float, float], float],
    ) -> None:
        known = zip(self._docs[name].labels, labels, strict=True)
        key = tuple(self.vocabulary.say(label, text) for label, text in known)
        rows = self._rows.setdefault(name, {})
        rows[key] = together(rows[key], value) if key in rows else value

    def families(self) -> Iterator[GaugeMetricFamily]:
        for name, rows in self._rows.items():
            doc = self._docs[name]
            names = [label.name for label in doc.labels]
            family = GaugeMetricFamily(doc.name, doc.meaning, labels=names, unit=doc.unit)
            for key, value in rows.items():
                family.add_metric(key, value)
            yield family


def _jobs(rows: Iterable[OpenJobs], table: _Table) -> None:
    for upstream in table.vocabulary.learned("upstream"):
        for status in table.vocabulary.known(OPEN_STATUS):
            table.highest("jobs_oldest_open_age_seconds", 0, upstream, status)
    for row in rows:
        table.add("jobs_open", row.count, row.team, row.upstream, row.status)
        table.highest(
            "jobs_oldest_open_age_seconds", row.oldest_age_seconds, row.upstream, row.status
        )


def _budgets(rows: Iterable[BudgetWindow], table: _Table) -> None:
    for row in rows:
        labels = (row.team or _ORGANISATION, row.budget, row.period)
        table.add("budget_spent_dollars", row.spent_micros / _MICROS_PER_USD, *labels)
        table.add("budget_reserved_dollars", row.reserved_micros / _MICROS_PER_USD, *labels)
        if row.limit_micros is not None:
            left = max(0, row.limit_micros - row.spent_micros - row.reserved_micros)
            table.add("budget_limit_dollars", row.limit_micros / _MICROS_PER_USD, *labels)
            table.add("budget_available_dollars", left / _MICROS_PER_USD, *labels)
        if row.estimated_micros is not None:
            table.add("budget_estimated_dollars", row.estimated_micros / _MICROS_PER_USD, *labels)
        if row.resets_at is not None:
            table.highest("budget_resets_timestamp_seconds", row.resets_at.timestamp(), *labels)


def _endpoints(rows: Iterable[EndpointQueue], table: _Table) -> None:
    known = table.vocabulary.learned("endpoint")
    nothing = [EndpointQueue(endpoint, 0, 0, 0) for endpoint in known]
    for row in (*nothing, *rows):
        table.add("deliveries_pending", row.pending, row.endpoint)
        table.highest("deliveries_oldest_pending_age_seconds", row.oldest_age_seconds, row.endpoint)
        table.add("deliveries_dead", row.dead, row.endpoint)
        table.highest("endpoint_disabled", float(row.disabled), row.endpoint)

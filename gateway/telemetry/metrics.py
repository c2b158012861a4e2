"""The gateway's metrics: one typed method for each fact, and the page for a scraper.

Nothing is global: each `Metrics` has a registry of its own. Any thread may call the methods.
"""

import platform
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gateway.telemetry.catalogue import describe
from gateway.telemetry.context import current_trace_id
from gateway.telemetry.instruments import Instruments, Timer, TraceId, counter, short
from gateway.telemetry.labels import Learned, Vocabulary
from gateway.telemetry.snapshot import Snapshot, gauges

CALLBACK = "callback"
"""The endpoint label of every client's own `callback_url`."""


class Metrics:
    """Counters, histograms, and their page.

    `teams`, `upstreams`: the values of these labels; `allow_*` adds more. `trace_id` returns the id
    for exemplars.
    """

    def __init__(
        self,
        *,
        teams: Iterable[str] = (),
        upstreams: Iterable[str] = (),
        version: str = "",
        trace_id: TraceId = current_trace_id,
    ) -> None:
        self._registry = CollectorRegistry()
        self._vocabulary = Vocabulary()
        self._facts = Instruments(describe(), self._registry, self._vocabulary, trace_id)
        self._page = _Page(self._vocabulary, version)
        self._registry.register(self._page)
        ProcessCollector(registry=self._registry)
        self._learn("endpoint", [CALLBACK])
        self.allow_teams(teams)
        self.allow_upstreams(upstreams)

    # Values of labels

    def allow_teams(self, names: Iterable[str]) -> None:
        """Allow the configured teams, also after a reload."""
        self._learn("team", names)

    def allow_upstreams(self, names: Iterable[str]) -> None:
        """Allow the configured upstreams, also after a reload."""
        self._learn("upstream", names)

    def allow_models(self, ids: Iterable[str]) -> None:
        """Allow the models of a catalog, after each refresh."""
        self._learn("model", ids)

    def allow_routes(self, patterns: Iterable[str]) -> None:
        """Allow the patterns of an application's routes, as `http_request` gets them."""
        self._learn("route", patterns)

    def allow_endpoints(self, names: Iterable[str]) -> None:
        """Allow the configured subscribers."""
        self._learn("endpoint", names)

    def _learn(self, vocabulary: Learned, words: Iterable[str]) -> None:
        if self._vocabulary.learn(vocabulary, words):
            self._facts.start_at_zero()

    # Requests and jobs

    def http_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Record an answered request; `route` is its pattern, never its path."""
        self._facts.observe(
            "http_request_duration_seconds", seconds, route, method, f"{status // 100}xx"
        )

    def timer(self, route: str, method: str, status: int) -> Timer:
        """Return a function that records one kind of request, without exemplars."""
        return self._facts.timer(
            "http_request_duration_seconds", route, method, f"{status // 100}xx"
        )

    def bad_request(self, listener: str) -> None:
        """Count a malformed request, or a connection above a limit."""
        self._facts.count("http_bad_requests", listener)

    def decision(self, team: str, model: str, reason: str) -> None:
        """Count a decided submit: `accepted`, or the reason of its refusal."""
        self._facts.count("decisions", team, model, reason)

    def job_submitted(self, team: str, model: str, upstream: str) -> None:
        """Count a written job."""
        self._facts.count("jobs_submitted", team, model, upstream)

    def job_ended(self, team: str, model: str, status: str, seconds: float | None = None) -> None:
        """Record a job's end, `seconds` after its submission."""
        self._facts.count("jobs_ended", team, model, status)
        if seconds is not None:
            self._facts.observe("job_verdict_duration_seconds", seconds, model, status)

    def dedupe(self, team: str, result: str) -> None:
        """Count a submit's dedupe result: miss, hit, joined, bypass."""
        self._facts.count("dedupe_results", team, result)

    def dollars_saved(self, team: str, micros: int) -> None:
        """Add the cost of a generation that was not bought again."""
        self._facts.spend("dedupe_saved_dollars", micros, team)

    # Money

    def job_settled(self, team: str, model: str, basis: str, micros: int) -> None:
        """Add a job's settled cost: actual, assumed, decided, disputed."""
        self._facts.spend("jobs_settled_dollars", micros, team, model, basis)
        if basis in ("assumed", "disputed"):
            self._facts.count("jobs_unconfirmed", team, basis)

    def estimate_error(self, model: str, ratio: float) -> None:
        """Record a job's cost divided by its estimate."""
        self._facts.observe("job_estimate_error_ratio", ratio, model)
        if ratio > 1:
            self._facts.count("jobs_above_estimate", model)

    def budget_threshold(self, team: str) -> None:
        """Count a window that reached an alert threshold."""
        self._facts.count("budget_thresholds_crossed", team)

    # Upstreams

    def upstream_call(self, upstream: str, operation: str, outcome: str, seconds: float) -> None:
        """Record the end of a call of an upstream."""
        self._facts.observe("upstream_call_duration_seconds", seconds, upstream, operation, outcome)

    def upstream_refused(self, upstream: str, kind: str) -> None:
        """Count a definite refusal: invalid, credentials, credits, rate_limited, ..."""
        self._facts.count("upstream_refusals", upstream, kind)

    def outcome_unknown(self, upstream: str) -> None:
        """Count a submit without a definite answer."""
        self._facts.count("upstream_outcomes_unknown", upstream)

    def catalog_refreshed(self, upstream: str, *, ok: bool) -> None:
        """Count a refresh of a catalog."""
        self._facts.count("catalog_refreshes", upstream, "ok" if ok else "failed")

    def catalog_changed(self, upstream: str, change: str, models: int = 1) -> None:
        """Count changed models of a catalog: added, removed, price, capability."""
        self._facts.count("catalog_changes", upstream, change, by=models)

    # Webhooks and deliveries

    def webhook_received(self, upstream: str, verdict: str) -> None:
        """Count an incoming webhook by its result."""
        self._facts.count("webhooks_received", upstream, verdict)

    def webhook_missed(self, upstream: str) -> None:
        """Count an end that a poll found without a webhook."""
        self._facts.count("webhooks_missed", upstream)

    def delivery_attempted(self, endpoint: str, outcome: str, seconds: float) -> None:
        """Record an attempt of a delivery."""
        self._facts.observe("delivery_attempt_duration_seconds", seconds, endpoint, outcome)

    def delivery_ended(self, endpoint: str, state: str, seconds: float) -> None:
        """Record the end of a delivery, `delivered` or `dead`, `seconds` after its event."""
        self._facts.observe("delivery_delay_seconds", seconds, endpoint, state)

    # Content

    def content_bytes(self, source: str, number: int) -> None:
        """Count bytes of video sent to a client, from `store` or `upstream`."""
        self._facts.count("content_served_bytes", source, by=number)

    def event_stream(self, change: str) -> None:
        """Count an opened or closed stream of a job's events."""
        self._facts.count("event_streams", change)

    def content_lookup(self, result: str) -> None:
        """Count a download: hit, miss, joined, gone."""
        self._facts.count("content_lookups", result)

    def content_evicted(self, reason: str) -> None:
        """Count a removed video: retention, space, operator, missing."""
        self._facts.count("content_evictions", reason)

    def content_store_failed(self, reason: str) -> None:
        """Count a video that could not be stored: full, io, cut, mismatch, missed."""
        self._facts.count("content_store_failures", reason)

    # The gateway itself

    def database_transaction(self, kind: str, seconds: float, waited: float) -> None:
        """Record an act, `read` or `write`: its total seconds, and those of waiting."""
        self._facts.observe("database_transaction_duration_seconds", seconds, kind)
        self._facts.observe("database_wait_duration_seconds", waited, kind)

    def database_failed(self, kind: str) -> None:
        """Count an act that the database did not accept."""
        self._facts.count("database_failures", kind)

    def lease_lost(self, worker: str) -> None:
        """Count work that was discarded because another process has its lease."""
        self._facts.count("worker_leases_lost", worker)

    def worker_failed(self, worker: str) -> None:
        """Count a failed step of a worker."""
        self._facts.count("worker_failures", worker)

    def config_reloaded(self, *, ok: bool) -> None:
        """Count a reload, applied or refused."""
        self._facts.count("config_reloads", "applied" if ok else "refused")

    def config_version(self, version: str) -> None:
        """Set the version of the configuration in force."""
        self._page.config_version = version

    def event_loop_lag(self, seconds: float) -> None:
        """Record the event loop's lag."""
        self._facts.observe("event_loop_lag_seconds", seconds)

    def log_lines_dropped(self, total: Callable[[], int]) -> None:
        """Set the function that returns the lost log lines since the start."""
        self._page.lines_dropped = total

    def spans_dropped(self, total: Callable[[], int]) -> None:
        """Set the function that returns the lost spans since the start."""
        self._page.spans_dropped = total

    # The page

    def set_snapshot(self, snapshot: Snapshot | None) -> None:
        """Set the shared state for the next page; None: it could not be read."""
        self._page.snapshot = snapshot

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the page and its type, in the best format that the Accept header allows."""
        encode, content_type = choose_encoder(accept)
        return encode(_Visible(self._registry)), content_type


class _Page(Collector):
    """Metrics that are computed at the scrape."""

    def __init__(self, vocabulary: Vocabulary, version: str) -> None:
        self._vocabulary = vocabulary
        self._docs = {short(doc): doc for doc in describe()}
        self._version = version
        self.config_version: str | None = None
        self.snapshot: Snapshot | None = None
        self.lines_dropped: Callable[[], int] = lambda: 0
        self.spans_dropped: Callable[[], int] = lambda: 0

    def collect(self) -> Iterator[Metric]:
        yield self._info("build_info", version=self._version, python=platform.python_version())
        if self.config_version is not None:
            yield self._info("config_info", version=self.config_version)
        yield counter(self._docs["log_lines_dropped"], {(): self.lines_dropped()})
        yield counter(self._docs["trace_spans_dropped"], {(): self.spans_dropped()})
        up = self._docs["snapshot_up"]
        yield GaugeMetricFamily(up.name, up.meaning, value=self.snapshot is not None)
        if self.snapshot is not None:
            yield from gauges(self.snapshot, self._docs, self._vocabulary)

    def _info(self, name: str, **labels: str) -> InfoMetricFamily:
        doc = self._docs[name]
        return InfoMetricFamily(doc.name.removesuffix("_info"), doc.meaning, value=labels)


class _Visible(Collector):
    """The registry without `_created`, which would double the number of series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family

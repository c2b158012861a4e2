"""Counters and histograms of the catalogue, which accept only known label values."""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gateway.telemetry.catalogue import PREFIX, MetricDoc
from gateway.telemetry.labels import Vocabulary
from gateway.telemetry.names import CounterName, DollarsName, HistogramName

TraceId = Callable[[], str | None]
Timer = Callable[[float], None]


class Instruments:
    """The counters and histograms, by the catalogue's short names."""

    def __init__(
        self,
        docs: Iterable[MetricDoc],
        registry: CollectorRegistry,
        vocabulary: Vocabulary,
        trace_id: TraceId,
    ) -> None:
        self._docs = {short(doc): doc for doc in docs}
        self._vocabulary = vocabulary
        self._trace_id = trace_id
        self._counters: dict[str, Counter] = {}
        self._dollars: dict[str, Dollars] = {}
        self._histograms: dict[str, Histogram] = {}
        for name, doc in self._docs.items():
            self._make(name, doc, registry)
        self.start_at_zero()

    def _make(self, name: str, doc: MetricDoc, registry: CollectorRegistry) -> None:
        names = [label.name for label in doc.labels]
        if doc.kind == "histogram":
            self._histograms[name] = Histogram(
                doc.name, doc.meaning, names, registry=registry, unit=doc.unit, buckets=doc.buckets
            )
        elif doc.kind == "counter" and doc.unit == "dollars":
            self._dollars[name] = Dollars(doc)
            registry.register(self._dollars[name])
        elif doc.kind == "counter" and doc.labels:
            self._counters[name] = Counter(
                doc.name, doc.meaning, names, registry=registry, unit=doc.unit
            )

    def count(self, name: CounterName, *values: str, by: float = 1) -> None:
        """Add to a counter."""
        self._counters[name].labels(*self._known(name, values)).inc(by)

    def spend(self, name: DollarsName, micros: int, *values: str) -> None:
        """Add money to a counter of dollars; negative amounts are ignored, for it can't shrink."""
        if micros > 0:
            self._dollars[name].add(micros, self._known(name, values))

    def observe(self, name: HistogramName, value: float, *values: str) -> None:
        """Record one value, with the present trace as its exemplar."""
        histogram = self._histograms[name]
        child = histogram.labels(*self._known(name, values)) if values else histogram
        trace_id = self._trace_id()
        child.observe(max(0.0, value), {"trace_id": trace_id} if trace_id else None)

    def timer(self, name: HistogramName, *values: str) -> Timer:
        """Return a function that records values in one series, whose labels are looked up once."""
        child: list[Histogram] = []

        def measure(value: float) -> None:
            if not child:
                child.append(self._histograms[name].labels(*self._known(name, values)))
            child[0].observe(value)

        return measure

    def start_at_zero(self) -> None:
        """Create the series that must exist before their first event, for all known words."""
        for name, doc in self._docs.items():
            if doc.from_zero:
                for values in itertools.product(
                    *(sorted(self._vocabulary.known(x)) for x in doc.labels)
                ):
                    self._counters[name].labels(*values)

    def _known(self, name: str, values: tuple[str, ...]) -> tuple[str, ...]:
        labels = zip(self._docs[name].labels, values, strict=True)
        return tuple(self._vocabulary.say(label, value) for label, value in labels)


class Dollars(Collector):
    """A counter of money, in whole micro-dollars until the scrape, so that nothing is rounded."""

    def __init__(self, doc: MetricDoc) -> None:
        self._doc = doc
        self._lock = threading.Lock()
        self._micros: dict[tuple[str, ...], int] = {}

    def add(self, micros: int, labels: tuple[str, ...]) -> None:
        """Add to one series."""
        with self._lock:
            self._micros[labels] = self._micros.get(labels, 0) + micros

    def collect(self) -> Iterator[Metric]:
        """Yield the sums in dollars."""
        with self._lock:
            rows = dict(self._micros)
        yield counter(self._doc, {labels: micros / 1_000_000 for labels, micros in rows.items()})


def counter(doc: MetricDoc, rows: Mapping[tuple[str, ...], float]) -> CounterMetricFamily:
    """Return a counter with values from elsewhere."""
    names = [label.name for label in doc.labels]
    family = CounterMetricFamily(doc.name, doc.meaning, labels=names, unit=doc.unit)
    for labels, value in rows.items():
        family.add_metric(labels, value)
    return family


def short(doc: MetricDoc) -> str:
    """Return a metric's name in the code, without prefix and `_total`."""
    return doc.name.removeprefix(PREFIX).removesuffix("_total")

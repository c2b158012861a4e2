"""A scraper's view of `/metrics`: parsed by Prometheus's own parsers."""

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample

from gateway.telemetry.metrics import Metrics

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Page:
    """One scrape."""

    def __init__(self, metrics: Metrics, accept: str = "") -> None:
        body, self.content_type = metrics.render(accept)
        self.text = body.decode()
        parse = parse_openmetrics if "openmetrics" in self.content_type else parse_text
        self.families: list[Metric] = list(parse(self.text))

    @property
    def samples(self) -> list[Sample]:
        return [sample for family in self.families for sample in family.samples]

    def values(self, name: str) -> dict[tuple[str, ...], float]:
        """The gateway's own series of that short name, by their labels' values in name order."""
        return {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for sample in self.samples
            if sample.name == f"video_gateway_{name}"
        }

    def series(self) -> set[tuple[str, frozenset[tuple[str, str]]]]:
        return {(sample.name, frozenset(sample.labels.items())) for sample in self.samples}

    def label_values(self) -> set[str]:
        return {value for sample in self.samples for value in sample.labels.values()}


def names(families: Iterable[Metric]) -> set[str]:
    return {family.name for family in families}

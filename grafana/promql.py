"""How our metrics are asked for, so that replicas and restarts come out right (docs/metrics.md)."""

from collections.abc import Sequence
from typing import Final

PREFIX: Final = "video_gateway_"
WINDOW: Final = "$__rate_interval"
"""Grafana's: wide enough for the scrape interval and the panel's resolution."""


def rate(metric: str, by: Sequence[str] = (), where: str = "", window: str = WINDOW) -> str:
    """Of a counter, per second, over all replicas."""
    return f"sum{_by(by)}(rate({_series(metric, where)}[{window}]))"


def per_minute(metric: str, by: Sequence[str] = (), where: str = "") -> str:
    """Of a counter, per minute: submits and jobs are too few for seconds."""
    return f"{rate(metric, by, where)} * 60"


def increase(metric: str, by: Sequence[str] = (), where: str = "", window: str = "$__range") -> str:
    """Of a counter, how much it grew over the time that the dashboard shows."""
    return f"sum{_by(by)}(increase({_series(metric, where)}[{window}]))"


def shared(metric: str, by: Sequence[str], where: str = "") -> str:
    """Of a gauge that every replica reads from the shared database: any one's word, once."""
    return f"max{_by(by)}({_series(metric, where)})"


def quantile(share: float, metric: str, by: Sequence[str] = (), where: str = "") -> str:
    """Of a histogram, over all replicas."""
    labels = ("le", *by)
    buckets = f"rate({_series(f'{metric}_bucket', where)}[{WINDOW}])"
    return f"histogram_quantile({share:g}, sum{_by(labels)}({buckets}))"


def ours(metric: str) -> str:
    """Of a metric that every process exports (`process_*`): the gateway's alone."""
    return f"{metric} and on (instance, job) {PREFIX}build_info"


def or_none(expr: str) -> str:
    """The same, and zero where there is no series yet."""
    return f"({expr}) or vector(0)"


def some(expr: str) -> str:
    """The same without what is zero: words that never happened hide the one that did."""
    return f"({expr}) > 0"


def _series(metric: str, where: str) -> str:
    return f"{PREFIX}{metric}{f'{{{where}}}' if where else ''}"


def _by(labels: Sequence[str]) -> str:
    return f" by ({', '.join(labels)}) " if labels else " "

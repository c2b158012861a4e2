"""PromQL expressions that are correct across replicas and restarts (docs/metrics.md)."""

from collections.abc import Sequence
from typing import Final

PREFIX: Final = "video_gateway_"
WINDOW: Final = "$__rate_interval"
"""Grafana's variable: wide enough for the scrape interval and the panel's resolution."""


def rate(metric: str, by: Sequence[str] = (), where: str = "", window: str = WINDOW) -> str:
    """Return a counter's rate per second over all replicas."""
    return f"sum{_by(by)}(rate({_series(metric, where)}[{window}]))"


def per_minute(metric: str, by: Sequence[str] = (), where: str = "") -> str:
    """Return a counter's rate per minute, because submits and jobs are rare."""
    return f"{rate(metric, by, where)} * 60"


def increase(metric: str, by: Sequence[str] = (), where: str = "", window: str = "$__range") -> str:
    """Return a counter's increase over the dashboard's time range."""
    return f"sum{_by(by)}(increase({_series(metric, where)}[{window}]))"


def shared(metric: str, by: Sequence[str], where: str = "") -> str:
    """Return a gauge that every replica reads from the shared database, counted once."""
    return f"max{_by(by)}({_series(metric, where)})"


def quantile(share: float, metric: str, by: Sequence[str] = (), where: str = "") -> str:
    """Return a histogram's quantile over all replicas."""
    labels = ("le", *by)
    buckets = f"rate({_series(f'{metric}_bucket', where)}[{WINDOW}])"
    return f"histogram_quantile({share:g}, sum{_by(labels)}({buckets}))"


def ours(metric: str) -> str:
    """Restrict a metric that every process exports (`process_*`) to gateway processes."""
    return f"{metric} and on (instance, job) {PREFIX}build_info"


def or_none(expr: str) -> str:
    """Return zero where there is no series yet."""
    return f"({expr}) or vector(0)"


def some(expr: str) -> str:
    """Drop series that are zero, so that the others are visible."""
    return f"({expr}) > 0"


def _series(metric: str, where: str) -> str:
    return f"{PREFIX}{metric}{f'{{{where}}}' if where else ''}"


def _by(labels: Sequence[str]) -> str:
    return f" by ({', '.join(labels)}) " if labels else " "

"""The names that mypy checks are those of the catalogue."""

from typing import get_args

from gateway.telemetry.catalogue import describe
from gateway.telemetry.instruments import short
from gateway.telemetry.names import CounterName, DollarsName, HistogramName


def test_every_recorded_metric_has_a_name_that_is_checked() -> None:
    recorded = [doc for doc in describe() if not doc.scraped]
    histograms = {short(doc) for doc in recorded if doc.kind == "histogram"}
    dollars = {short(doc) for doc in recorded if doc.kind == "counter" and doc.unit == "dollars"}
    counters = {short(doc) for doc in recorded if doc.kind == "counter" and doc.labels} - dollars

    assert set(get_args(HistogramName)) == histograms
    assert set(get_args(DollarsName)) == dollars
    assert set(get_args(CounterName)) == counters

"""The catalogue: one list, well named, and the documentation made from it."""

import re
from pathlib import Path

import pytest

from gateway.telemetry.catalogue import MetricDoc, describe, markdown

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_documentation_is_current() -> None:
    """If this fails: python -m gateway.telemetry.catalogue > docs/metrics.md"""
    assert DOCUMENT.read_text() == markdown()


@pytest.mark.parametrize("doc", describe(), ids=lambda doc: doc.name)
def test_a_metric_is_named_by_the_rules(doc: MetricDoc) -> None:
    assert re.fullmatch(r"video_gateway_[a-z]+(_[a-z]+)*", doc.name)
    assert doc.name.endswith("_total") == (doc.kind == "counter")
    assert doc.name.endswith("_info") == (doc.kind == "info")
    base = doc.name.removesuffix("_total")
    assert not doc.unit or base.endswith(f"_{doc.unit}")
    assert doc.unit in {"", "seconds", "bytes", "dollars", "ratio"}
    assert bool(doc.buckets) == (doc.kind == "histogram")
    assert doc.meaning.endswith(".")
    assert doc.name in markdown()


def test_no_name_is_given_twice() -> None:
    names = [doc.name for doc in describe()]

    assert len(names) == len(set(names))


def test_buckets_rise() -> None:
    for doc in describe():
        assert list(doc.buckets) == sorted(set(doc.buckets))

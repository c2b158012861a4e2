"""Tests of webhook signatures against the published vectors."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox.event import signature

VECTORS = json.loads(
    (Path(__file__).parents[1] / "data" / "webhook-vectors.json").read_text(encoding="utf-8")
)["vectors"]
VALID = [
    vector
    for vector in VECTORS
    if vector["name"].startswith("valid_") and vector["signature_header"].startswith("t=")
]


@pytest.mark.parametrize("vector", VALID, ids=lambda vector: vector["name"])
def test_signatures_match_the_published_vectors(vector: dict[str, Any]) -> None:
    body = bytes.fromhex(vector["raw_body_hex"])
    timestamp = int(vector["signature_header"].split(",")[0].removeprefix("t="))

    assert signature(vector["secret"], timestamp, body) == vector["signature_header"]


def test_the_separator_is_a_comma_and_not_a_dot() -> None:
    dotted = next(vector for vector in VECTORS if vector["name"] == "dot_separator")
    body = bytes.fromhex(dotted["raw_body_hex"])

    assert len(VALID) >= 10
    assert signature(dotted["secret"], 1790983595, body) != dotted["signature_header"]

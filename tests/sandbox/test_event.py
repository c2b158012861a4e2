"""Webhook bytes and signatures: the published vectors, and the shape of the events."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox.event import signature

VECTORS = json.loads(
    (Path(__file__).parents[1] / "data" / "webhook-vectors.json").read_text(encoding="utf-8")
)["vectors"]
GOOD = [
    vector
    for vector in VECTORS
    if vector["name"].startswith("valid_") and vector["signature_header"].startswith("t=")
]


@pytest.mark.parametrize("vector", GOOD, ids=lambda vector: vector["name"])
def test_the_signer_makes_the_published_signatures(vector: dict[str, Any]) -> None:
    body = bytes.fromhex(vector["raw_body_hex"])
    timestamp = int(vector["signature_header"].split(",")[0].removeprefix("t="))

    assert signature(vector["secret"], timestamp, body) == vector["signature_header"]


def test_there_are_vectors_and_the_dot_is_none_of_ours() -> None:
    dotted = next(vector for vector in VECTORS if vector["name"] == "dot_separator")
    body = bytes.fromhex(dotted["raw_body_hex"])

    assert len(GOOD) >= 10
    assert signature(dotted["secret"], 1790983595, body) != dotted["signature_header"]

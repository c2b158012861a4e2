"""JSON with a limit on its size."""

import json

import pytest

from gateway.domain.bounded_json import bounded_json


def test_what_fits_stays_as_it_is() -> None:
    assert json.loads(bounded_json({"a": [1, "x"], "b": None}, 100)) == {"a": [1, "x"], "b": None}


@pytest.mark.parametrize(
    "value",
    [
        {"text": "x" * 10_000},
        {"list": list(range(10_000))},
        {"object": {str(n): n for n in range(5_000)}},
    ],
)
def test_what_is_too_long_is_shortened_and_marked(value: dict[str, object]) -> None:
    text = bounded_json(value, 2_000)

    assert len(text.encode()) <= 2_000
    assert json.loads(text)["shortened"] is True
    assert set(json.loads(text)) == {*value, "shortened"}

"""Refusals as HTTP responses."""

import json
from decimal import Decimal

import pytest

from gateway.api.errors import STATUS, refusal, relayed
from gateway.domain.errors import Reason, Refused, Relayed


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_status(reason: Reason) -> None:
    assert 400 <= STATUS[reason] < 600


def test_a_refusal_has_openrouter_s_body_with_the_reason_and_the_numbers() -> None:
    answer = refusal(Refused(Reason.RATE_LIMITED, "too fast", {"limit": 2}, retry_after=7))
    assert isinstance(answer.body, bytes)

    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert json.loads(answer.body) == {
        "error": {
            "message": "too fast",
            "code": 429,
            "metadata": {"gateway": {"reason": "rate_limited", "limit": 2}},
        }
    }


def test_what_the_upstream_refused_is_relayed() -> None:
    answer = relayed(Relayed(422, {"code": 422, "message": "no"}))
    assert isinstance(answer.body, bytes)

    assert (answer.status, json.loads(answer.body)) == (
        422,
        {"error": {"code": 422, "message": "no"}},
    )


def test_odd_values_never_break_a_refusal() -> None:
    odd = {"value": "\ud800", "price": Decimal("0.5"), "names": {"a"}, "other": object()}
    answer = refusal(Refused(Reason.INVALID_REQUEST, "no", odd))
    assert isinstance(answer.body, bytes)

    shown = json.loads(answer.body)["error"]["metadata"]["gateway"]
    assert (shown["price"], shown["names"]) == (0.5, ["a"])

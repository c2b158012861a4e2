"""The shared and the own part of a stored decision."""

from datetime import date

from gateway.domain.budget import Period
from gateway.domain.decision_record import WindowState, own_record, shared_record, whole_record

DAY = date(2026, 11, 22)
STATE = WindowState("team/red/day", Period.DAY, 0, 86_400_000, 500_000, 20_000, 50_000)


def test_a_record_is_put_together_from_its_shared_and_own_parts() -> None:
    shared = shared_record({"model": "x/one", "rules": []}, DAY)

    whole = whole_record(own_record(shared.id, [STATE]), {shared.id: shared.text}.get)

    assert whole == {
        "model": "x/one",
        "rules": [],
        "outcome": "accepted",
        "budgets": [
            {
                "budget": "team/red/day",
                "window": "day",
                "starts_at": "1970-01-01T00:00:00Z",
                "resets_at": "1970-01-02T00:00:00Z",
                "limit_usd": "0.50",
                "spent_usd": "0.02",
                "reserved_usd": "0.05",
                "estimate_usd": "0.00",
                "would_fit_usd": "0.43",
            }
        ],
    }


def test_a_window_that_never_ends_has_no_reset() -> None:
    state = WindowState("organisation/total", Period.TOTAL, 0, None, 10, 0, 10)

    [budget] = whole_record(own_record("gone", [state]), lambda _: None)["budgets"]

    assert "resets_at" not in budget


def test_a_record_whose_shared_part_was_deleted_keeps_its_own() -> None:
    whole = whole_record(own_record("gone", [STATE]), lambda _: None)

    assert whole["outcome"] == "accepted"
    assert [budget["budget"] for budget in whole["budgets"]] == ["team/red/day"]


def test_a_record_of_an_earlier_version_stays_as_it_is() -> None:
    stored = '{"outcome": "accepted", "budgets": [{"budget": "team/red/day"}]}'

    assert whole_record(stored, lambda _: None) == {
        "outcome": "accepted",
        "budgets": [{"budget": "team/red/day"}],
    }


def test_equal_decisions_share_a_record_for_one_day() -> None:
    first, second = shared_record({"model": "x/one"}, DAY), shared_record({"model": "x/one"}, DAY)
    other = shared_record({"model": "x/two"}, DAY)
    next_day = shared_record({"model": "x/one"}, date(2026, 11, 23))

    assert first == second
    assert len({first.id, other.id, next_day.id}) == 3
    assert next_day.id.startswith("20261123-")


def test_a_shared_record_is_bounded() -> None:
    shared = shared_record({"parameters": {str(n): "x" * 4096 for n in range(100)}}, DAY)

    assert len(shared.text) <= 16_384

"""What closes a reservation: the upstream's figure, and what stands in where it has none."""

import pytest

from gateway.domain.job import Cause, Status
from gateway.domain.settlement import Basis, Settlement, settle

ESTIMATE = 70_000
COMPLETED, FAILED = Status.COMPLETED, Status.FAILED
UPSTREAM = Cause.UPSTREAM


def settled(
    status: Status = COMPLETED,
    cause: Cause = UPSTREAM,
    *,
    raw: str | None = None,
    byok: bool | None = None,
    include_byok: bool = False,
    estimate: int = ESTIMATE,
) -> Settlement:
    return settle(
        status, cause, raw_cost=raw, is_byok=byok, estimate=estimate, include_byok=include_byok
    )


@pytest.mark.parametrize("raw", ["0.05", "0.050", "5e-2", "0.0500000001"])
def test_the_upstream_s_figure_is_what_it_costs(raw: str) -> None:
    assert settled(raw=raw) == Settlement(50_000, Basis.ACTUAL)


def test_it_may_be_more_than_was_estimated() -> None:
    assert settled(raw="0.35").micros == 350_000
    assert settled(raw="7").micros == 7_000_000  # a hundred times as much is still believed


@pytest.mark.parametrize(
    "raw", ["1000000001", "-0.01", "NaN", "Infinity", "-Infinity", "x", "", "1e99", "0x1"]
)
def test_what_is_no_amount_of_money_is_disputed_and_the_estimate_stands(raw: str) -> None:
    """A glitch must neither empty a budget nor give money back."""
    verdict = settled(raw=raw)

    assert (verdict.micros, verdict.basis, verdict.unreadable) == (ESTIMATE, Basis.DISPUTED, True)
    assert verdict.note is not None
    assert len(verdict.note) < 80


@pytest.mark.parametrize(("raw", "micros"), [("7.000001", 7_000_001), ("48514", 48_514_000_000)])
def test_more_than_a_hundred_times_the_estimate_is_booked_and_disputed(
    raw: str, micros: int
) -> None:
    verdict = settled(raw=raw)

    assert (verdict.micros, verdict.basis, verdict.unreadable) == (micros, Basis.DISPUTED, False)


def test_a_completed_job_without_a_figure_is_not_free() -> None:
    assert settled(raw=None).micros == ESTIMATE
    assert settled(raw=None).basis is Basis.ASSUMED


@pytest.mark.parametrize("status", [FAILED, Status.CANCELLED, Status.EXPIRED])
def test_a_job_that_did_not_complete_costs_what_the_upstream_says_and_else_nothing(
    status: Status,
) -> None:
    assert settled(status, raw=None) == Settlement(None, Basis.ACTUAL)
    assert settled(status, raw="0") == Settlement(None, Basis.ACTUAL)
    assert settled(status, raw="0.02") == Settlement(20_000, Basis.ACTUAL)


def test_a_completed_job_may_really_cost_nothing() -> None:
    assert settled(raw="0") == Settlement(0, Basis.ACTUAL)


def test_a_refusal_costs_nothing_whatever_else_is_said() -> None:
    assert settled(FAILED, Cause.REFUSED, raw="5") == Settlement(None, Basis.ACTUAL)


def test_an_outcome_that_never_came_costs_the_estimate() -> None:
    """So that a budget can't be overspent by what nobody heard of."""
    verdict = settled(FAILED, Cause.ASSUMED, raw=None)

    assert (verdict.micros, verdict.basis) == (ESTIMATE, Basis.ASSUMED)


@pytest.mark.parametrize("raw", [None, "0.05"])
def test_the_caller_s_own_provider_key_counts_only_where_it_is_configured_to(
    raw: str | None,
) -> None:
    assert settled(raw=raw, byok=True).micros == 0
    counted = settled(raw=raw, byok=True, include_byok=True)
    assert counted.micros == (ESTIMATE if raw is None else 50_000)


@pytest.mark.parametrize(
    ("raw", "basis"), [("1", Basis.ACTUAL), ("1.01", Basis.DISPUTED), ("20", Basis.DISPUTED)]
)
def test_an_estimate_of_zero_does_not_switch_the_check_off(raw: str, basis: Basis) -> None:
    assert settled(raw=raw, estimate=0).basis is basis


def test_a_job_that_the_upstream_forgot_costs_its_estimate() -> None:
    verdict = settled(FAILED, Cause.LOST, raw=None)

    assert (verdict.micros, verdict.basis) == (ESTIMATE, Basis.ASSUMED)

"""The settlement of a reservation: the upstream's cost, or the estimate without one."""

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
def test_the_upstreams_cost_is_settled(raw: str) -> None:
    assert settled(raw=raw) == Settlement(50_000, Basis.ACTUAL)


def test_the_cost_may_exceed_the_estimate() -> None:
    assert settled(raw="0.35").micros == 350_000
    assert settled(raw="7").micros == 7_000_000  # a hundred times as much is still accepted


@pytest.mark.parametrize(
    "raw", ["1000000001", "-0.01", "NaN", "Infinity", "-Infinity", "x", "", "1e99", "0x1"]
)
def test_an_invalid_amount_is_disputed_and_the_estimate_is_settled(raw: str) -> None:
    """An upstream's error must neither exhaust a budget nor release money."""
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


def test_a_completed_job_without_a_cost_is_not_free() -> None:
    assert settled(raw=None).micros == ESTIMATE
    assert settled(raw=None).basis is Basis.ASSUMED


@pytest.mark.parametrize("status", [FAILED, Status.CANCELLED, Status.EXPIRED])
def test_a_failed_job_costs_what_the_upstream_reports_or_nothing(
    status: Status,
) -> None:
    assert settled(status, raw=None) == Settlement(None, Basis.ACTUAL)
    assert settled(status, raw="0") == Settlement(None, Basis.ACTUAL)
    assert settled(status, raw="0.02") == Settlement(20_000, Basis.ACTUAL)


def test_a_completed_job_may_cost_nothing() -> None:
    assert settled(raw="0") == Settlement(0, Basis.ACTUAL)


def test_a_refusal_always_costs_nothing() -> None:
    assert settled(FAILED, Cause.REFUSED, raw="5") == Settlement(None, Basis.ACTUAL)


def test_a_job_without_a_verdict_costs_the_estimate() -> None:
    """Jobs with an unknown outcome therefore cannot overspend a budget."""
    verdict = settled(FAILED, Cause.ASSUMED, raw=None)

    assert (verdict.micros, verdict.basis) == (ESTIMATE, Basis.ASSUMED)


@pytest.mark.parametrize("raw", [None, "0.05"])
def test_byok_costs_count_only_if_configured(
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


def test_a_job_that_the_upstream_lost_costs_its_estimate() -> None:
    verdict = settled(FAILED, Cause.LOST, raw=None)

    assert (verdict.micros, verdict.basis) == (ESTIMATE, Basis.ASSUMED)

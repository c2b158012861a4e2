"""Which decisions share a record, and when a record must be stored again."""

from dataclasses import replace
from datetime import timedelta

from gateway.domain.pricing import Estimate
from gateway.domain.team import Principal
from gateway.domain.units import Micros
from gateway.domain.video import VideoRequest
from gateway.services.submission.assess import Assessment
from gateway.services.submission.call import Call
from gateway.services.submission.decide import Decision
from gateway.services.submission.decision_records import DecisionRecords
from tests.fakes.clock import FakeClock
from tests.services.books import in_force

LIVE = in_force({}).current
REQUEST = VideoRequest(body={"model": "x/one"}, model="x/one")


def decided(assessment: Assessment | None, micros: int = 50_000) -> Decision:
    return Decision(
        in_force=LIVE,
        call=Call(Principal("red", "ci"), REQUEST, {}, "req"),
        zdr=(),
        upstream="main",
        previous=None,
        rule_results=(),
        estimate=Estimate(Micros(micros), ("1 s x 0.05",)),
        estimate_micros=micros,
        budgets=(),
        model="x/one",
        assessment=assessment,
    )


def assessed() -> Assessment:
    return Assessment(LIVE, None, (), None, "", ())  # type: ignore[arg-type]


def test_decisions_of_one_assessment_share_a_record() -> None:
    records, shared = DecisionRecords(FakeClock()), assessed()

    assert records.of(decided(shared)) is records.of(decided(shared))


def test_another_price_of_the_same_assessment_has_its_own_record() -> None:
    records, shared = DecisionRecords(FakeClock()), assessed()

    assert records.of(decided(shared)).id != records.of(decided(shared, 60_000)).id


def test_a_decision_without_an_assessment_is_made_each_time() -> None:
    records = DecisionRecords(FakeClock())
    other = replace(decided(None), model="x/one", upstream="other")

    assert records.of(decided(None)) == records.of(decided(None))
    assert records.of(other).id != records.of(decided(None)).id


async def test_a_record_is_stored_again_on_the_next_day() -> None:
    clock = FakeClock()
    records, shared = DecisionRecords(clock), assessed()
    first = records.of(decided(shared))
    records.was_stored(first)
    assert records.is_stored(first)

    await clock.advance(timedelta(days=1).total_seconds())
    second = records.of(decided(shared))

    assert second.text == first.text
    assert not records.is_stored(second)

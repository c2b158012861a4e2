"""Money: reserved in every window or in none, closed once, corrected by entries."""

import asyncio
from collections.abc import Mapping

import pytest

from gateway.domain.errors import Reason, Refused
from gateway.domain.job import Job, Status
from gateway.domain.settlement import Basis, Settlement
from gateway.domain.units import epoch_ms
from gateway.ports import Database, Value
from gateway.services.money import reserve
from tests.fakes.transactions import WatchedTransaction
from tests.services.books import Books, in_force

DAY = {"period": "day", "limit_usd": 10}
CENT = 10_000  # micro-dollars


def books(database: Database, *budgets: object, red: tuple[object, ...] = ()) -> Books:
    live = in_force(
        {"budgets": list(budgets), "teams": {"red": {"budgets": list(red)}, "blue": {}}}
    )
    return Books(database, live)


async def test_a_request_is_reserved_in_every_window_that_covers_it(database: Database) -> None:
    month = {"period": "month", "limit_usd": 20, "models": ["x/*"]}
    week = {"period": "week", "limit_usd": 30, "key": "ci"}
    total = {"period": "total", "limit_usd": 40, "models": ["other/*"]}
    ledger = books(database, DAY, red=(month, week, total))

    await ledger.submit("red", 3 * CENT)

    held = {name.partition("@")[0]: money for name, money in (await ledger.windows()).items()}
    assert held == {
        "account/red": (0, 3 * CENT),
        "organisation/day": (0, 3 * CENT),
        "team/red/month?model=x%2F*": (0, 3 * CENT),
        "team/red/week?key=ci": (0, 3 * CENT),
    }
    assert await ledger.broken() == []


async def test_one_exceeded_window_refuses_and_nothing_is_reserved(database: Database) -> None:
    ledger = books(database, DAY, red=({"period": "month", "limit_usd": "0.05"},))
    await ledger.submit("red", 3 * CENT)

    with pytest.raises(Refused) as refusal:
        await ledger.submit("red", 3 * CENT)

    assert refusal.value.reason is Reason.BUDGET_EXCEEDED
    details = refusal.value.details
    assert details["budget"] == "team/red/month"
    assert (details["limit_usd"], details["spent_usd"]) == ("0.05", "0.00")
    assert (details["reserved_usd"], details["estimate_usd"]) == ("0.03", "0.03")
    assert (details["would_fit_usd"], details["resets_at"]) == ("0.02", "2026-12-01T00:00:00Z")
    assert refusal.value.retry_after == 8 * 86_400 + 12 * 3600
    assert {reserved for _, reserved in (await ledger.windows()).values()} == {3 * CENT}
    assert await ledger.broken() == []


async def test_a_refusal_has_no_retry_after_if_waiting_does_not_help(database: Database) -> None:
    ledger = books(database, {"period": "total", "limit_usd": "0.01"})

    with pytest.raises(Refused) as refusal:
        await ledger.submit("red", 3 * CENT)

    assert refusal.value.retry_after is None
    assert "resets_at" not in refusal.value.details


@pytest.mark.parametrize(
    ("status", "cost", "spent"),
    [
        (Status.COMPLETED, "0.02", 2 * CENT),
        (Status.COMPLETED, "0.2", 20 * CENT),  # the upstream's cost counts, even above the estimate
        (Status.COMPLETED, None, 3 * CENT),  # a completed job without a cost is not free
        (Status.COMPLETED, "NaN", 3 * CENT),
        (Status.COMPLETED, "-1", 3 * CENT),
        (Status.COMPLETED, "999", 99_900 * CENT),  # disputed, but booked
        (Status.COMPLETED, "0", 0),
        (Status.FAILED, None, 0),
        (Status.FAILED, "0.01", CENT),
        (Status.EXPIRED, "0", 0),
        (Status.CANCELLED, None, 0),
    ],
)
async def test_an_end_settles_the_expected_cost(
    database: Database, status: Status, cost: str | None, spent: int
) -> None:
    ledger = books(database, DAY)
    job = (await ledger.submit("red", 3 * CENT)).job
    await ledger.accept(job)

    await ledger.end(job.id, status, cost)
    await ledger.end(job.id, status, cost)  # reported twice, booked once

    assert (await ledger.windows("organisation/%")).popitem()[1] == (spent, 0)
    assert await ledger.broken() == []


async def test_a_refused_submit_releases_its_reservation(database: Database) -> None:
    ledger = books(database, DAY)
    job = (await ledger.submit("red", 3 * CENT)).job

    await ledger.refuse(job)

    assert set((await ledger.windows()).values()) == {(0, 0)}
    assert await ledger.broken() == []


async def test_an_unknown_outcome_keeps_its_reservation_and_settles_at_the_estimate(
    database: Database,
) -> None:
    ledger = books(database, DAY)
    job = (await ledger.submit("red", 3 * CENT)).job
    await ledger.lose(job)
    assert set((await ledger.windows()).values()) == {(0, 3 * CENT)}

    ended = await ledger.tracker.assumed(job.id)

    assert (ended.status, ended.cause) == (Status.FAILED, "assumed")
    assert set((await ledger.windows()).values()) == {(3 * CENT, 0)}

    late = await ledger.end(job.id, Status.COMPLETED, "0.01")

    assert late.status is Status.FAILED  # the status is final; only the amount is corrected
    assert set((await ledger.windows()).values()) == {(CENT, 0)}
    assert await ledger.broken() == []


async def test_a_late_cost_of_a_job_that_was_released_is_booked(database: Database) -> None:
    ledger = books(database, DAY)
    job = (await ledger.submit("red", 3 * CENT)).job
    await ledger.accept(job)
    await ledger.end(job.id, Status.FAILED)

    for _ in range(2):
        await ledger.end(job.id, Status.FAILED, "0.02")

    assert set((await ledger.windows()).values()) == {(2 * CENT, 0)}
    assert (await ledger.find(job.id)).cost_micros == 2 * CENT
    assert await ledger.broken() == []


@pytest.mark.parametrize(("include", "spent"), [(False, 0), (True, 2 * CENT)])
async def test_byok_counts_only_if_it_is_included(
    database: Database, include: bool, spent: int
) -> None:
    live = in_force({"budgets": [DAY], "pricing": {"include_byok": include}})
    ledger = Books(database, live)
    job = (await ledger.submit("red", 3 * CENT)).job
    await ledger.accept(job)

    ended = await ledger.end(job.id, Status.COMPLETED, "0.02", byok=True)

    assert set((await ledger.windows()).values()) == {(spent, 0)}
    assert ended.usage == {"cost": 0.02, "is_byok": True}  # the client gets the upstream's cost


async def test_a_job_over_midnight_is_charged_in_the_window_of_its_reservation(
    database: Database,
) -> None:
    ledger = books(database, DAY)
    job = (await ledger.submit("red", 3 * CENT)).job
    await ledger.accept(job)
    await ledger.clock.advance(86_400)
    await ledger.submit("red", CENT)

    await ledger.end(job.id, Status.COMPLETED, "0.02")

    days = sorted((await ledger.windows("organisation/%")).items())
    assert [money for _, money in days] == [(2 * CENT, 0), (0, CENT)]
    assert await ledger.broken() == []


async def test_a_clock_that_steps_back_opens_no_older_window(database: Database) -> None:
    ledger = books(database, DAY)
    await ledger.submit("red", CENT)
    ledger.clock.jump(-86_400)

    await ledger.submit("red", CENT)

    assert list((await ledger.windows("organisation/%")).values()) == [(0, 2 * CENT)]


async def test_a_threshold_publishes_one_event_per_window(database: Database) -> None:
    ledger = books(database, {"period": "day", "limit_usd": "0.10", "alerts": ["0.5", "0.8", 1]})
    job = (await ledger.submit("red", 6 * CENT)).job
    assert await ledger.types() == ["budget.threshold"]
    await ledger.accept(job)
    await ledger.end(job.id, Status.FAILED)

    again = (await ledger.submit("red", 6 * CENT)).job  # reaches a half a second time

    assert (await ledger.types()).count("budget.threshold") == 1
    await ledger.accept(again)
    await ledger.end(again.id, Status.COMPLETED, "0.2")  # an overrun crosses the others
    assert (await ledger.types()).count("budget.threshold") == 3
    await ledger.clock.advance(86_400)
    await ledger.submit("red", 5 * CENT)
    assert (await ledger.types()).count("budget.threshold") == 4


async def test_a_thousand_concurrent_reservations_never_exceed_the_limit(
    database: Database,
) -> None:
    ledger = books(database, {"period": "day", "limit_usd": "0.10"})

    answers = await asyncio.gather(
        *(ledger.submit("red", 3 * CENT) for _ in range(1000)), return_exceptions=True
    )

    granted = [answer for answer in answers if not isinstance(answer, BaseException)]
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert (len(granted), len(refused)) == (3, 997)
    assert (await ledger.windows("organisation/%")).popitem()[1] == (0, 9 * CENT)
    assert await ledger.broken() == []


async def test_a_lowered_limit_refuses_new_requests_and_violates_nothing(
    database: Database,
) -> None:
    ledger = books(database, DAY)
    job: Job = (await ledger.submit("red", 300 * CENT)).job
    lower = in_force({"budgets": [{"period": "day", "limit_usd": 1}]}).current
    ledger.live.replace(lower.config, "2")

    with pytest.raises(Refused):
        await ledger.submit("red", 1)
    await ledger.accept(job)
    await ledger.end(job.id, Status.COMPLETED, "0.5")
    await ledger.submit("red", 50 * CENT)

    assert await ledger.broken() == []


async def test_a_new_budget_counts_the_earlier_jobs_of_its_period(database: Database) -> None:
    ledger = books(database)
    done = (await ledger.submit("red", 3 * CENT)).job
    await ledger.accept(done)
    await ledger.end(done.id, Status.COMPLETED, "0.02")
    running = (await ledger.submit("red", 5 * CENT)).job
    await ledger.submit("blue", 7 * CENT)
    await ledger.submit("red", 11 * CENT, model="y/other")
    fresh = in_force(
        {"teams": {"red": {"budgets": [{**DAY, "limit_usd": "0.10", "models": ["x/*"]}]}}}
    )
    ledger.live.replace(fresh.config, "2")

    with pytest.raises(Refused) as refusal:
        await ledger.submit("red", 4 * CENT)
    await ledger.submit("red", 3 * CENT)

    details = refusal.value.details
    assert (details["spent_usd"], details["reserved_usd"]) == ("0.02", "0.05")
    assert (await ledger.windows("team/red/%")).popitem()[1] == (2 * CENT, 8 * CENT)
    await ledger.accept(running)
    await ledger.end(running.id, Status.COMPLETED, "0.05")
    assert (await ledger.windows("team/red/%")).popitem()[1] == (7 * CENT, 3 * CENT)
    assert await ledger.broken() == []


async def test_an_inconsistent_window_is_a_violation(database: Database) -> None:
    ledger = books(database, DAY)
    await ledger.submit("red", CENT)
    await database.write(
        lambda tx: tx.execute("UPDATE windows SET reserved = 7 WHERE budget_id = 'account/red'")
    )

    broken = await ledger.broken()

    assert [violation.rule for violation in broken] == [
        "a window's totals are the sums of its entries"
    ]
    assert "reserved 7, reserved_sum 10000" in broken[0].found


async def test_a_closed_reservation_cannot_be_closed_again(database: Database) -> None:
    ledger = books(database, DAY)
    job = (await ledger.submit("red", CENT)).job
    await ledger.accept(job)
    await ledger.end(job.id, Status.COMPLETED, "0.01")

    with pytest.raises(Exception, match=r"(?i)unique|constraint|storage|ledger"):
        await database.write(
            lambda tx: reserve.close(
                tx, job.id, Settlement(CENT, Basis.ACTUAL), {}, by="test", now=1
            )
        )

    assert await ledger.broken() == []


async def test_a_refusal_lists_only_exceeded_windows_without_the_request_itself(
    database: Database,
) -> None:
    """Windows are reserved one after another; those that fit are not part of the refusal."""
    day = {"period": "day", "limit_usd": "0.05"}
    ledger = books(database, day, red=({"period": "month", "limit_usd": "0.04"},))
    await ledger.submit("red", 1 * CENT)

    with pytest.raises(Refused) as refusal:
        await ledger.submit("red", 4 * CENT)

    windows = refusal.value.details["windows"]
    assert [window["budget"] for window in windows] == ["team/red/month"]
    assert windows[0]["reserved_usd"] == "0.01"


async def test_reserving_and_closing_lock_windows_in_the_same_order(
    database: Database,
) -> None:
    """Different orders would deadlock on PostgreSQL under concurrent load."""
    day = {"period": "day", "limit_usd": 10}
    by_model = {"period": "day", "limit_usd": 10, "models": ["x/*"]}
    by_key = {"period": "day", "limit_usd": 10, "key": "ci"}
    ledger = books(database, day, by_model, red=(day, by_model, by_key))
    taken: list[str] = []

    def see(sql: str, params: Mapping[str, Value]) -> None:
        """Record the order of written windows."""
        if "UPDATE windows" in sql:
            taken.append(str(params["id"]))

    budgets = tuple(ledger.live.current.rules.budgets.values())
    now = ledger.clock.now()
    payer = reserve.Payer("job", "red", "ci", "x/one")
    await database.write(
        lambda tx: reserve.reserve(
            WatchedTransaction(tx, see), payer, budgets, CENT, by="key ci", now=now
        )
    )
    held, taken[:] = tuple(dict.fromkeys(taken)), []
    bill = Settlement(None, Basis.ACTUAL)
    await database.write(
        lambda tx: reserve.close(
            WatchedTransaction(tx, see), "job", bill, {}, by="refused", now=epoch_ms(now)
        )
    )

    assert len(held) == 6
    assert tuple(taken) == held == tuple(sorted(held))

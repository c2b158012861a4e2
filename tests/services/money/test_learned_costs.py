"""Past costs are read once in some seconds, and at once after this process booked one."""

from gateway.domain.units import epoch_ms
from gateway.ports import Database
from gateway.services.money.learned_costs import LearnedCosts
from gateway.store import costs
from tests.fakes.clock import FakeClock


async def bill(database: Database, clock: FakeClock, micros: int, team: str = "red") -> None:
    now = epoch_ms(clock.now())
    await database.write(lambda tx: costs.learn(tx, "profile", team, micros, 10, now=now))


async def test_a_past_cost_is_kept_for_seconds_and_then_read_anew(database: Database) -> None:
    clock = FakeClock()
    learned = LearnedCosts(database, clock)
    assert await learned.of("profile", None) is None

    await bill(database, clock, 50)  # by another replica

    assert await learned.of("profile", None) is None
    await clock.advance(5)
    assert await learned.of("profile", None) == 50


async def test_a_cost_of_this_process_counts_at_once(database: Database) -> None:
    clock = FakeClock()
    learned = LearnedCosts(database, clock)
    await learned.of("profile", None)
    await bill(database, clock, 50)

    learned.forget()

    assert await learned.of("profile", None) == 50


async def test_one_team_is_not_told_what_another_paid(database: Database) -> None:
    clock = FakeClock()
    learned = LearnedCosts(database, clock)
    await bill(database, clock, 50)

    assert await learned.of("profile", None) == 50
    assert await learned.of("profile", "red") == 50
    assert await learned.of("profile", "blue") is None

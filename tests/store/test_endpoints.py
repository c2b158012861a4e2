"""Health of endpoints."""

from gateway.domain.delivery import Failing
from gateway.domain.units import from_epoch_ms
from gateway.ports import Database
from gateway.store import endpoints


async def test_an_endpoint_is_disabled_and_enabled_once(database: Database) -> None:
    disabled = [
        await database.write(lambda tx: endpoints.disable(tx, "farm", "gone", now=5))
        for _ in range(2)
    ]
    shown = await database.read(lambda tx: endpoints.health(tx, "farm"))
    enabled = [await database.write(lambda tx: endpoints.enable(tx, "farm")) for _ in range(2)]

    assert (disabled, enabled) == ([True, False], [True, False])
    assert (shown.disabled_at, shown.disabled_because) == (5, "gone")
    assert (await database.read(lambda tx: endpoints.health(tx, "farm"))).disabled_at is None


async def test_a_success_forgets_the_failures_before_it(database: Database) -> None:
    failing = Failing(from_epoch_ms(1), from_epoch_ms(9))
    await database.write(lambda tx: endpoints.failed(tx, "farm", failing))
    before = await database.read(lambda tx: endpoints.health(tx, "farm"))
    await database.write(lambda tx: endpoints.recovered(tx, "farm"))

    assert before.failing == failing
    assert (await database.read(lambda tx: endpoints.health(tx, "farm"))).failing is None
    assert set(await database.read(endpoints.every)) == {"farm"}

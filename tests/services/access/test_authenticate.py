"""Authentication: by the full hash, with a short delay, without hints about near matches."""

import random

import pytest

from gateway.config.live import Live
from gateway.domain.audit import Actor
from gateway.domain.errors import Reason, Refused, StorageFailed
from gateway.domain.team import Principal, hash_key
from gateway.ports import Database
from gateway.services.access.api_keys import Keyring, new_key
from gateway.services.access.authenticate import Authenticator
from tests.fakes.clock import FakeClock
from tests.fakes.database import Outage
from tests.services.books import in_force

KEY = "vg_" + "k" * 40
TEAMS = {"teams": {"red": {"keys": [{"name": "ci", "hash": hash_key(KEY)}]}, "blue": {}}}
OPS = Actor("ops", "127.0.0.1")


@pytest.fixture
def live() -> Live:
    return in_force(TEAMS)


@pytest.fixture
def keyring(database: Database, live: Live) -> Keyring:
    return Keyring(database, FakeClock(), random.Random(1), live)


@pytest.fixture
def authenticator(database: Database, live: Live) -> Authenticator:
    return Authenticator(database, live)


def reason(authenticator: Authenticator, header: str | None) -> Reason:
    with pytest.raises(Refused) as caught:
        authenticator.principal(header)
    return caught.value.reason


async def test_a_configured_key_belongs_to_its_team(authenticator: Authenticator) -> None:
    assert authenticator.principal(f"Bearer {KEY}") == Principal("red", "ci")
    assert authenticator.principal(f"bearer  {KEY} ") == Principal("red", "ci")


async def test_an_unknown_key_is_refused(authenticator: Authenticator) -> None:
    near_misses = [
        None, "", "Bearer", "Bearer ", f"Basic {KEY}", KEY, f"Bearer {KEY[:-1]}", f"Bearer {KEY}k",
        f"Bearer {KEY[:20]}", f"Bearer {hash_key(KEY)}", f"Bearer {KEY.upper()}", "Bearer \udcff",
    ]  # fmt: skip

    for header in near_misses:
        assert reason(authenticator, header) is Reason.INVALID_KEY, header


async def test_a_key_works_after_a_refresh_and_stops_after_the_next_one(
    authenticator: Authenticator, keyring: Keyring
) -> None:
    made = await keyring.create("blue", "laptop", OPS)
    header = f"Bearer {made.secret}"
    assert reason(authenticator, header) is Reason.INVALID_KEY

    await authenticator.refresh()
    assert authenticator.principal(header) == Principal("blue", "laptop")

    await keyring.revoke("blue", "laptop", OPS)
    await authenticator.refresh()
    assert reason(authenticator, header) is Reason.REVOKED_KEY


async def test_a_key_stops_with_its_team_or_its_entry_in_the_file(
    database: Database, authenticator: Authenticator, keyring: Keyring, live: Live
) -> None:
    made = await keyring.create("blue", "laptop", OPS)
    await authenticator.refresh()
    without = in_force({"teams": {"green": {}}}).current

    live.replace(without.config, without.version)

    for key in (KEY, made.secret):
        assert reason(authenticator, f"Bearer {key}") is Reason.INVALID_KEY


async def test_the_last_read_keys_stay_in_force_without_the_database(
    database: Database, live: Live, keyring: Keyring
) -> None:
    outage = Outage()
    authenticator = Authenticator(outage.around(database), live)
    made = await keyring.create("blue", "laptop", OPS)
    await authenticator.refresh()

    outage.down = True
    with pytest.raises(StorageFailed):
        await authenticator.refresh()

    assert authenticator.principal(f"Bearer {made.secret}") == Principal("blue", "laptop")


async def test_a_refused_key_names_the_reason(keyring: Keyring) -> None:
    names = ["ci", "", "a b", "-x", "x" * 65, "é", "a\0b", "../x"]  # the configuration has `ci`

    for team, name, field in [("green", "ci", "team"), *(("red", name, "name") for name in names)]:
        with pytest.raises(Refused) as caught:
            await keyring.create(team, name, OPS)

        assert caught.value.reason is Reason.INVALID_REQUEST
        assert caught.value.details["field"] == field
    assert await keyring.stored() == []


async def test_a_name_is_in_use_until_its_key_is_revoked(keyring: Keyring) -> None:
    first = await keyring.create("red", "laptop", OPS)
    with pytest.raises(Refused):
        await keyring.create("red", "laptop", OPS)

    await keyring.revoke("red", "laptop", OPS)
    with pytest.raises(Refused):
        await keyring.revoke("red", "laptop", OPS)
    second = await keyring.create("red", "laptop", OPS)

    assert first.secret != second.secret
    stored = await keyring.stored()
    assert [key.revoked_at is None for key in stored].count(True) == 1
    assert first.secret not in str(stored)


def test_a_key_is_long_and_has_a_prefix() -> None:
    made = {new_key(random.SystemRandom()) for _ in range(100)}

    assert len(made) == 100
    assert all(key.startswith("vg_") and len(key) == 43 and key.isascii() for key in made)

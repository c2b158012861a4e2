"""Rows of stored videos: one per output and store, deletion marks, and records of removals."""

import pytest

from gateway.domain.content import Asset, Removed
from gateway.ports import Database
from gateway.store import assets, withdrawals
from gateway.store.assets import Removal
from gateway.store.withdrawals import Withdrawal


def _asset(name: str, *, output: int = 0, store: str = "here", used: int = 10) -> Asset:
    return Asset(name, "job", output, store, "growth", 100, "ab", 5, used)


async def _add(database: Database, *rows: Asset) -> list[bool]:
    return [
        await database.write(lambda tx, row=row: assets.add(tx, row))  # type: ignore[misc]
        for row in rows
    ]


async def test_a_store_has_one_row_per_output(database: Database) -> None:
    taken = await _add(
        database,
        _asset("a"),
        _asset("b"),
        _asset("c", output=1),
        _asset("d", store="there"),
    )

    assert taken == [True, False, True, True]
    held = await database.read(lambda tx: assets.holdings(tx, "job", 0))
    assert sorted(asset.name for asset in held) == ["a", "d"]
    every = await database.read(lambda tx: assets.of_job(tx, "job"))
    assert [asset.name for asset in every] == ["a", "d", "c"]


async def test_a_use_removes_the_deletion_mark(database: Database) -> None:
    await _add(database, _asset("a"))
    await database.write(lambda tx: assets.mark_for_deletion(tx, _asset("a"), "space", now=20))

    await database.write(lambda tx: assets.touch(tx, ["a", "unknown"], now=30))

    removal = Removal("space", "gateway", last_copy=True, at=40)
    assert not await database.write(lambda tx: assets.remove(tx, _asset("a"), removal))
    (row,) = await database.read(lambda tx: assets.of_job(tx, "job"))
    assert row.last_used_at == 30


async def test_an_asset_used_since_its_selection_is_not_marked(database: Database) -> None:
    await _add(database, _asset("a", used=10))
    await database.write(lambda tx: assets.touch(tx, ["a"], now=15))

    assert not await database.write(
        lambda tx: assets.mark_for_deletion(tx, _asset("a", used=10), "retention", now=20)
    )


async def test_a_marked_asset_is_neither_counted_nor_selected_again(database: Database) -> None:
    await _add(database, _asset("a"), _asset("b", output=1, used=11))
    before = await database.read(lambda tx: assets.totals(tx, "here"))
    await database.write(lambda tx: assets.mark_for_deletion(tx, _asset("a"), "space", now=20))

    after = await database.read(lambda tx: assets.totals(tx, "here"))
    least = await database.read(lambda tx: assets.least_used(tx, "here", limit=9))
    old = await database.read(lambda tx: assets.stored_before(tx, "here", moment=5, limit=9))

    assert (before.videos, before.size) == (2, 200)
    assert (after.videos, after.size) == (1, 100)
    assert [asset.name for asset in least] == [asset.name for asset in old] == ["b"]


async def test_an_empty_store_has_zero_totals(database: Database) -> None:
    totals = await database.read(lambda tx: assets.totals(tx, "here"))

    assert (totals.videos, totals.size) == (0, 0)


@pytest.mark.parametrize("reason", ["operator", "missing"])
async def test_a_removal_happens_once_and_is_recorded(database: Database, reason: Removed) -> None:
    await _add(database, _asset("a"))
    removal = Removal(reason, "ops", last_copy=True, at=40)

    first = await database.write(lambda tx: assets.remove(tx, _asset("a"), removal))
    second = await database.write(lambda tx: assets.remove(tx, _asset("a"), removal))

    assert (first, second) == (True, False)
    (row,) = await database.read(lambda tx: assets.removals(tx, "job"))
    assert (row["name"], row["reason"], row["made_by"]) == ("a", reason, "ops")


async def test_known_names_are_those_with_a_row(database: Database) -> None:
    await _add(database, _asset("a"))

    assert await database.read(lambda tx: assets.known(tx, ["a", "b"])) == {"a"}


async def test_the_first_withdrawal_is_kept(database: Database) -> None:
    first, second = Withdrawal("job", 1, "ops", "a face"), Withdrawal("job", 2, "other", None)

    assert await database.write(lambda tx: withdrawals.add(tx, first))
    assert not await database.write(lambda tx: withdrawals.add(tx, second))
    assert await database.read(lambda tx: withdrawals.find(tx, "job")) == first
    assert await database.read(lambda tx: withdrawals.find(tx, "another")) is None

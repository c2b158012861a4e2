"""Store the rows of stored videos: added, used, marked for deletion, removed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gateway.domain.content import Asset, Removed
from gateway.ports import Row, Transaction

_COLUMNS = "name, job_id, output, store, team, size, sha256, stored_at, last_used_at"


def add(tx: Transaction, asset: Asset) -> bool:
    """Record that a store has this output; False if that is already recorded."""
    return tx.changed(
        f"""
        INSERT INTO assets ({_COLUMNS})
        VALUES (:name, :job_id, :output, :store, :team, :size, :sha256, :stored_at, :used_at)
        ON CONFLICT DO NOTHING
        """,
        name=asset.name,
        job_id=asset.job_id,
        output=asset.output,
        store=asset.store,
        team=asset.team,
        size=asset.size,
        sha256=asset.sha256,
        stored_at=asset.stored_at,
        used_at=asset.last_used_at,
    )


def holdings(tx: Transaction, job_id: str, output: int) -> list[Asset]:
    """Return the copies of one output in all stores."""
    rows = tx.fetch(
        f"SELECT {_COLUMNS} FROM assets WHERE job_id = :job_id AND output = :output",
        job_id=job_id,
        output=output,
    )
    return [_asset(row) for row in rows]


def of_job(tx: Transaction, job_id: str) -> list[Asset]:
    """Return every stored copy of a job's outputs."""
    rows = tx.fetch(
        f"SELECT {_COLUMNS} FROM assets WHERE job_id = :job_id ORDER BY output, store",
        job_id=job_id,
    )
    return [_asset(row) for row in rows]


def touch(tx: Transaction, names: Collection[str], *, now: int) -> None:
    """Record that assets were read at `now`, and remove their deletion marks."""
    for name in names:
        tx.execute(
            """
            UPDATE assets SET last_used_at = :now, doomed_at = NULL, doomed_because = NULL
            WHERE name = :name AND last_used_at < :now
            """,
            name=name,
            now=now,
        )


def mark_for_deletion(tx: Transaction, asset: Asset, because: Removed, *, now: int) -> bool:
    """Mark an asset for deletion; False if it was used since it was selected."""
    return tx.changed(
        """
        UPDATE assets SET doomed_at = :now, doomed_because = :because
        WHERE name = :name AND last_used_at = :used_at AND doomed_at IS NULL
        """,
        name=asset.name,
        used_at=asset.last_used_at,
        because=because,
        now=now,
    )


def stored_before(tx: Transaction, store: str, *, moment: int, limit: int) -> list[Asset]:
    """Return unmarked assets that were stored at `moment` or earlier, oldest first."""
    rows = tx.fetch(
        f"""
        SELECT {_COLUMNS} FROM assets
        WHERE store = :store AND stored_at <= :moment AND doomed_at IS NULL
        ORDER BY stored_at LIMIT :limit
        """,
        store=store,
        moment=moment,
        limit=limit,
    )
    return [_asset(row) for row in rows]


def least_used(tx: Transaction, store: str, *, limit: int) -> list[Asset]:
    """Return unmarked assets, least recently used first."""
    rows = tx.fetch(
        f"""
        SELECT {_COLUMNS} FROM assets WHERE store = :store AND doomed_at IS NULL
        ORDER BY last_used_at, stored_at, name LIMIT :limit
        """,
        store=store,
        limit=limit,
    )
    return [_asset(row) for row in rows]


@dataclass(frozen=True, slots=True)
class MarkedAsset:
    """A video that is marked for deletion."""

    asset: Asset
    because: Removed
    upstream_until: int | None  # epoch seconds; None: the upstream's retention is unknown


def marked_before(tx: Transaction, store: str, *, moment: int, limit: int) -> list[MarkedAsset]:
    """Return assets that were marked at `moment` or earlier and not used since."""
    rows = tx.fetch(
        f"""
        SELECT {_prefixed("assets")}, assets.doomed_because, jobs.copy_expires_at
        FROM assets JOIN jobs ON jobs.id = assets.job_id
        WHERE assets.store = :store AND assets.doomed_at <= :moment
        ORDER BY assets.doomed_at, assets.last_used_at LIMIT :limit
        """,
        store=store,
        moment=moment,
        limit=limit,
    )
    return [MarkedAsset(_asset(row), row["doomed_because"], row["copy_expires_at"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Removal:
    """The record of a removed video."""

    reason: Removed
    made_by: str
    last_copy: bool
    at: int


def remove(tx: Transaction, asset: Asset, removal: Removal) -> bool:
    """Delete an asset's row and record its removal; False if it was already removed.

    An asset that lost its deletion mark, because it was used, is kept; the result is then False.
    """
    spared = "AND doomed_at IS NOT NULL" if removal.reason in ("retention", "space") else ""
    if not tx.execute(f"DELETE FROM assets WHERE name = :name {spared}", name=asset.name):
        return False
    tx.execute(
        """
        INSERT INTO asset_removals (
          name, job_id, output, store, team, size, sha256, stored_at, removed_at, reason, made_by,
          last_copy
        ) VALUES (
          :name, :job_id, :output, :store, :team, :size, :sha256, :stored_at, :at, :reason,
          :made_by, :last_copy
        )
        """,
        name=asset.name,
        job_id=asset.job_id,
        output=asset.output,
        store=asset.store,
        team=asset.team,
        size=asset.size,
        sha256=asset.sha256,
        stored_at=asset.stored_at,
        at=removal.at,
        reason=removal.reason,
        made_by=removal.made_by,
        last_copy=int(removal.last_copy),
    )
    return True


def removals(tx: Transaction, job_id: str) -> Sequence[Row]:
    """Return the removals of a job's videos, in the order of removal."""
    return tx.fetch(
        """
        SELECT name, output, store, size, sha256, stored_at, removed_at, reason, made_by, last_copy
        FROM asset_removals WHERE job_id = :job_id ORDER BY removed_at, output
        """,
        job_id=job_id,
    )


@dataclass(frozen=True, slots=True)
class Totals:
    """The number and total size of a store's videos, by the rows."""

    videos: int
    size: int


def totals(tx: Transaction, store: str) -> Totals:
    """Return a store's totals without assets that are marked for deletion."""
    row = tx.fetchrow(
        """
        SELECT COUNT(*) AS videos, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS size
        FROM assets WHERE store = :store AND doomed_at IS NULL
        """,
        store=store,
    )
    return Totals(0, 0) if row is None else Totals(row["videos"], row["size"])


def known(tx: Transaction, names: Collection[str]) -> set[str]:
    """Return the names that have a row."""
    found = (tx.fetchrow("SELECT name FROM assets WHERE name = :name", name=name) for name in names)
    return {row["name"] for row in found if row is not None}


def _prefixed(table: str) -> str:
    return ", ".join(f"{table}.{column}" for column in _COLUMNS.split(", "))


def _asset(row: Row) -> Asset:
    return Asset(
        name=row["name"],
        job_id=row["job_id"],
        output=row["output"],
        store=row["store"],
        team=row["team"],
        size=row["size"],
        sha256=row["sha256"],
        stored_at=row["stored_at"],
        last_used_at=row["last_used_at"],
    )

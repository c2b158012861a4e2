"""Store money: budget windows, and a ledger entry for every change of them.

A window's totals are a cache of its entries: every change of the totals appends an entry in the
same transaction. `gateway.store.invariants` recomputes the totals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from gateway.domain.errors import StorageFailed
from gateway.ports import Row, Transaction

NO_LIMIT = 2**62
"""Micro-dollars: the limit of a window that only counts."""

Kind = Literal["carry", "reserve", "settle", "release", "correct"]


@dataclass(frozen=True, slots=True)
class Window:
    """One period of one budget. Money is in micro-dollars, times are in epoch ms."""

    id: str
    budget_id: str
    starts_at: int
    ends_at: int | None
    limit_micros: int
    reserved: int
    spent: int
    overrun: int
    estimated: int


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One entry of the ledger, as it is appended."""

    window_id: str
    job_id: str
    kind: Kind
    reserved: int
    spent: int
    overrun: int
    limit: int
    made_by: str
    at: int
    raw_cost: str | None = None
    note: str | None = None


_WINDOW = "id, budget_id, starts_at, ends_at, limit_micros, reserved, spent, overrun, estimated"


def window_id(budget_id: str, starts_at: int) -> str:
    """Return the id of the budget's window that starts at `starts_at`."""
    return f"{budget_id}@{starts_at}"


@dataclass(frozen=True, slots=True)
class Room:
    """What a reservation needs in one window: an id, and the limit that it must fit (None: any)."""

    window_id: str
    limit: int | None


def newest_starts(tx: Transaction, until: Mapping[str, int]) -> dict[str, int]:
    """Return, per budget id, the latest start of its windows that start at `until` or before.

    Budgets without such a window are left out. One statement, which reads one index entry each.
    """
    if not until:
        return {}
    params: dict[str, str | int] = {}
    for position, (budget_id, latest) in enumerate(until.items()):
        params[f"budget{position}"] = budget_id
        params[f"until{position}"] = latest
    rows = tx.fetch(_newest_of(len(until)), **params)
    return {row["budget_id"]: row["newest"] for row in rows if row["newest"] is not None}


@lru_cache(maxsize=64)
def _newest_of(count: int) -> str:
    return " UNION ALL ".join(
        f"SELECT CAST(:budget{n} AS TEXT) AS budget_id, MAX(starts_at) AS newest"
        f" FROM windows WHERE budget_id = :budget{n} AND starts_at <= :until{n}"
        for n in range(count)
    )


def windows_after(tx: Transaction, budget_id: str, after: int) -> list[str]:
    """Return the ids of the budget's windows that start later than `after`."""
    rows = tx.fetch(
        """
        SELECT id FROM windows WHERE budget_id = :budget_id AND starts_at > :after
        ORDER BY starts_at
        """,
        budget_id=budget_id,
        after=after,
    )
    return [row["id"] for row in rows]


def open_window(
    tx: Transaction, budget_id: str, starts_at: int, ends_at: int | None, limit: int
) -> bool:
    """Create the window's row if it is missing; return whether it was created."""
    return tx.changed(
        """
        INSERT INTO windows (
          id, budget_id, starts_at, ends_at, limit_micros, reserved, spent, overrun, estimated,
          entries
        ) VALUES (:id, :budget_id, :starts_at, :ends_at, :limit, 0, 0, 0, 0, 0)
        ON CONFLICT DO NOTHING
        """,
        id=window_id(budget_id, starts_at),
        budget_id=budget_id,
        starts_at=starts_at,
        ends_at=ends_at,
        limit=limit,
    )


def take(
    tx: Transaction, window: str, estimate: int, limit: int | None
) -> tuple[int, Window] | None:
    """Add the estimate to what the window has reserved if it fits under the limit.

    Returns the number of the entry that must be appended for it (`append_reservations`), and the
    changed window; None where it does not fit, or the window is not there. `limit` None: always
    fits. Only the limit decides; an overrun only stops new reservations (docs/reliability.md (b)).
    """
    bounded = "AND spent + reserved + :estimate <= :limit" if limit is not None else ""
    shown = "limit_micros = :limit," if limit is not None else ""
    named = {} if limit is None else {"limit": limit}
    row = tx.fetchrow(
        f"""
        UPDATE windows
        SET reserved = reserved + :estimate, estimated = estimated + :estimate, {shown}
            entries = entries + 1
        WHERE id = :id {bounded}
        RETURNING entries, {_WINDOW}
        """,
        id=window,
        estimate=estimate,
        **named,
    )
    if row is None:
        return None
    facts = dict(row)
    return facts.pop("entries"), Window(**facts)


def take_all(
    tx: Transaction, rooms: Sequence[Room], estimate: int
) -> dict[str, tuple[int, Window]]:
    """Add the estimate to every window in which it fits; return what `take` does, by window id.

    All rows must be there, so that they can be locked in the one order that every transaction uses:
    by the bytes of their ids.
    """
    ids = {f"window{n}": room.window_id for n, room in enumerate(rooms)}
    limits = {f"limit{n}": room.limit for n, room in enumerate(rooms) if room.limit is not None}
    if tx.for_update:
        tx.fetch(f"{_locking(len(rooms))} {tx.for_update}", **ids)
    rows = tx.fetch(_taking(len(rooms), tuple(limits)), estimate=estimate, **ids, **limits)
    taken = {}
    for row in rows:
        facts = dict(row)
        number = facts.pop("entries")
        taken[facts["id"]] = (number, Window(**facts))
    return taken


@lru_cache(maxsize=64)
def _locking(count: int) -> str:
    listed = ", ".join(f":window{n}" for n in range(count))
    return f'SELECT id FROM windows WHERE id IN ({listed}) ORDER BY id COLLATE "C"'


@lru_cache(maxsize=256)
def _taking(count: int, limits: tuple[str, ...]) -> str:
    listed = ", ".join(f":window{n}" for n in range(count))
    cases = " ".join(f"WHEN :window{name[5:]} THEN :{name}" for name in limits)
    shown = f"limit_micros = CASE id {cases} ELSE limit_micros END," if cases else ""
    fits = f"AND spent + reserved + :estimate <= CASE id {cases} ELSE {_MOST} END" if cases else ""
    return f"""
        UPDATE windows
        SET reserved = reserved + :estimate, estimated = estimated + :estimate, {shown}
            entries = entries + 1
        WHERE id IN ({listed}) {fits}
        RETURNING entries, {_WINDOW}
        """


_MOST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Reservation:
    """One job's reservation in one window: the number of its entry, and the limit it fitted."""

    window_id: str
    entry: int
    limit: int


def append_reservations(
    tx: Transaction,
    job_id: str,
    estimate: int,
    reservations: Sequence[Reservation],
    *,
    by: str,
    now: int,
) -> None:
    """Append the entries of one job's reservations, numbered as `take` said, in one statement."""
    if not reservations:
        return
    params: dict[str, str | int] = {}
    for n, one in enumerate(reservations):
        params[f"window{n}"] = one.window_id
        params[f"entry{n}"] = one.entry
        params[f"limit{n}"] = one.limit
    sql = _appending(len(reservations))
    tx.execute(sql, job_id=job_id, estimate=estimate, made_by=by, at=now, **params)


@lru_cache(maxsize=64)
def _appending(count: int) -> str:
    lines = ", ".join(
        f"(:window{n}, :entry{n}, :job_id, 'reserve', :estimate, 0, 0, :limit{n}, NULL, NULL,"
        " :made_by, :at)"
        for n in range(count)
    )
    return f"""
        INSERT INTO ledger (
          window_id, entry, job_id, kind, reserved_delta, spent_delta, overrun_delta, limit_micros,
          raw_cost, note, made_by, at
        ) VALUES {lines}
        """


def reservations(tx: Transaction, job_id: str) -> Sequence[Row]:
    """Return the job's reservations as window_id and estimate, sorted by window.

    Python sorts them, because PostgreSQL's collation may differ from the order in which windows are
    locked for a reservation.
    """
    rows = tx.fetch(
        """
        SELECT window_id, reserved_delta AS estimate FROM ledger
        WHERE job_id = :job_id AND kind = 'reserve'
        """,
        job_id=job_id,
    )
    return sorted(rows, key=lambda row: str(row["window_id"]))


def close(tx: Transaction, entry: LedgerEntry) -> Window:
    """Settle or release a job's reservation in one window; return the changed window.

    Raises:
        StorageFailed: the window is missing, or the job has no reservation in it; the transaction
            must not commit.

    """
    return _post(tx, entry)


def correct(tx: Transaction, entry: LedgerEntry) -> Window:
    """Book a later change of a settled job's cost; return the changed window."""
    return _post(tx, entry)


def counted_in(tx: Transaction, job_id: str) -> list[str]:
    """Return the ids of the windows that count the job, in order."""
    rows = tx.fetch(
        """
        SELECT window_id FROM ledger WHERE job_id = :job_id AND kind IN ('reserve', 'carry')
        """,
        job_id=job_id,
    )
    return sorted(str(row["window_id"]) for row in rows)


def append_all(tx: Transaction, window: str, entries: Sequence[LedgerEntry]) -> None:
    """Append many entries to one window and add their sums to its totals, in batches."""
    for start in range(0, len(entries), _ROWS):
        _append_some(tx, window, entries[start : start + _ROWS])


_ROWS = 200  # of one INSERT; SQLite allows 32,766 parameters in a statement


def _append_some(tx: Transaction, window: str, entries: Sequence[LedgerEntry]) -> None:
    reserved = sum(entry.reserved for entry in entries)
    row = tx.fetchrow(
        """
        UPDATE windows
        SET reserved = reserved + :reserved, spent = spent + :spent, overrun = overrun + :overrun,
            estimated = estimated + :reserved, entries = entries + :count
        WHERE id = :id
        RETURNING entries
        """,
        id=window,
        reserved=reserved,
        spent=sum(entry.spent for entry in entries),
        overrun=sum(entry.overrun for entry in entries),
        count=len(entries),
    )
    if row is None:
        raise StorageFailed(f"window {window} is not in the database")
    first = int(row["entries"]) - len(entries) + 1
    _insert(tx, [(first + number, entry) for number, entry in enumerate(entries)])


def _insert(tx: Transaction, entries: Sequence[tuple[int, LedgerEntry]]) -> None:
    values: dict[str, str | int | None] = {}
    lines = []
    for position, (number, entry) in enumerate(entries):
        facts: dict[str, str | int | None] = {
            "window": entry.window_id,
            "entry": number,
            "job": entry.job_id,
            "kind": entry.kind,
            "reserved": entry.reserved,
            "spent": entry.spent,
            "overrun": entry.overrun,
            "limit": entry.limit,
            "raw": entry.raw_cost,
            "note": entry.note,
            "by": entry.made_by,
            "at": entry.at,
        }
        values |= {f"{name}{position}": value for name, value in facts.items()}
        lines.append(f"({', '.join(f':{name}{position}' for name in facts)})")
    tx.execute(
        f"""
        INSERT INTO ledger (
          window_id, entry, job_id, kind, reserved_delta, spent_delta, overrun_delta, limit_micros,
          raw_cost, note, made_by, at
        ) VALUES {", ".join(lines)}
        """,
        **values,
    )


def find_window(tx: Transaction, window: str) -> Window | None:
    """Return one window; None if it has never had a reservation."""
    row = tx.fetchrow(f"SELECT {_WINDOW} FROM windows WHERE id = :id", id=window)
    return None if row is None else Window(**dict(row))


def entries(tx: Transaction, job_id: str) -> Sequence[Row]:
    """Return every entry of a job, oldest first, with author and time."""
    return tx.fetch(
        """
        SELECT window_id, entry, kind, reserved_delta, spent_delta, overrun_delta, raw_cost, note,
               made_by, at
        FROM ledger WHERE job_id = :job_id ORDER BY at, window_id, entry
        """,
        job_id=job_id,
    )


def record_threshold(tx: Transaction, window: str, share: str, *, now: int) -> bool:
    """Record that the threshold's event was published; False if it already was."""
    return tx.changed(
        """
        INSERT INTO thresholds_told (window_id, share, at) VALUES (:window, :share, :now)
        ON CONFLICT DO NOTHING
        """,
        window=window,
        share=share,
        now=now,
    )


def _post(tx: Transaction, entry: LedgerEntry) -> Window:
    row = tx.fetchrow(
        f"""
        UPDATE windows
        SET reserved = reserved + :reserved, spent = spent + :spent, overrun = overrun + :overrun,
            estimated = estimated + :estimated, entries = entries + 1
        WHERE id = :id
        RETURNING entries, {_WINDOW}
        """,
        id=entry.window_id,
        reserved=entry.reserved,
        spent=entry.spent,
        overrun=entry.overrun,
        # A released job cost nothing, so its estimate no longer counts beside the spent amount.
        estimated=entry.reserved if entry.kind in ("reserve", "release") else 0,
    )
    if row is None:
        raise StorageFailed(f"window {entry.window_id} is not in the database")
    facts = dict(row)
    _append(tx, facts.pop("entries"), entry)
    return Window(**facts)


def _append(tx: Transaction, number: int, entry: LedgerEntry) -> None:
    tx.execute(
        """
        INSERT INTO ledger (
          window_id, entry, job_id, kind, reserved_delta, spent_delta, overrun_delta, limit_micros,
          raw_cost, note, made_by, at
        ) VALUES (
          :window_id, :entry, :job_id, :kind, :reserved, :spent, :overrun, :limit_micros,
          :raw_cost, :note, :made_by, :at
        )
        """,
        window_id=entry.window_id,
        entry=number,
        job_id=entry.job_id,
        kind=entry.kind,
        reserved=entry.reserved,
        spent=entry.spent,
        overrun=entry.overrun,
        limit_micros=entry.limit,
        raw_cost=entry.raw_cost,
        note=entry.note,
        made_by=entry.made_by,
        at=entry.at,
    )

"""Holding, settling and correcting money: acts over the ledger, composed by submit and track.

Every job holds its estimate in one window of every budget that covers it, and in its team's
account, a window without a limit that keeps count where no budget does.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.domain.budget import (
    Budget,
    Headroom,
    Period,
    covers,
    retry_after,
    thresholds_crossed,
    tightest,
    window_end,
    window_start,
)
from gateway.domain.errors import Reason, Refused
from gateway.domain.units import Micros, epoch_ms, from_epoch_ms
from gateway.ports import Transaction
from gateway.store import jobs, ledger
from gateway.store.ledger import NO_LIMIT, LedgerEntry, Window


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that a window reached for the first time."""

    budget: Budget
    window: Window
    share: str  # of the limit, as configured: `0.8`


@dataclass(frozen=True, slots=True)
class Bill:
    """What closes a job's reservation. `micros` None: nothing is owed, the money is released."""

    micros: int | None
    raw_cost: str | None = None
    note: str | None = None


def reserve(
    tx: Transaction,
    job_id: str,
    team: str,
    budgets: Sequence[Budget],
    estimate: int,
    *,
    by: str,
    now: datetime,
) -> list[Crossing]:
    """Reserve the estimate in every budget given, or in none; the thresholds that were reached.

    Raises:
        Refused: BUDGET_EXCEEDED with the numbers of every window that has no room; the transaction
            must roll back.

    """
    account = _account(team)
    places = [_place(tx, _account_id(team), account, now)]
    places += [_place(tx, budget.id, budget, now) for budget in budgets]
    at = epoch_ms(now)
    crossings: list[Crossing] = []
    held: set[str] = set()
    # In the order of windows, as whoever closes a reservation takes them: against deadlock.
    for place in sorted(places, key=lambda place: place.window_id):
        budget = place.budget
        _open_window(tx, place, now)
        after = ledger.reserve(
            tx, place.window_id, job_id, estimate, budget.limit_micros, by=by, now=at
        )
        if after is None:
            continue
        held.add(place.window_id)
        if budget is not account:
            crossings += _crossings(tx, budget, after, estimate, at)
    if len(held) < len(places):
        rooms = headroom(tx, budgets, estimate, now)
        raise exceeded([_without(room, held) for room in rooms], now)
    return crossings


def open_windows(tx: Transaction, budgets: Iterable[Budget], now: datetime) -> None:
    """Open those windows of now that are not open, without holding anything in them.

    A hold that is refused leaves no window behind. Where a budget is new, each one would then look
    again through all that its period has seen.
    """
    places = [_place(tx, budget.id, budget, now) for budget in budgets]
    for place in sorted(places, key=lambda place: place.window_id):
        _open_window(tx, place, now)


def all_open(tx: Transaction, budgets: Iterable[Budget], now: datetime) -> bool:
    """Whether every window of now has been opened; only looks."""
    return all(_present(tx, budget.id, budget, now)[1] is not None for budget in budgets)


def close(
    tx: Transaction,
    job_id: str,
    bill: Bill,
    budgets: Mapping[str, Budget],
    *,
    by: str,
    now: int,
) -> list[Crossing]:
    """Settle or release everything that the job holds, where it was reserved.

    `budgets` by id are those of the configuration now, for their thresholds. Twice is refused by
    the database (one settlement and one release per job and window).
    """
    crossings: list[Crossing] = []
    for row in ledger.reservations(tx, job_id):
        estimate, cost = row["estimate"], bill.micros or 0
        entry = LedgerEntry(
            window_id=row["window_id"],
            job_id=job_id,
            kind="release" if bill.micros is None else "settle",
            reserved=-estimate,
            spent=cost,
            overrun=max(0, cost - estimate),
            limit=0,
            made_by=by,
            at=now,
            raw_cost=bill.raw_cost,
            note=bill.note,
        )
        after = ledger.close(tx, entry)
        budget = budgets.get(after.budget_id)
        if budget is not None and cost > estimate:
            crossings += _crossings(tx, budget, after, cost - estimate, now)
    return crossings


def correct(
    tx: Transaction, job_id: str, delta: int, *, raw_cost: str | None, note: str, by: str, now: int
) -> None:
    """Book that a job cost `delta` micro-dollars more (or, below zero, less) than was settled."""
    for row in ledger.reservations(tx, job_id):
        ledger.correct(
            tx,
            LedgerEntry(
                window_id=row["window_id"],
                job_id=job_id,
                kind="correct",
                reserved=0,
                spent=delta,
                overrun=0,
                limit=0,
                made_by=by,
                at=now,
                raw_cost=raw_cost,
                note=note,
            ),
        )


def headroom(
    tx: Transaction, budgets: Iterable[Budget], estimate: int, now: datetime
) -> list[Headroom]:
    """How each budget's window stands toward a request of this estimate."""
    rooms: list[Headroom] = []
    for budget in budgets:
        starts_at, window = _present(tx, budget.id, budget, now)
        rooms.append(
            Headroom(
                budget=budget,
                starts_at=starts_at,
                resets_at=window_end(budget.period, starts_at),
                spent=0 if window is None else window.spent,
                reserved=0 if window is None else window.reserved,
                estimate=estimate,
            )
        )
    return rooms


def exceeded(rooms: Sequence[Headroom], now: datetime) -> Refused:
    """The refusal of a request that some of these windows have no room for."""
    worst = tightest(rooms)
    if worst is None:
        return Refused(
            Reason.BUDGET_EXCEEDED,
            "The budget had no room a moment ago; send the request again.",
            retry_after=1,
        )
    return Refused(
        Reason.BUDGET_EXCEEDED,
        worst.sentence(),
        {**worst.details(), "windows": [room.details() for room in rooms if not room.fits]},
        retry_after=retry_after(rooms, now),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """A budget's window of now, whether it has been opened or not."""

    budget_id: str
    budget: Budget
    starts_at: datetime

    @property
    def window_id(self) -> str:
        return ledger.window_id(self.budget_id, epoch_ms(self.starts_at))


def _place(tx: Transaction, budget_id: str, budget: Budget, now: datetime) -> _Place:
    return _Place(budget_id, budget, _start(tx, budget_id, budget, now))


def _without(room: Headroom, held: Collection[str]) -> Headroom:
    """The room as it was before this very request took its part of it."""
    if ledger.window_id(room.budget.id, epoch_ms(room.starts_at)) not in held:
        return room
    return replace(room, reserved=room.reserved - room.estimate)


def _open_window(tx: Transaction, place: _Place, now: datetime) -> None:
    budget, starts_at = place.budget, epoch_ms(place.starts_at)
    ends_at = window_end(budget.period, place.starts_at)
    end_ms = None if ends_at is None else epoch_ms(ends_at)
    made = ledger.open_window(tx, place.budget_id, starts_at, end_ms, budget.limit_micros)
    if made and place.budget_id == budget.id:
        _carry(tx, place.window_id, budget, starts_at, epoch_ms(now))


def _carry(tx: Transaction, window: str, budget: Budget, start: int, now: int) -> None:
    """A budget that is new counts what its period has seen already, open jobs one by one.

    Those are locked, so that each ends either before it is looked at or after it holds money here.
    """
    earlier = _earlier(tx, budget, start, lock=True)
    for job in earlier.holding:
        ledger.reserve(
            tx, window, job.job_id or "", job.micros, NO_LIMIT, by="carried over", now=now
        )
    if earlier.spent:
        note = "spent before the budget existed"
        ledger.carry(
            tx,
            LedgerEntry(
                window, "", "carry", 0, earlier.spent, 0, 0, "carried over", now, None, note
            ),
        )


@dataclass(frozen=True, slots=True)
class _Earlier:
    """What a period saw before a budget's window in it was opened."""

    spent: int = 0
    holding: tuple[jobs.Spending, ...] = ()

    @property
    def reserved(self) -> int:
        return sum(job.micros for job in self.holding)


def _earlier(tx: Transaction, budget: Budget, start: int, *, lock: bool) -> _Earlier:
    """Open jobs first: one that ends meanwhile is then seen as spent, never in neither."""

    def counts(spending: jobs.Spending) -> bool:
        return covers(budget, spending.team, spending.key, spending.model)

    holding = tuple(filter(counts, jobs.holding_since(tx, start, lock=lock)))
    spent = sum(s.micros for s in jobs.spent_since(tx, start) if counts(s))
    return _Earlier(spent, holding)


def _start(tx: Transaction, budget_id: str, budget: Budget, now: datetime) -> datetime:
    """The start of the window of now; a clock that steps back never opens an older one."""
    start = window_start(budget.period, now)
    newest = ledger.newest_start(tx, budget_id)
    return start if newest is None else max(start, from_epoch_ms(newest))


def _crossings(
    tx: Transaction, budget: Budget, after: Window, more: int, now: int
) -> list[Crossing]:
    """Thresholds reached by what is spent and reserved together: that is what stops requests."""
    committed = after.spent + after.reserved
    shares = thresholds_crossed(committed - more, committed, budget.limit_micros, budget.alerts)
    return [
        Crossing(budget, after, str(share))
        for share in shares
        if ledger.tell_threshold(tx, after.id, str(share), now=now)
    ]


def account(tx: Transaction, team: str, now: datetime) -> tuple[int, int]:
    """What the team has spent and holds this month, whatever its budgets are. Micro-dollars."""
    _, window = _present(tx, _account_id(team), _account(team), now)
    return (0, 0) if window is None else (window.spent, window.reserved)


@dataclass(frozen=True, slots=True)
class Present:
    """The present window of a budget or of a team's account; no `window`: nothing is in it."""

    id: str
    team: str | None
    period: Period
    limit_micros: int | None
    resets_at: datetime | None
    window: Window | None


def present(
    tx: Transaction, budgets: Iterable[Budget], teams: Iterable[str], now: datetime
) -> list[Present]:
    """Where every budget and every team's account stands now."""
    places = [(budget.id, budget, int(budget.limit_micros)) for budget in budgets]
    accounts = [(_account_id(team), _account(team), None) for team in teams]
    found = []
    for name, budget, limit in (*places, *accounts):
        starts_at, window = _present(tx, name, budget, now)
        resets_at = window_end(budget.period, starts_at)
        found.append(Present(name, budget.team, budget.period, limit, resets_at, window))
    return found


def _present(
    tx: Transaction, budget_id: str, budget: Budget, now: datetime
) -> tuple[datetime, Window | None]:
    starts_at = _start(tx, budget_id, budget, now)
    return starts_at, ledger.find_window(tx, ledger.window_id(budget_id, epoch_ms(starts_at)))


def _account(team: str) -> Budget:
    return Budget(Period.MONTH, Micros(NO_LIMIT), team)


def _account_id(team: str) -> str:
    return f"account/{team}"

"""Reserve, settle and correct money: acts over the ledger that submit and track combine.

Every job reserves its estimate in one window of every budget that covers it, and in its team's
account, which is a window without a limit that counts independently of budgets.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.domain.budget import (
    Budget,
    Headroom,
    Period,
    covers,
    retry_after,
    thresholds_crossed,
    tightest,
    window_end,
)
from gateway.domain.decision_record import WindowState
from gateway.domain.errors import Reason, Refused
from gateway.domain.settlement import Settlement
from gateway.domain.units import Micros, epoch_ms, usd_text
from gateway.ports import Transaction
from gateway.services.money.coverage import (
    open_window,
    share_budgets,
    window_start_now,
    window_starts_now,
)
from gateway.store import disputes, ledger
from gateway.store.ledger import NO_LIMIT, LedgerEntry, Window


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that a window reached for the first time."""

    budget: Budget
    window: Window
    share: str  # of the limit, as configured: `0.8`


@dataclass(frozen=True, slots=True)
class Payer:
    """The reserving job and what budgets match on: team, key, model and canonical slug."""

    job_id: str
    team: str
    key: str
    model: str
    canonical_slug: str | None = None

    def counts_in(self, budget: Budget) -> bool:
        """Return whether the budget covers the job."""
        return covers(budget, self.team, self.key, self.model, self.canonical_slug)


@dataclass(frozen=True, slots=True)
class Reserved:
    """What a reservation did: the thresholds reached, and each budget's window afterwards."""

    crossings: list[Crossing]
    windows: list[WindowState]


def reserve(
    tx: Transaction,
    payer: Payer,
    budgets: Sequence[Budget],
    estimate: int,
    *,
    by: str,
    now: datetime,
) -> Reserved:
    """Reserve the estimate in all given budgets or in none.

    Budgets that are in force only on other replicas count the job too, but do not refuse it.

    Raises:
        Refused: BUDGET_EXCEEDED with the numbers of every window that refuses, or BILL_DISPUTED
            while an open dispute keeps a budget above its limit; the transaction must roll back.

    """
    _refuse_disputed(tx, payer.team)
    own = {budget.id: budget for budget in budgets}
    counting = share_budgets(tx, payer.team, budgets, now)
    account_id = _account_id(payer.team)
    counted = {account_id: _account(payer.team), **own}
    counted |= {
        name: budget
        for name, budget in counting.items()
        if name not in own and payer.counts_in(budget)
    }
    places = _places(tx, counted, now)
    return _take(tx, payer.job_id, places, {account_id, *own}, estimate, by, now)


def _take(
    tx: Transaction,
    job_id: str,
    places: Sequence["_Place"],
    bounded: Collection[str],
    estimate: int,
    by: str,
    now: datetime,
) -> Reserved:
    """Reserve in each window, or raise; those not in `bounded` count the job and refuse nothing."""
    at = epoch_ms(now)
    entries: list[ledger.Reservation] = []
    crossings: list[Crossing] = []
    windows: list[WindowState] = []
    refused: set[str] = set()
    took = _take_windows(tx, places, bounded, estimate)
    for place in places:
        budget = place.budget
        limit = budget.limit_micros if place.budget_id in bounded else None
        taken = took.get(place.window_id)
        if taken is None:
            refused.add(place.window_id)
            continue
        number, after = taken
        entries.append(
            ledger.Reservation(place.window_id, number, NO_LIMIT if limit is None else limit)
        )
        if place.is_account or limit is None:
            continue
        if budget.alerts:
            crossings += _crossings(tx, budget, after, estimate, at)
        windows.append(place.state(after))
    if refused:
        budgets = [p.budget for p in places if p.budget_id in bounded and not p.is_account]
        looked = headroom(tx, budgets, estimate, now)
        raise exceeded([_without(room, refused) for room in looked], now)
    ledger.append_reservations(tx, job_id, estimate, entries, by=by, now=at)
    return Reserved(crossings, windows)


def _take_windows(
    tx: Transaction, places: Sequence["_Place"], bounded: Collection[str], estimate: int
) -> dict[str, tuple[int, Window]]:
    """Take the estimate from every window that has room; return the entry number and the window.

    Windows are locked in the order of their ids here and when a reservation closes, to prevent
    deadlocks. One that has no row yet is created in its turn.
    """
    rooms = [
        ledger.Room(p.window_id, p.budget.limit_micros if p.budget_id in bounded else None)
        for p in places
    ]
    if all(place.exists for place in places):
        return ledger.take_all(tx, rooms, estimate)
    took = {}
    for place, room in zip(places, rooms, strict=True):
        open_window(tx, place.budget_id, place.budget, place.starts_at)
        taken = ledger.take(tx, room.window_id, estimate, room.limit)
        if taken is not None:
            took[room.window_id] = taken
    return took


def close(
    tx: Transaction,
    job_id: str,
    settlement: Settlement,
    budgets: Mapping[str, Budget],
    *,
    raw_cost: str | None = None,
    by: str,
    now: int,
) -> list[Crossing]:
    """Settle or release all reservations of the job; return the thresholds reached.

    `budgets`, by id, are those of the current configuration, for their thresholds. The database
    refuses a second call (one settlement and one release per job and window).
    """
    crossings: list[Crossing] = []
    for row in ledger.reservations(tx, job_id):
        estimate, cost = row["estimate"], settlement.micros or 0
        entry = LedgerEntry(
            window_id=row["window_id"],
            job_id=job_id,
            kind="release" if settlement.micros is None else "settle",
            reserved=-estimate,
            spent=cost,
            overrun=max(0, cost - estimate),
            limit=0,
            made_by=by,
            at=now,
            raw_cost=raw_cost,
            note=settlement.note,
        )
        after = ledger.close(tx, entry)
        budget = budgets.get(after.budget_id)
        if budget is not None and cost > estimate:
            crossings += _crossings(tx, budget, after, cost - estimate, now)
    return crossings


@dataclass(frozen=True, slots=True)
class Correction:
    """The settled cost of an ended job and its new cost, in micro-dollars."""

    estimate: int
    before: int
    after: int

    @property
    def spent(self) -> int:
        """The change of the spent amount; negative if the new cost is lower."""
        return self.after - self.before

    @property
    def overrun(self) -> int:
        """The change of the amount above the estimate; negative if the new cost is lower."""
        return max(0, self.after - self.estimate) - max(0, self.before - self.estimate)


def correct(
    tx: Transaction,
    job_id: str,
    correction: Correction,
    budgets: Mapping[str, Budget],
    *,
    raw_cost: str | None,
    note: str,
    by: str,
    now: int,
) -> list[Crossing]:
    """Book an ended job's new cost in every window that counts it; return the thresholds reached.

    `budgets`, by id, are those of the current configuration, for their thresholds.
    """
    crossings: list[Crossing] = []
    for window in ledger.counted_in(tx, job_id):
        entry = LedgerEntry(
            window_id=window,
            job_id=job_id,
            kind="correct",
            reserved=0,
            spent=correction.spent,
            overrun=correction.overrun,
            limit=0,
            made_by=by,
            at=now,
            raw_cost=raw_cost,
            note=note,
        )
        after = ledger.correct(tx, entry)
        budget = budgets.get(after.budget_id)
        if budget is not None and correction.spent > 0:
            crossings += _crossings(tx, budget, after, correction.spent, now)
    return crossings


def headroom(
    tx: Transaction, budgets: Iterable[Budget], estimate: int, now: datetime
) -> list[Headroom]:
    """Return the state of each budget's current window, beside a request's estimate."""
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
    """Return the refusal of a request that does not fit some of these windows."""
    worst = tightest(rooms)
    if worst is None:
        return Refused(
            Reason.BUDGET_EXCEEDED,
            "The budget was exceeded a moment ago and has room again; send the request again.",
            retry_after=1,
        )
    return Refused(
        Reason.BUDGET_EXCEEDED,
        worst.sentence(),
        {**worst.details(), "windows": [room.details() for room in rooms if not room.fits]},
        retry_after=retry_after(rooms, now),
    )


def _refuse_disputed(tx: Transaction, team: str) -> None:
    disputed = disputes.over_limit(tx, team)
    if disputed is not None:
        raise bill_disputed(disputed)


def bill_disputed(dispute: disputes.Dispute) -> Refused:
    """Return the refusal of a team's submits while a cost far above its estimate is disputed."""
    cost, estimate = usd_text(dispute.cost_micros), usd_text(dispute.estimate_micros)
    return Refused(
        Reason.BILL_DISPUTED,
        f"Team {dispute.team} can't submit: the upstream charged {cost} USD for job"
        f" {dispute.job_id}, which was estimated at {estimate} USD, and a budget is above its"
        " limit. The gateway's operators must accept or correct the cost.",
        {"job": dispute.job_id, "cost_usd": cost, "estimate_usd": estimate},
    )


def as_seen_by_team(refusal: Refused) -> Refused:
    """Return the refusal without the organisation's amounts, which teams must not see."""
    if refusal.reason is not Reason.BUDGET_EXCEEDED or "budget" not in refusal.details:
        return refusal
    details = dict(refusal.details)
    windows = [seen_by_team(window) for window in details.pop("windows", [])]
    message = refusal.message
    if is_organisations(details):
        resets = details.get("resets_at")
        when = f"resets at {resets}" if resets else "never resets"
        window = details["window"]
        message = f"The request would exceed the {window} budget of the organisation; {when}."
    shown = {**seen_by_team(details), "windows": windows}
    return Refused(refusal.reason, message, shown, retry_after=refusal.retry_after)


def seen_by_team(window: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details of a window; of an organisation's window only its name and dates."""
    if not is_organisations(window):
        return dict(window)
    kept = ("budget", "window", "starts_at", "resets_at", "estimate_usd", "fits")
    return {name: window[name] for name in kept if name in window}


def is_organisations(window: Mapping[str, Any]) -> bool:
    """Return whether the details belong to a budget of the organisation."""
    return str(window.get("budget", "")).startswith("organisation/")


@dataclass(frozen=True, slots=True)
class _Place:
    """A budget's current window; `exists`: it has a row already."""

    budget_id: str
    budget: Budget
    starts_at: datetime
    window_id: str
    exists: bool

    @property
    def is_account(self) -> bool:
        return self.budget.limit_micros == NO_LIMIT

    def state(self, window: Window) -> WindowState:
        return WindowState(
            self.budget_id,
            self.budget.period,
            window.starts_at,
            window.ends_at,
            self.budget.limit_micros,
            window.spent,
            window.reserved,
        )


def _places(tx: Transaction, budgets: Mapping[str, Budget], now: datetime) -> list[_Place]:
    """Return each budget's current window, in the order in which windows are locked."""
    starts = window_starts_now(tx, budgets, now)
    places = [
        _Place(name, budgets[name], start.at, ledger.window_id(name, start.ms), start.exists)
        for name, start in starts.items()
    ]
    places.sort(key=lambda place: place.window_id)
    return places


def _without(room: Headroom, refused: Collection[str]) -> Headroom:
    """Return the headroom without the reservation of this request."""
    if ledger.window_id(room.budget.id, epoch_ms(room.starts_at)) in refused:
        return room
    return replace(room, reserved=room.reserved - room.estimate)


def _crossings(
    tx: Transaction, budget: Budget, after: Window, more: int, now: int
) -> list[Crossing]:
    """Return the thresholds that spent plus reserved reach, the sum that limits requests."""
    committed = after.spent + after.reserved
    shares = thresholds_crossed(committed - more, committed, budget.limit_micros, budget.alerts)
    return [
        Crossing(budget, after, str(share))
        for share in shares
        if ledger.record_threshold(tx, after.id, str(share), now=now)
    ]


def account(tx: Transaction, team: str, now: datetime) -> tuple[int, int]:
    """Return the team's spent and reserved micro-dollars of this month, independent of budgets."""
    _, window = _present(tx, _account_id(team), _account(team), now)
    return (0, 0) if window is None else (window.spent, window.reserved)


@dataclass(frozen=True, slots=True)
class Present:
    """The current window of a budget or of a team's account; `window` is None without entries."""

    id: str
    team: str | None
    period: Period
    limit_micros: int | None
    resets_at: datetime | None
    window: Window | None


def present(
    tx: Transaction, budgets: Iterable[Budget], teams: Iterable[str], now: datetime
) -> list[Present]:
    """Return the current window of every budget and of every team's account."""
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
    starts_at = window_start_now(tx, budget_id, budget, now)
    return starts_at, ledger.find_window(tx, ledger.window_id(budget_id, epoch_ms(starts_at)))


def _account(team: str) -> Budget:
    return Budget(Period.MONTH, Micros(NO_LIMIT), team)


def _account_id(team: str) -> str:
    return f"account/{team}"

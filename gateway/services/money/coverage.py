"""Which budgets count a job: those in force in this process and on any other replica.

A budget that comes into force first counts all earlier jobs of its current period. From then on its
row in the database makes every replica count jobs in it. Nothing is missed while replicas have
different configurations, or while the budget is temporarily missing from the configuration.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.budget import Budget, WindowBounds, covers, window_bounds, window_end
from gateway.domain.units import epoch_ms, from_epoch_ms
from gateway.ports import Transaction
from gateway.store import budgets as registry
from gateway.store import ledger, spending
from gateway.store.ledger import NO_LIMIT, LedgerEntry


def window_start_now(tx: Transaction, budget_id: str, budget: Budget, now: datetime) -> datetime:
    """Return the start of the budget's current window.

    A clock that steps back does not open an older window. A window that starts more than one period
    ahead was opened by a wrong clock and is ignored.
    """
    return window_starts_now(tx, {budget_id: budget}, now)[budget_id].at


@dataclass(frozen=True, slots=True)
class WindowStart:
    """The start of a budget's current window, also in epoch ms, and whether it has a row."""

    at: datetime
    ms: int
    exists: bool


def window_starts_now(
    tx: Transaction, budgets: Mapping[str, Budget], now: datetime
) -> dict[str, WindowStart]:
    """Return the start of each budget's current window, by id, as `window_start_now` does."""
    bounds = {name: window_bounds(budget.period, now) for name, budget in budgets.items()}
    until = {
        name: bound.starts_ms if bound.ends_ms is None else bound.ends_ms
        for name, bound in bounds.items()
    }
    newest = ledger.newest_starts(tx, until)
    return {name: _later(bound, newest.get(name)) for name, bound in bounds.items()}


def _later(bound: WindowBounds, newest: int | None) -> WindowStart:
    if newest is None or newest < bound.starts_ms:
        return WindowStart(bound.starts_at, bound.starts_ms, exists=False)
    if newest == bound.starts_ms:
        return WindowStart(bound.starts_at, newest, exists=True)
    return WindowStart(from_epoch_ms(newest), newest, exists=True)


def open_window(
    tx: Transaction, budget_id: str, budget: Budget, starts_at: datetime
) -> tuple[str, bool]:
    """Create the window's row if it is missing; return its id and whether it was created."""
    ends_at = window_end(budget.period, starts_at)
    start, end = epoch_ms(starts_at), None if ends_at is None else epoch_ms(ends_at)
    created = ledger.open_window(tx, budget_id, start, end, budget.limit_micros)
    return ledger.window_id(budget_id, start), created


def in_force(tx: Transaction, budgets: Iterable[Budget], now: datetime) -> bool:
    """Return whether each of these budgets counts every job of its current period."""
    return all(
        registry.find(tx, budget.id) is not None
        and ledger.find_window(tx, _window_id(tx, budget, now)) is not None
        for budget in budgets
    )


def keep_in_force(tx: Transaction, budgets: Iterable[Budget], now: datetime) -> list[str]:
    """Bring new budgets into force, and renew the registration of the other ones.

    Return the ids of windows that a wrong clock opened more than one period ahead.
    """
    wanted = tuple(budgets)
    bring_into_force(tx, [b for b in wanted if b.is_renamed or not in_force(tx, [b], now)], now)
    for budget in wanted:
        registry.register(tx, budget, now=epoch_ms(now))
    return [window for budget in wanted for window in _ahead(tx, budget, now)]


def bring_into_force(tx: Transaction, budgets: Iterable[Budget], now: datetime) -> None:
    """Make each of these budgets count every job of its current period.

    Open jobs are locked before any window, in the same order as when a job is closed. Each job
    therefore ends either before it is counted or after it has its reservation here.
    """
    wanted = sorted(budgets, key=lambda budget: budget.id)
    if not wanted:
        return
    registry.lock(tx)
    wanted = [b for b in wanted if b.is_renamed or not in_force(tx, [b], now)]
    if not wanted:
        return  # another transaction was first
    starts = {budget.id: window_start_now(tx, budget.id, budget, now) for budget in wanted}
    spending.lock_open_jobs(tx, since=epoch_ms(min(starts.values())))
    for budget in wanted:
        window, _ = open_window(tx, budget.id, budget, starts[budget.id])
        _reconcile(tx, window, budget, starts[budget.id], epoch_ms(now))
        registry.register(tx, budget, now=epoch_ms(now))


def share_budgets(
    tx: Transaction, team: str, own: Iterable[Budget], now: datetime
) -> Mapping[str, Budget]:
    """Bring new budgets of `own` into force, and return every budget that counts the team's jobs.

    No other transaction adds a budget until this one ends.
    """
    known = registry.registered(tx, team)
    new = [budget for budget in own if budget.id not in known]
    if new:
        bring_into_force(tx, new, now)
    elif tx.for_share:
        registry.share(tx)
    else:
        return known  # one transaction at a time: nothing has changed
    return registry.registered(tx, team)


def missing(
    tx: Transaction, budget: Budget, now: datetime, *, limit: int | None = None
) -> list[spending.Spending]:
    """Return the jobs that the budget covers and that have no entry in its current window."""
    starts_at = window_start_now(tx, budget.id, budget, now)
    window = ledger.window_id(budget.id, epoch_ms(starts_at))
    return _missing(tx, window, budget, starts_at)[:limit]


def _reconcile(tx: Transaction, window: str, budget: Budget, starts_at: datetime, now: int) -> None:
    """Add an entry for every job that the window lacks: a reservation, or the job's cost."""
    by, note = "carried over", "before the budget was in force"
    ledger.append_all(
        tx,
        window,
        [
            LedgerEntry(window, job.job_id, "reserve", job.estimate, 0, 0, NO_LIMIT, by, now)
            if job.cost is None
            else LedgerEntry(
                window, job.job_id, "carry", 0, job.cost, 0, 0, by, now, job.raw_cost, note
            )
            for job in _missing(tx, window, budget, starts_at)
        ],
    )


def _missing(
    tx: Transaction, window: str, budget: Budget, starts_at: datetime
) -> list[spending.Spending]:
    since = epoch_ms(starts_at)
    teams = [None] if budget.team is None else [budget.team, *budget.former_teams]
    found = [job for t in teams for job in spending.without_entry(tx, window, since=since, team=t)]
    return [job for job in found if covers(budget, job.team, job.key, job.model, job.slug)]


def _ahead(tx: Transaction, budget: Budget, now: datetime) -> list[str]:
    following = window_end(budget.period, now)
    if following is None:
        return []
    return ledger.windows_after(tx, budget.id, epoch_ms(following))


def _window_id(tx: Transaction, budget: Budget, now: datetime) -> str:
    starts_at = window_start_now(tx, budget.id, budget, now)
    return ledger.window_id(budget.id, epoch_ms(starts_at))

"""Read every budget's current state: limit, spent, reserved, available, reset time."""

from dataclasses import dataclass
from datetime import datetime

from gateway.config.live import InForce
from gateway.domain.budget import Headroom, covers
from gateway.domain.team import Principal
from gateway.ports import Database, Transaction
from gateway.services.money import reserve


@dataclass(frozen=True, slots=True)
class Account:
    """A team's spending and reservations this month, independent of budgets. Micro-dollars."""

    team: str
    spent: int
    reserved: int


@dataclass(frozen=True, slots=True)
class BudgetStanding:
    """Every budget's current window, and every team's account."""

    rooms: tuple[Headroom, ...]
    accounts: tuple[Account, ...]


async def standing(database: Database, in_force: InForce, now: datetime) -> BudgetStanding:
    """Read the state of every configured budget from one snapshot.

    Raises:
        StorageFailed: the state could not be read.

    """

    def look(tx: Transaction) -> BudgetStanding:
        rooms = reserve.headroom(tx, in_force.rules.budgets.values(), 0, now)
        accounts = [_account(tx, in_force, team, now) for team in sorted(in_force.config.teams)]
        return BudgetStanding(tuple(rooms), tuple(accounts))

    return await database.read(look)


def _account(tx: Transaction, in_force: InForce, team: str, now: datetime) -> Account:
    sums = [reserve.account(tx, name, now) for name in in_force.names_of(team)]
    return Account(team, sum(spent for spent, _ in sums), sum(held for _, held in sums))


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """What one key may still spend: every budget that covers it. Money in micro-dollars."""

    rooms: tuple[Headroom, ...]
    spent_this_month: int
    include_byok: bool
    requests_per_minute: int | None


async def key_standing(
    database: Database, in_force: InForce, who: Principal, now: datetime
) -> KeyStanding:
    """Read where the budgets stand that count every model of the key.

    Raises:
        StorageFailed: it could not be read.

    """
    covering = [
        budget
        for budget in in_force.rules.budgets.values()
        if not budget.models and covers(budget, who.team, who.key, "")
    ]

    def look(tx: Transaction) -> KeyStanding:
        limits = in_force.config.teams[who.team].limits
        return KeyStanding(
            rooms=tuple(reserve.headroom(tx, covering, 0, now)),
            spent_this_month=_account(tx, in_force, who.team, now).spent,
            include_byok=in_force.config.pricing.include_byok,
            requests_per_minute=limits.requests_per_minute,
        )

    return await database.read(look)

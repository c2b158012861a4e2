"""Read every budget's current state: limit, spent, reserved, available, reset time."""

from dataclasses import dataclass
from datetime import datetime

from gateway.config.live import InForce
from gateway.domain.budget import Headroom
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

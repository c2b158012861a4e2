"""Where every budget stands now: limit, spent, reserved, available, when it resets."""

from dataclasses import dataclass
from datetime import datetime

from gateway.config.live import InForce
from gateway.domain.budget import Headroom
from gateway.ports import Database, Transaction
from gateway.services.money import reserve


@dataclass(frozen=True, slots=True)
class Account:
    """What a team has spent and holds this month, over all its budgets or none. Micro-dollars."""

    team: str
    spent: int
    reserved: int


@dataclass(frozen=True, slots=True)
class BudgetStanding:
    """Every budget's present window, and every team's account."""

    rooms: tuple[Headroom, ...]
    accounts: tuple[Account, ...]


async def standing(database: Database, in_force: InForce, now: datetime) -> BudgetStanding:
    """Read where every configured budget stands, on one snapshot.

    Raises:
        StorageFailed: it could not be read.

    """

    def look(tx: Transaction) -> BudgetStanding:
        rooms = reserve.headroom(tx, in_force.rules.budgets.values(), 0, now)
        accounts = [
            Account(team, *reserve.account(tx, team, now)) for team in sorted(in_force.config.teams)
        ]
        return BudgetStanding(tuple(rooms), tuple(accounts))

    return await database.read(look)

"""A dry run: the complete decision about a submit without sending, reserving or writing."""

from dataclasses import dataclass
from typing import Any

from gateway.config.live import Live
from gateway.domain.units import epoch_ms, usd_text
from gateway.ports import Clock, Database, Transaction
from gateway.services.money import reserve
from gateway.services.submission.call import Call
from gateway.services.submission.decide import Decider, Decision
from gateway.services.submission.rate_limit import TrafficLimits
from gateway.store import limits


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was read from the database, in one snapshot."""

    budgets: list[dict[str, Any]]
    traffic: list[dict[str, Any]]


class DryRun:
    """Answers what would happen now; a later submit may have another result."""

    def __init__(self, database: Database, clock: Clock, live: Live, decider: Decider) -> None:
        """Create the service; `decider` is the one that submits use."""
        self._database = database
        self._clock = clock
        self._live = live
        self._decider = decider

    async def preview(self, call: Call) -> dict[str, Any]:
        """Return the decision, each budget's headroom, and every rule that would refuse.

        Raises:
            StorageFailed: the budgets could not be read.

        """
        decision = await self._decider.decide(call, self._live.current, dry_run=True)
        looked = await self._database.read(lambda tx: self._look(tx, decision))
        record = decision.record() | {"budgets": looked.budgets, "traffic": looked.traffic}
        refusals = [rule for rule in record["rules"] if rule["outcome"] == "refused"]
        refusals += [
            {"rule": "budget", "outcome": "refused", "reason": "budget_exceeded", **budget}
            for budget in looked.budgets
            if not budget["fits"]
        ]
        refusals += [rule for rule in looked.traffic if rule["outcome"] == "refused"]
        return {
            "dry_run": True,
            "outcome": "refused" if refusals else "accepted",
            "estimated_cost_usd": usd_text(decision.estimate_micros),
            "refusals": refusals,
            "decision": record,
        }

    def _look(self, tx: Transaction, decision: Decision) -> _Looked:
        now = self._clock.now()
        rooms = reserve.headroom(tx, decision.budgets, decision.estimate_micros, now)
        team = decision.call.principal.team
        bounds = decision.in_force.config.teams[team].limits
        return _Looked(
            budgets=[reserve.seen_by_team({**room.details(), "fits": room.fits}) for room in rooms],
            traffic=_traffic(
                tx,
                team,
                TrafficLimits(bounds.requests_per_minute, bounds.concurrent_jobs),
                epoch_ms(now),
            ),
        )


def _traffic(tx: Transaction, team: str, bounds: TrafficLimits, now: int) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    if bounds.requests_per_minute is not None:
        taken = limits.recent_hits(tx, team, now=now)
        rules.append(_rule("requests_per_minute", taken, bounds.requests_per_minute))
    if bounds.concurrent_jobs is not None:
        rules.append(_rule("concurrent_jobs", limits.open_jobs(tx, team), bounds.concurrent_jobs))
    return rules


def _rule(name: str, taken: int, limit: int) -> dict[str, Any]:
    outcome = "ok" if taken < limit else "refused"
    return {"rule": f"limits.{name}", "outcome": outcome, "seen": taken, "allowed": limit}

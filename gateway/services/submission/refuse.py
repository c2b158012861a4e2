"""Count and record refused submits."""

import random
from typing import Any

from gateway.domain.bounded_json import bounded_json
from gateway.domain.errors import Reason, Refused, StorageFailed
from gateway.domain.job import new_token
from gateway.domain.token_buckets import TokenBuckets
from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database
from gateway.services.submission.decide import Decision
from gateway.store import refusals
from gateway.telemetry.bundle import Telemetry

_MOST_BYTES = 4096  # of one record
_RECORDED_PER_MINUTE = 120  # of one team; further refusals are only counted


class Refusals:
    """Counts refused submits and records some. A failure to write a record is only logged."""

    def __init__(
        self, database: Database, clock: Clock, source: random.Random, telemetry: Telemetry
    ) -> None:
        """Create the service; `source` generates the records' ids."""
        self._database = database
        self._clock = clock
        self._random = source
        self._telemetry = telemetry
        self._recorded = TokenBuckets(_RECORDED_PER_MINUTE)
        self._allowed: dict[int, TokenBuckets] = {}

    def admit(self, team: str, per_minute: int | None) -> None:
        """Refuse a team with as many refused submits in the last minute as it may submit.

        Raises:
            Refused: RATE_LIMITED with Retry-After.

        """
        if per_minute is None:
            return
        wait = self._buckets(per_minute).wait(team, self._clock.monotonic())
        if wait > 0:
            raise Refused(
                Reason.RATE_LIMITED,
                f"Team {team} may submit {per_minute} jobs per minute, and as many were refused."
                " Correct the requests, and try again later.",
                {"limit": per_minute, "per": "60 s"},
                retry_after=max(1, round(wait)),
            )

    async def keep(self, decision: Decision, refusal: Refused, request_id: str) -> None:
        """Record the decision, with the reason and the numbers of its refusal."""
        who = decision.call.principal
        reason = refusal.reason.value
        now = self._clock.monotonic()
        self._telemetry.metrics.decision(who.team, decision.model, reason)
        limits = decision.in_force.config.teams[who.team].limits
        if limits.requests_per_minute is not None:
            self._buckets(limits.requests_per_minute).take(who.team, now)
        if not self._recorded.take(who.team, now):
            return
        row = refusals.RefusalRecord(
            id=new_token(self._random),
            at=epoch_ms(self._clock.now()),
            team=who.team,
            key_name=who.key,
            model=decision.model[:200],
            reason=reason,
            decision=bounded_json(_record(decision, refusal), _MOST_BYTES),
            request_id=request_id,
        )
        try:
            await self._database.write(lambda tx: refusals.add(tx, row))
        except StorageFailed as error:
            self._telemetry.log.warning("refusal.not_kept", reason=reason, error=error)

    def _buckets(self, per_minute: int) -> TokenBuckets:
        return self._allowed.setdefault(per_minute, TokenBuckets(per_minute))


def _record(decision: Decision, refusal: Refused) -> dict[str, Any]:
    facts = {"outcome": "refused", "reason": refusal.reason.value}
    if not decision.retain:  # a refusal quotes the client's values, which may be any text
        return decision.outline() | facts
    return (
        decision.record() | facts | {"message": refusal.message, "details": dict(refusal.details)}
    )

"""Keeping what was decided about requests that never became a job."""

import random

import orjson

from gateway.domain.errors import Refused, StorageFailed
from gateway.domain.job import new_token
from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database
from gateway.services.submission.decide import Decision
from gateway.store import refusals
from gateway.telemetry.bundle import Telemetry


class Refusals:
    """Writes one record a refusal. Nothing hangs on it: a record that fails is only logged."""

    def __init__(
        self, database: Database, clock: Clock, source: random.Random, telemetry: Telemetry
    ) -> None:
        """`source` names the records."""
        self._database = database
        self._clock = clock
        self._random = source
        self._telemetry = telemetry

    async def keep(self, decision: Decision, refusal: Refused, request_id: str) -> None:
        """The decision, with the reason and the numbers of its refusal."""
        who = decision.question.principal
        reason = refusal.reason.value
        self._telemetry.metrics.decision(who.team, decision.model, reason)
        record = {**decision.record(), "outcome": "refused", "reason": reason}
        if decision.retain:
            record |= {"message": refusal.message, "details": dict(refusal.details)}
        else:
            # What a refusal quotes are the client's own values, which may be anything.
            record["rules"] = [rule_result.outline() for rule_result in decision.rule_results]
            record.pop("parameters")
        row = refusals.RefusalRecord(
            id=new_token(self._random),
            at=epoch_ms(self._clock.now()),
            team=who.team,
            key_name=who.key,
            model=decision.model,
            reason=reason,
            decision=orjson.dumps(record, default=str).decode(),
            request_id=request_id,
        )
        try:
            await self._database.write(lambda tx: refusals.add(tx, row))
        except StorageFailed as error:
            self._telemetry.log.warning("refusal.not_kept", reason=reason, error=error)

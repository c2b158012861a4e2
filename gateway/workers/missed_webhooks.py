"""Count missed webhooks: ends that only a poll reported."""

from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database, Transaction
from gateway.store import inbox
from gateway.store.inbox import Awaited
from gateway.telemetry.bundle import Telemetry

_EVERY = 5.0  # seconds
_BATCH = 500
GRACE = 30.0
"""Seconds after the end in which its webhook is not missed: a poll may be quicker by a moment, and
a first delivery that failed is repeated."""


class MissedWebhookCounter:
    """Counts each missed webhook once, on the first replica that finds it."""

    def __init__(self, database: Database, clock: Clock, telemetry: Telemetry) -> None:
        """A Loop runs `step`."""
        self._database = database
        self._clock = clock
        self._telemetry = telemetry

    async def step(self) -> float:
        """Check once; return the seconds until the next check."""
        before = self._now() - int(GRACE * 1000)
        if not await self._database.read(lambda tx: inbox.overdue(tx, before=before)):
            return _EVERY
        missed = await self._database.write(lambda tx: self._give_up(tx, before))
        for one in missed:
            self._telemetry.metrics.webhook_missed(one.upstream)
            self._telemetry.log.warning("webhook.missed", upstream=one.upstream, job=one.job_id)
        return 0.0 if len(missed) == _BATCH else _EVERY

    def _give_up(self, tx: Transaction, before: int) -> list[Awaited]:
        missed = list(inbox.give_up(tx, before=before, limit=_BATCH))
        for upstream in sorted({one.upstream for one in missed}):
            inbox.missed(tx, upstream, now=self._now())
        return missed

    def _now(self) -> int:
        return epoch_ms(self._clock.now())

"""Forgets what has served its time, in small batches that hold nobody up."""

from datetime import timedelta

from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database
from gateway.services.dedupe import KEY_LIFETIME_MS
from gateway.store import dedupe, refusals

REFUSALS_KEPT = timedelta(days=30)  # a month's refusals can be explained
_BATCH = 500  # rows in one transaction
_EVERY = 600.0  # seconds, where nothing is left to forget
_PAUSE = 0.5  # seconds between two full batches


class Janitor:
    """Deletes expired idempotency keys and old refusals; what explains money is never deleted."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """`step` is run by a Loop."""
        self._database = database
        self._clock = clock

    async def step(self) -> float:
        """One batch of each; seconds until the next."""
        now = epoch_ms(self._clock.now())
        keys = await self._database.write(
            lambda tx: dedupe.forget_old_keys(tx, before=now - KEY_LIFETIME_MS, limit=_BATCH)
        )
        kept = int(REFUSALS_KEPT.total_seconds() * 1000)
        old = await self._database.write(
            lambda tx: refusals.forget(tx, before=now - kept, limit=_BATCH)
        )
        return _PAUSE if _BATCH in (keys, old) else _EVERY

"""Delete old rows in small batches, which block nothing for long."""

from collections.abc import Callable
from datetime import timedelta

from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database, Transaction
from gateway.services.submission.dedupe import KEY_LIFETIME_MS
from gateway.store import costs, dedupe, deliveries, inbox, refusals

REFUSALS_KEPT = timedelta(days=30)  # a month's refusals can be explained
DELIVERED_KEPT = timedelta(days=30)  # and a month's deliveries; what is dead is kept for replay
RECEIPTS_KEPT = timedelta(days=30)  # of webhooks; no signature is good for longer than minutes
LANES_KEPT = timedelta(days=1)  # a row for locking, created again when it is needed

_BATCH = 500  # rows in one transaction
_EVERY = 600.0  # seconds, if nothing is left to delete
_PAUSE = 0.5  # seconds between two full batches


class RetentionCleanup:
    """Deletes old rows, but none that explains an amount of money."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """A Loop runs `step`."""
        self._database = database
        self._clock = clock

    async def step(self) -> float:
        """Delete a batch of each kind; return the seconds until the next step."""
        gone = [await self._forget(forget, kept) for forget, kept in _CHORES]
        return _PAUSE if _BATCH in gone else _EVERY

    async def _forget(self, forget: "_Forget", kept: timedelta) -> int:
        before = epoch_ms(self._clock.now() - kept)
        return await self._database.write(lambda tx: forget(tx, before))


_Forget = Callable[[Transaction, int], int]

_CHORES: tuple[tuple[_Forget, timedelta], ...] = (
    (
        lambda tx, before: dedupe.forget_old_keys(tx, before=before, limit=_BATCH),
        timedelta(milliseconds=KEY_LIFETIME_MS),
    ),
    (lambda tx, before: costs.forget(tx, before=before, limit=_BATCH), costs.LIFETIME),
    (lambda tx, before: refusals.forget(tx, before=before, limit=_BATCH), REFUSALS_KEPT),
    (
        lambda tx, before: deliveries.forget_delivered(tx, before=before, limit=_BATCH),
        DELIVERED_KEPT,
    ),
    (lambda tx, before: inbox.forget(tx, before=before, limit=_BATCH), RECEIPTS_KEPT),
    (lambda tx, before: deliveries.forget_lanes(tx, before=before, limit=_BATCH), LANES_KEPT),
)

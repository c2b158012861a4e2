"""Examines the ledger while the gateway runs, as the doctor does on demand."""

from gateway.ports import Clock
from gateway.services.operations.snapshot import SnapshotReader

_EVERY = 300.0  # seconds
_SHARE = 0.02  # of the time, at most: a ledger of millions is examined less often


class LedgerChecker:
    """Lets the observer look at every rule, seldom enough to be no burden."""

    def __init__(self, observer: SnapshotReader, clock: Clock) -> None:
        """`step` is run by a Loop."""
        self._observer = observer
        self._clock = clock

    async def step(self) -> float:
        """One examination; seconds until the next."""
        begun = self._clock.monotonic()
        await self._observer.examine()
        return max(_EVERY, (self._clock.monotonic() - begun) / _SHARE)

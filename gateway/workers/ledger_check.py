"""Check the ledger while the gateway runs, as `doctor` does on demand."""

from gateway.ports import Clock
from gateway.services.operations.snapshot import SnapshotReader

_EVERY = 300.0  # seconds
_SHARE = 0.02  # of the time at most, so that a ledger of millions is checked less often


class LedgerChecker:
    """Checks every rule, seldom enough to be no load."""

    def __init__(self, observer: SnapshotReader, clock: Clock) -> None:
        """A Loop runs `step`."""
        self._observer = observer
        self._clock = clock

    async def step(self) -> float:
        """Check once; return the seconds until the next check."""
        begun = self._clock.monotonic()
        await self._observer.examine()
        return max(_EVERY, (self._clock.monotonic() - begun) / _SHARE)

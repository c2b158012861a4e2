"""What past costs teach about estimates, kept in memory for some seconds."""

from dataclasses import dataclass

from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database
from gateway.store import costs

_MAX_AGE = 5.0  # seconds; another replica's bill raises an estimate here after this time
_MOST = 10_000  # profiles in memory


@dataclass(frozen=True, slots=True)
class _Kept:
    micros: int | None
    until: float  # monotonic seconds


class LearnedCosts:
    """Answers what similar jobs cost at most, from memory where it was read recently.

    A cost that this process books counts at once; one of another replica after 5 seconds.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        """Create an empty memory."""
        self._database = database
        self._clock = clock
        self._kept: dict[tuple[str, str | None], _Kept] = {}
        self._forgotten = 0  # counts calls of `forget`, so that no older read is kept after one

    async def of(self, profile: str, team: str | None) -> int | None:
        """Return the highest past cost of the profile in micro-dollars, of one team or of any.

        Raises:
            StorageFailed: it could not be read; the estimate is not known.

        """
        kept = self._kept.get((profile, team))
        if kept is not None and kept.until > self._clock.monotonic():
            return kept.micros
        forgotten, now = self._forgotten, epoch_ms(self._clock.now())
        micros = await self._database.read(
            lambda tx: costs.learned(tx, profile, now=now, team=team)
        )
        if forgotten == self._forgotten:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[profile, team] = _Kept(micros, self._clock.monotonic() + _MAX_AGE)
        return micros

    def forget(self) -> None:
        """Read everything anew: a cost was booked, or the past costs were reset."""
        self._forgotten += 1
        self._kept.clear()

"""Keep the part of decision records that many jobs share, so that it is made and stored once."""

from collections.abc import Hashable
from datetime import date

from gateway.domain.decision_record import SharedRecord, shared_record
from gateway.domain.pricing import Estimate
from gateway.ports import Clock
from gateway.services.submission.decide import Decision

_MOST = 2_048  # records in memory, 2 kB each


class DecisionRecords:
    """The shared records of this day, and which of them are in the database."""

    def __init__(self, clock: Clock) -> None:
        """Create an empty memory."""
        self._clock = clock
        self._day = date.min
        self._made: dict[Hashable, SharedRecord] = {}
        self._stored: set[str] = set()

    def of(self, decision: Decision) -> SharedRecord:
        """Return the shared part of an accepting decision's record."""
        self._begin_day()
        key = _alike(decision)
        if key is None:
            return self._make(decision)
        made = self._made.get(key)
        if made is None:
            if len(self._made) >= _MOST:
                self._made.clear()
            made = self._made[key] = self._make(decision)
        return made

    def is_stored(self, record: SharedRecord) -> bool:
        """Return whether this process has stored the record; False is always safe."""
        return record.id in self._stored

    def was_stored(self, record: SharedRecord) -> None:
        """Note that a transaction which stored the record was committed."""
        if len(self._stored) >= _MOST:
            self._stored.clear()
        self._stored.add(record.id)

    def _make(self, decision: Decision) -> SharedRecord:
        return shared_record(
            decision.record() if decision.retain else decision.outline(), self._day
        )

    def _begin_day(self) -> None:
        day = self._clock.now().date()
        if day != self._day:
            self._day = day
            self._made.clear()
            self._stored.clear()


def _alike(decision: Decision) -> Hashable | None:
    """Return what tells apart decisions with different records; None: this one is like no other."""
    if decision.assessment is None:
        return None
    priced = decision.estimate
    words = (priced.lines, priced.assumptions) if isinstance(priced, Estimate) else ()
    applied = decision.call.applied_defaults
    return (decision.assessment, decision.estimate_micros, decision.zdr, words, applied)

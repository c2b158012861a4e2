"""Jobs and their lives: planned whole at submission, read off the clock ever after."""

import random
import string
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from gateway.sandbox.clock import Clock
from gateway.sandbox.config import SandboxConfig
from gateway.sandbox.faults import Fault
from gateway.sandbox.order import Order

Ending = Literal["completed", "failed", "cancelled", "expired"]
Status = Literal["pending", "in_progress", "completed", "failed", "cancelled", "expired"]

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase

_FATES: Mapping[str, Ending] = {
    "fail": "failed",
    "expire": "expired",
    "cancel": "cancelled",
    "complete": "completed",
    "hold": "completed",
}

_REASONS: Mapping[Ending, str] = {
    "failed": "The provider could not generate this video",
    "cancelled": "The job was cancelled",
    "expired": "The job exceeded its time to live",
}


@dataclass(frozen=True, slots=True)
class Job:
    """One accepted job. Times are the clock's monotonic seconds, except `created_unix`.

    `ends_at` None: it does not end until it is told to.
    """

    id: str
    order: Order
    origin: str  # scheme, host and port of the URLs that speak of it
    callback_url: str | None
    created_unix: int
    accepted_at: float
    starts_at: float | None  # None: it never shows in_progress
    ends_at: float | None
    ending: Ending
    cost: Decimal | None  # what is charged at the end; None: nothing
    is_byok: bool
    error: str | None
    outputs: int

    def status(self, now: float) -> Status:
        """The state at that moment."""
        if self.ended(now):
            return self.ending
        if self.starts_at is not None and now >= self.starts_at:
            return "in_progress"
        return "pending"

    def ended(self, now: float) -> bool:
        """Whether it is over at that moment."""
        return self.ends_at is not None and now >= self.ends_at

    def charged(self, now: float) -> Decimal:
        """What it has cost by that moment."""
        return self.cost if self.cost is not None and self.ended(now) else Decimal(0)


class Jobs:
    """All jobs of one sandbox, in memory."""

    def __init__(self, clock: Clock, config: SandboxConfig, chance: random.Random) -> None:
        """`chance` draws ids and durations."""
        self._clock = clock
        self._config = config
        self._chance = chance
        self._jobs: dict[str, Job] = {}

    def accept(
        self, order: Order, *, origin: str, callback_url: str | None, fate: Fault | None
    ) -> Job:
        """Make a job; `fate` is what the fault queue has in store for it."""
        now = self._clock.monotonic()
        starts, ends = self._timeline(now, fate)
        ending: Ending = _FATES[fate.action] if fate else "completed"
        is_byok, cost = self._charge(order, ending, fate)
        created = int(self._clock.now().timestamp())
        job = Job(
            id=self._new_id(created),
            order=order,
            origin=origin,
            callback_url=callback_url,
            created_unix=created,
            accepted_at=now,
            starts_at=starts,
            ends_at=ends,
            ending=ending,
            cost=cost,
            is_byok=is_byok,
            error=_reason(ending, fate.error if fate else None),
            outputs=(fate.outputs if fate else None) or self._config.outputs,
        )
        self._jobs[job.id] = job
        return job

    def get(self, job_id: str) -> Job | None:
        """The job of that id."""
        return self._jobs.get(job_id)

    def end(
        self, job_id: str, ending: Ending, *, cost: Decimal | None = None, error: str | None = None
    ) -> Job:
        """End an open job now. A completed one costs its list price unless `cost` is given.

        Raises:
            KeyError: no such job.
            ValueError: it is over already.

        """
        job, now = self._jobs[job_id], self._clock.monotonic()
        if job.ended(now):
            raise ValueError(f"{job_id} is {job.ending} already")
        is_byok, usual = self._charge(job.order, ending, None)
        if ending == job.ending == "completed":
            is_byok, usual = job.is_byok, job.cost
        self._jobs[job_id] = replace(
            job,
            ends_at=now,
            ending=ending,
            cost=usual if cost is None else cost,
            is_byok=is_byok,
            error=_reason(ending, error),
        )
        return self._jobs[job_id]

    def all(self) -> tuple[Job, ...]:
        """Every job, in the order of acceptance."""
        return tuple(self._jobs.values())

    def clear(self) -> None:
        """Forget every job."""
        self._jobs.clear()

    def _timeline(self, now: float, fate: Fault | None) -> tuple[float | None, float | None]:
        given = fate.seconds if fate else None
        seconds = self._chance.uniform(*self._config.generation_seconds) if given is None else given
        shown = {"never": False, "always": True, "mixed": self._chance.random() < 0.5}
        starts = now + seconds * self._config.pending_share
        held = fate is not None and fate.action == "hold"
        return (
            starts if shown[self._config.in_progress] else None,
            None if held else now + seconds,
        )

    def _charge(
        self, order: Order, ending: Ending, fate: Fault | None
    ) -> tuple[bool, Decimal | None]:
        is_byok = self._config.byok != "no"
        if fate is not None and fate.is_byok is not None:
            is_byok = fate.is_byok
        if fate is not None and fate.cost is not None:
            return is_byok, fate.cost
        if ending != "completed":
            return is_byok, None
        if not is_byok:
            return is_byok, order.list_price
        fee = self._config.byok_fee if self._config.byok == "fee" else Decimal(0)
        return is_byok, order.list_price * fee

    def _new_id(self, created: int) -> str:
        return f"gen-vid-{created}-{''.join(self._chance.choices(_BASE62, k=20))}"


def _reason(ending: Ending, given: str | None) -> str | None:
    return None if ending == "completed" else given or _REASONS[ending]

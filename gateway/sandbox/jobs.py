"""Jobs. A job's course is decided at its submission; its status depends only on the clock."""

import random
import string
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from gateway.sandbox.clock import Clock
from gateway.sandbox.config import SandboxConfig
from gateway.sandbox.faults import Fault
from gateway.sandbox.render_plan import RenderPlan

Ending = Literal["completed", "failed", "cancelled", "expired"]
Status = Literal["pending", "in_progress", "completed", "failed", "cancelled", "expired"]

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase

_ENDINGS: Mapping[str, Ending] = {
    "fail": "failed",
    "expire": "expired",
    "cancel": "cancelled",
    "complete": "completed",
    "hold": "completed",
}

_ERRORS: Mapping[Ending, str] = {
    "failed": "The provider could not generate this video",
    "cancelled": "The job was cancelled",
    "expired": "The job exceeded its time to live",
}


@dataclass(frozen=True, slots=True)
class Job:
    """One accepted job. Times are the clock's monotonic seconds, except `created_unix`.

    `ends_at` None: it does not end until `Jobs.end`.
    """

    id: str
    plan: RenderPlan
    origin: str  # scheme, host and port of its URLs
    callback_url: str | None
    created_unix: int
    accepted_at: float
    starts_at: float | None  # None: never in_progress
    ends_at: float | None
    ending: Ending
    cost: Decimal | None  # charged at the end; None: nothing
    is_byok: bool
    error: str | None
    outputs: int

    def status(self, now: float) -> Status:
        """Return the status at that time."""
        if self.ended(now):
            return self.ending
        if self.starts_at is not None and now >= self.starts_at:
            return "in_progress"
        return "pending"

    def ended(self, now: float) -> bool:
        """Whether it has ended at that time."""
        return self.ends_at is not None and now >= self.ends_at

    def charged(self, now: float) -> Decimal:
        """Return what was charged for it until that time."""
        return self.cost if self.cost is not None and self.ended(now) else Decimal(0)


class Jobs:
    """All jobs of one sandbox, in memory."""

    def __init__(self, clock: Clock, config: SandboxConfig, rng: random.Random) -> None:
        """`rng` generates ids and durations."""
        self._clock = clock
        self._config = config
        self._rng = rng
        self._jobs: dict[str, Job] = {}

    def accept(
        self, plan: RenderPlan, *, origin: str, callback_url: str | None, fault: Fault | None
    ) -> Job:
        """Create a job; `fault` is the injected fault for it, if any."""
        now = self._clock.monotonic()
        starts, ends = self._timeline(now, fault)
        ending: Ending = _ENDINGS[fault.action] if fault else "completed"
        is_byok, cost = self._charge(plan, ending, fault)
        created = int(self._clock.now().timestamp())
        job = Job(
            id=self._new_id(created),
            plan=plan,
            origin=origin,
            callback_url=callback_url,
            created_unix=created,
            accepted_at=now,
            starts_at=starts,
            ends_at=ends,
            ending=ending,
            cost=cost,
            is_byok=is_byok,
            error=_error(ending, fault.error if fault else None),
            outputs=(fault.outputs if fault else None) or self._config.outputs,
        )
        self._jobs[job.id] = job
        return job

    def get(self, job_id: str) -> Job | None:
        """Return the job of that id, or None."""
        return self._jobs.get(job_id)

    def end(
        self, job_id: str, ending: Ending, *, cost: Decimal | None = None, error: str | None = None
    ) -> Job:
        """End an open job now. A completed one costs its list price unless `cost` is given.

        Raises:
            KeyError: there is no such job.
            ValueError: the job has already ended.

        """
        job, now = self._jobs[job_id], self._clock.monotonic()
        if job.ended(now):
            raise ValueError(f"{job_id} has already ended as {job.ending}")
        is_byok, charge = self._charge(job.plan, ending, None)
        if ending == job.ending == "completed":
            is_byok, charge = job.is_byok, job.cost
        self._jobs[job_id] = replace(
            job,
            ends_at=now,
            ending=ending,
            cost=charge if cost is None else cost,
            is_byok=is_byok,
            error=_error(ending, error),
        )
        return self._jobs[job_id]

    def all(self) -> tuple[Job, ...]:
        """Return every job, in the order of acceptance."""
        return tuple(self._jobs.values())

    def clear(self) -> None:
        """Remove every job."""
        self._jobs.clear()

    def _timeline(self, now: float, fault: Fault | None) -> tuple[float | None, float | None]:
        given = fault.seconds if fault else None
        seconds = self._rng.uniform(*self._config.generation_seconds) if given is None else given
        in_progress = {"never": False, "always": True, "mixed": self._rng.random() < 0.5}
        starts = now + seconds * self._config.pending_share
        never_ends = fault is not None and fault.action == "hold"
        return (
            starts if in_progress[self._config.in_progress] else None,
            None if never_ends else now + seconds,
        )

    def _charge(
        self, plan: RenderPlan, ending: Ending, fault: Fault | None
    ) -> tuple[bool, Decimal | None]:
        is_byok = self._config.byok != "no"
        if fault is not None and fault.is_byok is not None:
            is_byok = fault.is_byok
        if fault is not None and fault.cost is not None:
            return is_byok, fault.cost
        if ending != "completed":
            return is_byok, None
        if not is_byok:
            return is_byok, plan.list_price
        fee = self._config.byok_fee if self._config.byok == "fee" else Decimal(0)
        return is_byok, plan.list_price * fee

    def _new_id(self, created: int) -> str:
        return f"gen-vid-{created}-{''.join(self._rng.choices(_BASE62, k=20))}"


def _error(ending: Ending, given: str | None) -> str | None:
    return None if ending == "completed" else given or _ERRORS[ending]

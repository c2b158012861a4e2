"""What shall go wrong next: queues of faults, taken in order by the calls they wait for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, get_args

Target = Literal["submit", "poll", "content", "models", "job", "webhook"]
"""Which act a fault waits for: one of four calls, a job's fate, or the event that tells its end."""

CALLS: frozenset[str] = frozenset({"submit", "poll", "content", "models"})

ACTIONS: Mapping[str, frozenset[str]] = {
    "refuse": CALLS,  # an error answer: status, message, metadata, body, retry_after, headers
    "html": CALLS,  # an error page of some proxy on the way, status 500 unless told
    "garbage": CALLS,  # the right status, and a body that is not JSON
    "truncated": CALLS,  # the right status, and a body that ends before its Content-Length
    "no_id": frozenset({"submit", "poll"}),  # an answer that forgot the job's id
    "redirect": CALLS,  # 307 to `location`
    "reset": CALLS,  # the connection is cut before the body is read
    "reset_after": CALLS,  # the act is done (a job made, and billed), then the connection is cut
    "delay": CALLS,  # `seconds` late; the act is done first with accept, else after
    "hang": CALLS,  # no answer, until the client gives up
    "cut": frozenset({"content"}),  # the connection is cut after `after_bytes`, or midway
    "slow": frozenset({"content"}),  # `seconds` between chunks
    "fail": frozenset({"job"}),
    "expire": frozenset({"job"}),
    "cancel": frozenset({"job"}),
    "hold": frozenset({"job"}),  # it does not end by itself (POST /sandbox/v1/jobs/ID/end ends it)
    "complete": frozenset({"job"}),  # it completes, with the cost, seconds or outputs given
    "duplicate": frozenset({"webhook"}),  # sent `copies` times
    "late": frozenset({"webhook"}),  # sent `seconds` after the end
    "drop": frozenset({"webhook"}),  # never sent
    "forge": frozenset({"webhook"}),  # first somebody else's: signed with another secret
    "tamper": frozenset({"webhook"}),  # first a copy whose body was changed after it was signed
    "stale": frozenset({"webhook"}),  # first a copy that was signed an hour ago
    "unsigned": frozenset({"webhook"}),  # first a copy without a signature
}
"""Every action, and what it may happen to."""

_DONE_FIRST = frozenset({"garbage", "truncated", "no_id", "reset_after"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. Fields that an action does not use are ignored.

    `accept` says whether the act is done (a job made, and billed) although the answer is spoilt;
    None takes the action's own habit.
    """

    target: str
    action: str
    accept: bool | None = None
    status: int | None = None
    message: str | None = None
    metadata: Mapping[str, Any] | None = None
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: int | None = None
    location: str | None = None
    seconds: float | None = None
    after_bytes: int | None = None
    copies: int = 2
    cost: Decimal | None = None
    outputs: int | None = None
    is_byok: bool | None = None
    error: str | None = None
    model: str | None = None  # only for this model
    job_id: str | None = None  # only for this job

    def __post_init__(self) -> None:
        if self.target not in get_args(Target):
            raise ValueError(f"on: {self.target!r} is none of {', '.join(get_args(Target))}")
        if self.target not in ACTIONS.get(self.action, frozenset()):
            known = sorted(name for name, targets in ACTIONS.items() if self.target in targets)
            raise ValueError(
                f"action: {self.action!r} does not happen to {self.target!r}; "
                f"what does: {', '.join(known)}"
            )

    @property
    def done_first(self) -> bool:
        """Whether the act is done although the answer is spoilt."""
        return self.action in _DONE_FIRST if self.accept is None else self.accept

    def fits(self, model: str | None, job_id: str | None) -> bool:
        """Whether this call is one it waits for."""
        if self.model is not None and self.model != model:
            return False
        return self.job_id is None or self.job_id == job_id


class Faults:
    """The queues. A fault is used up by the call that takes it."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def next(self, target: Target, action: str, *, times: int = 1, **details: Any) -> Fault:
        """Queue a fault for the next `times` calls of that kind; `details` are Fault's fields.

        Raises:
            ValueError: no such target or action, or that action does not happen to that target.

        """
        fault = Fault(target, action, **details)
        self.put(fault, times=times)
        return fault

    def put(self, fault: Fault, *, times: int = 1) -> None:
        """Queue a fault `times` times."""
        self._waiting.extend([fault] * times)

    def take(
        self, target: Target, *, model: str | None = None, job_id: str | None = None
    ) -> Fault | None:
        """The first fault that waits for this act, removed; None if there is none."""
        for at, fault in enumerate(self._waiting):
            if fault.target == target and fault.fits(model, job_id):
                return self._waiting.pop(at)
        return None

    def takes_model(self, target: Target) -> bool:
        """Whether some fault of that kind can only be chosen when the model is known."""
        return any(fault.target == target and fault.model for fault in self._waiting)

    @property
    def waiting(self) -> tuple[Fault, ...]:
        """What has not happened yet, in order."""
        return tuple(self._waiting)

    def clear(self, targets: Iterable[Target] | None = None) -> None:
        """Forget all that waits, or what waits for those targets."""
        gone = set(get_args(Target) if targets is None else targets)
        self._waiting = [fault for fault in self._waiting if fault.target not in gone]

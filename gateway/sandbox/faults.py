"""Queues of faults to inject, taken in order by matching calls."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, get_args

Target = Literal["submit", "poll", "content", "models", "job", "webhook"]
"""What a fault affects: one of four API calls, how a job ends, or its webhook."""

CALLS: frozenset[str] = frozenset({"submit", "poll", "content", "models"})

ACTIONS: Mapping[str, frozenset[str]] = {
    "refuse": CALLS,  # an error: status, message, metadata, body, retry_after, headers
    "html": CALLS,  # an HTML error page, as from a proxy; status 500 by default
    "garbage": CALLS,  # the success status with a body that is not JSON
    "truncated": CALLS,  # the success status with a body shorter than its Content-Length
    "no_id": frozenset({"submit", "poll"}),  # a response without the job's id
    "redirect": CALLS,  # 307 to `location`
    "reset": CALLS,  # reset the connection before the body is read
    "reset_after": CALLS,  # handle the call (create and charge a job), then reset the connection
    "delay": CALLS,  # respond `seconds` late; handle the call first with `accept`, else last
    "hang": CALLS,  # no response until the client disconnects
    "cut": frozenset({"content"}),  # close the connection after `after_bytes`, or halfway
    "slow": frozenset({"content"}),  # `seconds` between chunks
    "fail": frozenset({"job"}),
    "expire": frozenset({"job"}),
    "cancel": frozenset({"job"}),
    "hold": frozenset({"job"}),  # does not end until POST /sandbox/v1/jobs/ID/end
    "complete": frozenset({"job"}),  # completes with the given cost, seconds or outputs
    "duplicate": frozenset({"webhook"}),  # sent `copies` times
    "late": frozenset({"webhook"}),  # sent `seconds` after the end
    "drop": frozenset({"webhook"}),  # never sent
    "forge": frozenset({"webhook"}),  # first a forged one, signed with another secret
    "tamper": frozenset({"webhook"}),  # first a copy whose body was changed after signing
    "stale": frozenset({"webhook"}),  # first a copy signed an hour ago
    "unsigned": frozenset({"webhook"}),  # first a copy without a signature
}
"""The targets of every action."""

_HANDLED_FIRST = frozenset({"garbage", "truncated", "no_id", "reset_after"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault to inject. An action ignores the fields that it does not use.

    `accept`: whether the call is handled (a job created and charged) although its response fails;
    None: the default of the action.
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
            raise ValueError(
                f"on: unknown target {self.target!r}; allowed: {', '.join(get_args(Target))}"
            )
        if self.target not in ACTIONS.get(self.action, frozenset()):
            known = sorted(name for name, targets in ACTIONS.items() if self.target in targets)
            raise ValueError(
                f"action: {self.action!r} is not available for {self.target!r}; "
                f"allowed: {', '.join(known)}"
            )

    @property
    def handled_first(self) -> bool:
        """Whether the call is handled although its response fails."""
        return self.action in _HANDLED_FIRST if self.accept is None else self.accept

    def matches(self, model: str | None, job_id: str | None) -> bool:
        """Whether it affects a call for this model and job."""
        if self.model is not None and self.model != model:
            return False
        return self.job_id is None or self.job_id == job_id


class Faults:
    """The queued faults; the call that takes a fault removes it."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def next(self, target: Target, action: str, *, times: int = 1, **details: Any) -> Fault:
        """Queue a fault for the next `times` calls of that target; `details` are Fault's fields.

        Raises:
            ValueError: the target or action is unknown, or the target does not have that action.

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
        """Remove and return the first fault that matches this call; None if there is none."""
        for index, fault in enumerate(self._waiting):
            if fault.target == target and fault.matches(model, job_id):
                return self._waiting.pop(index)
        return None

    def needs_model(self, target: Target) -> bool:
        """Whether a fault of that target is limited to a model."""
        return any(fault.target == target and fault.model for fault in self._waiting)

    @property
    def waiting(self) -> tuple[Fault, ...]:
        """Return the queued faults, in order."""
        return tuple(self._waiting)

    def clear(self, targets: Iterable[Target] | None = None) -> None:
        """Remove all queued faults, or those of these targets."""
        removed = set(get_args(Target) if targets is None else targets)
        self._waiting = [fault for fault in self._waiting if fault.target not in removed]

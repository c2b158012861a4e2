"""One submit from its decision to its answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.domain.errors import Refused, Relayed
from gateway.domain.job import Job
from gateway.ports import Upstream
from gateway.services.submission.call import Call
from gateway.services.submission.open_job import Opened, Opening

Answer = Job | Refused | Relayed
"""The result of a submit: the current job, or the refusal to relay."""


@dataclass(slots=True, eq=False)
class Flight:
    """What is written and sent, and the only mutable state of a submit."""

    call: Call
    opening: Opening
    upstream: Upstream
    body: bytes
    deadline: float  # monotonic, for the upstream
    opened: asyncio.Future[Opened]
    """Done when the job is written or joined, or was refused."""
    answer: asyncio.Future[Answer]
    """Done when the upstream's answer is recorded."""
    hidden: Mapping[str, str] = field(default_factory=dict)
    """Texts to mask in the upstream's errors, and their replacements."""
    given_up: bool = False
    """The client was refused before the job was written: it is never sent."""
    told: bool = False
    """A client has the job's id."""
    deciding: bool = False
    """A refusal is being written, so the answer comes soon."""

    @property
    def job(self) -> Job:
        """The job as it was written; only after `opened` is done."""
        return self.opened.result().job

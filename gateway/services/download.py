"""One output of a completed job, handed on as it comes: never held in memory."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from gateway.domain.errors import Reason, Refused
from gateway.domain.job import Job, Status
from gateway.domain.upstream import ContentFailed
from gateway.ports import ContentStream, Upstream


class Downloader:
    """Finds the bytes of a job's output."""

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        """`upstreams` by name; a job is read from the one that made it."""
        self._upstreams = upstreams

    def check(self, job: Job, index: int) -> None:
        """Whether the job has this output.

        Raises:
            Refused: NOT_COMPLETED (409), INVALID_REQUEST (400, index out of range),
                CONTENT_GONE (410).

        """
        if job.status is not Status.COMPLETED:
            raise Refused(
                Reason.NOT_COMPLETED,
                f"Job {job.id} is {job.status.on_the_wire}: it has no video"
                + ("" if job.status.terminal else " yet. Poll it until it is completed."),
                {"status": job.status.on_the_wire},
            )
        available = max(1, job.outputs)
        if index >= available:
            raise Refused(
                Reason.INVALID_REQUEST,
                f"Video index {index} out of range ({available} videos available)",
                {"field": "index", "value": index, "allowed": f"0 to {available - 1}"},
            )
        if job.upstream not in self._upstreams or job.upstream_id is None:
            raise _gone(job, f"its upstream {job.upstream} is no longer configured")

    @asynccontextmanager
    async def open(self, job: Job, index: int) -> AsyncIterator[ContentStream]:
        """The bytes, from the upstream.

        Raises:
            Refused: as `check`; UPSTREAM_FAILED (502) where asking again may help.
            ContentFailed: out of the stream, when it breaks on the way.

        """
        self.check(job, index)
        opened = False
        try:
            async with self._upstreams[job.upstream].content(
                job.upstream_id or "", index
            ) as stream:
                opened = True
                yield stream
        except ContentFailed as error:
            if opened:
                raise
            if error.gone:
                raise _gone(job, "the upstream no longer has it") from error
            raise Refused(
                Reason.UPSTREAM_FAILED,
                "The upstream did not hand over the video just now; try again.",
                retry_after=5,
            ) from error


def _gone(job: Job, why: str) -> Refused:
    return Refused(
        Reason.CONTENT_GONE,
        f"The video of job {job.id} is gone: {why}.",
        {"job": job.id},
    )

"""Handlers of GET /videos/{id}/content and of the links to stored copies."""

import hmac
from collections.abc import Mapping

from aiohttp import web

from gateway.sandbox.bodies import link_signature
from gateway.sandbox.errors import ApiError
from gateway.sandbox.fault_injection import close_connection, respond
from gateway.sandbox.faults import Fault
from gateway.sandbox.jobs import Job
from gateway.sandbox.rendering import RendererMissing, with_label
from gateway.sandbox.responses import CORS, error_response
from gateway.sandbox.state import SandboxState
from gateway.sandbox.videos import authorize

_CHUNK = 64 * 1024
_SLOW_PARTS = 10


class Content:
    """Handlers that send videos: chunked 200 without a length; they ignore Range."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Send an output to a client with a key."""
        job_id = request.match_info["job_id"]
        job = self._state.jobs.get(job_id)
        model = job.plan.model.id if job else None
        fault = self._state.faults.take("content", model=model, job_id=job_id)

        async def handle() -> web.StreamResponse:
            try:
                authorize(self._state, request)
                job, index = self._job_and_index(job_id, request.query.get("index"))
                return await self._send(request, job, index, fault)
            except ApiError as error:
                return error_response(error)

        return await respond(request, fault, handle, self._state.clock, self._state.closing)

    async def stored(self, request: web.Request) -> web.StreamResponse:
        """Send the stored copy to a client with a valid signed link."""
        job_id, index = request.match_info["job_id"], int(request.match_info["index"])
        try:
            self._check_link(job_id, index, request.query)
            job, index = self._job_and_index(job_id, str(index))
            return await self._send(request, job, index, None)
        except ApiError as error:
            return error_response(error)

    def _job_and_index(self, job_id: str, index_text: str | None) -> tuple[Job, int]:
        job = self._state.jobs.get(job_id)
        if job is None:
            raise ApiError(404, f"Job {job_id} not found")
        index = _index(index_text)
        self._check_ready(job)
        if index >= job.outputs:
            raise ApiError(
                400, f"Video index {index} out of range ({job.outputs} videos available)"
            )
        return job, index

    def _check_ready(self, job: Job) -> None:
        now, config = self._state.clock.monotonic(), self._state.config
        status = job.status(now)
        if status != "completed":
            # The message is not documented for video (docs/openrouter-contract.md section 4).
            ended = job.ended(now)
            raise ApiError(
                409 if ended else config.not_ready_status,
                f"Job {job.id} is {status}" if ended else f"Job {job.id} is not completed",
            )
        if job.ends_at is not None and now >= job.ends_at + config.retention_seconds:
            raise ApiError(410, f"The output of job {job.id} is no longer available")

    def _check_link(self, job_id: str, index: int, query: Mapping[str, str]) -> None:
        expires = query.get("expires", "")
        if not (expires.isascii() and expires.isdigit() and len(expires) < 16):
            raise ApiError(403)
        expected = link_signature(self._state.link_secret, job_id, index, int(expires))
        if not hmac.compare_digest(expected.encode(), query.get("signature", "").encode()):
            raise ApiError(403)
        if self._state.clock.now().timestamp() >= int(expires):
            raise ApiError(410, "The link has expired")

    async def _send(
        self, request: web.Request, job: Job, index: int, fault: Fault | None
    ) -> web.StreamResponse:
        video = await self._video(job, index)
        if self._state.films.send is not None:
            return await self._state.films.send(request, video)
        end, pause, chunk = len(video), 0.0, _CHUNK
        if fault is not None and fault.action == "cut":
            end = len(video) // 2 if fault.after_bytes is None else min(fault.after_bytes, end - 1)
        if fault is not None and fault.action == "slow":
            pause = 1.0 if fault.seconds is None else fault.seconds
            chunk = max(1, len(video) // _SLOW_PARTS)
        answer = web.StreamResponse(headers={**CORS, "Content-Type": "video/mp4"})
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        for start in range(0, end, chunk):
            await answer.write(video[start : min(start + chunk, end)])
            await self._state.clock.sleep(pause)
        if end < len(video):
            close_connection(request)
        return answer

    async def _video(self, job: Job, index: int) -> bytes:
        if self._state.films.make is not None:
            return self._state.films.make(job.id, index)
        render = job.plan.render
        try:
            video = await self._state.videos.get(render.width, render.height, render.seconds)
        except RendererMissing as error:
            raise ApiError(500, str(error)) from error
        return with_label(video, f"{job.id}/{index}")


def _index(text: str | None) -> int:
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ApiError(400, "index: expected an integer of at least 0")
    return int(text)

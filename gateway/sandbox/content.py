"""GET /videos/{id}/content and the links to stored copies: the bytes."""

import hmac
from collections.abc import Mapping

from aiohttp import web

from gateway.sandbox.answers import CORS, error_answer
from gateway.sandbox.errors import ApiError
from gateway.sandbox.faults import Fault
from gateway.sandbox.film import CannotRender, labelled
from gateway.sandbox.jobs import Job
from gateway.sandbox.spoil import hang_up, spoilt
from gateway.sandbox.videos import authorize
from gateway.sandbox.views import link_signature
from gateway.sandbox.world import World

_CHUNK = 64 * 1024
_SLOW_PARTS = 10


class Content:
    """Handlers that send videos: 200 in chunks, no length, whatever Range asks for."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def download(self, request: web.Request) -> web.StreamResponse:
        """An output, for who has the key."""
        job_id = request.match_info["job_id"]
        job = self._world.jobs.get(job_id)
        model = job.order.model.id if job else None
        fault = self._world.faults.take("content", model=model, job_id=job_id)

        async def act() -> web.StreamResponse:
            try:
                authorize(self._world, request)
                job, index = self._chosen(job_id, request.query.get("index"))
                return await self._send(request, job, index, fault)
            except ApiError as error:
                return error_answer(error)

        return await spoilt(request, fault, act, self._world.clock, self._world.closing)

    async def stored(self, request: web.Request) -> web.StreamResponse:
        """The stored copy, for who has a signed link that has not run out."""
        job_id, index = request.match_info["job_id"], int(request.match_info["index"])
        try:
            self._check_link(job_id, index, request.query)
            job, index = self._chosen(job_id, str(index))
            return await self._send(request, job, index, None)
        except ApiError as error:
            return error_answer(error)

    def _chosen(self, job_id: str, index_text: str | None) -> tuple[Job, int]:
        job = self._world.jobs.get(job_id)
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
        now, config = self._world.clock.monotonic(), self._world.config
        status = job.status(now)
        if status != "completed":
            # The words are not documented for video (docs/openrouter-contract.md section 4).
            over = job.ended(now)
            raise ApiError(
                409 if over else config.not_ready_status,
                f"Job {job.id} is {status}" if over else f"Job {job.id} is not completed",
            )
        if job.ends_at is not None and now >= job.ends_at + config.retention_seconds:
            raise ApiError(410, f"The output of job {job.id} is no longer available")

    def _check_link(self, job_id: str, index: int, query: Mapping[str, str]) -> None:
        expires = query.get("expires", "")
        if not (expires.isascii() and expires.isdigit() and len(expires) < 16):
            raise ApiError(403)
        good = link_signature(self._world.link_secret, job_id, index, int(expires))
        if not hmac.compare_digest(good.encode(), query.get("signature", "").encode()):
            raise ApiError(403)
        if self._world.clock.now().timestamp() >= int(expires):
            raise ApiError(410, "The link has expired")

    async def _send(
        self, request: web.Request, job: Job, index: int, fault: Fault | None
    ) -> web.StreamResponse:
        film = await self._film(job, index)
        end, pause, chunk = len(film), 0.0, _CHUNK
        if fault is not None and fault.action == "cut":
            end = len(film) // 2 if fault.after_bytes is None else min(fault.after_bytes, end - 1)
        if fault is not None and fault.action == "slow":
            pause = 1.0 if fault.seconds is None else fault.seconds
            chunk = max(1, len(film) // _SLOW_PARTS)
        answer = web.StreamResponse(headers={**CORS, "Content-Type": "video/mp4"})
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        for start in range(0, end, chunk):
            await answer.write(film[start : min(start + chunk, end)])
            await self._world.clock.sleep(pause)
        if end < len(film):
            hang_up(request)
        return answer

    async def _film(self, job: Job, index: int) -> bytes:
        work = job.order.work
        try:
            film = await self._world.films.get(work.width, work.height, work.seconds)
        except CannotRender as error:
            raise ApiError(500, str(error)) from error
        return labelled(film, f"{job.id}/{index}")


def _index(text: str | None) -> int:
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ApiError(400, "index: expected an integer of at least 0")
    return int(text)

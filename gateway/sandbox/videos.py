"""POST /videos and GET /videos/{id}: submit and poll."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.sandbox.answers import error_answer, json_answer
from gateway.sandbox.billing import Unpriced
from gateway.sandbox.errors import ApiError
from gateway.sandbox.faults import Fault
from gateway.sandbox.jobs import Job
from gateway.sandbox.ledger import Submit, shortened
from gateway.sandbox.order import place_order
from gateway.sandbox.request import VideoRequest, read_json, read_request
from gateway.sandbox.spoil import Unanswered, spoilt
from gateway.sandbox.validation import check_policy, check_request
from gateway.sandbox.views import polled, stored_copy, submitted
from gateway.sandbox.world import World

_BODY_SECONDS = 60.0  # real seconds; who is slower than that is not a client


def authorize(world: World, request: web.Request) -> None:
    """Let pass who brings one of the keys.

    Raises:
        ApiError: 401, in the recorded words.

    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise ApiError(401)
    if key.strip() not in world.config.api_keys:
        raise ApiError(401, "User not found.")


class Videos:
    """Handlers of submit and poll."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def submit(self, request: web.Request) -> web.StreamResponse:
        """Take a job, or say why not; every arrival is in the ledger before anything is done."""
        world = self._world
        entry = world.ledger.arrived(world.clock.now(), request.headers)
        fault = await self._fault_for(request)
        entry.fault = fault.action if fault else None

        async def act() -> web.StreamResponse:
            return await self._take(request, entry)

        answer = await spoilt(request, fault, act, world.clock, world.closing)
        entry.status = None if isinstance(answer, Unanswered) else answer.status
        entry.answered_at = world.clock.now()
        if entry.outcome == "open":
            entry.outcome = "unread"
        world.ledger.touch()
        return answer

    async def poll(self, request: web.Request) -> web.StreamResponse:
        """A job's present state."""
        job_id = request.match_info["job_id"]
        job = self._world.jobs.get(job_id)
        model = job.order.model.id if job else None
        fault = self._world.faults.take("poll", model=model, job_id=job_id)

        async def act() -> web.StreamResponse:
            try:
                return json_answer(self._polled(request, job_id))
            except ApiError as error:
                return error_answer(error)

        return await spoilt(request, fault, act, self._world.clock, self._world.closing)

    async def _fault_for(self, request: web.Request) -> Fault | None:
        """A fault for one model can only be chosen when the body is read; others come before."""
        faults = self._world.faults
        model = None
        if faults.takes_model("submit"):
            try:
                model = str(read_json(await self._body(request)).get("model"))
            except ApiError:
                model = None
        return faults.take("submit", model=model)

    async def _take(self, request: web.Request, entry: Submit) -> web.StreamResponse:
        world = self._world
        try:
            job = await self._accepted(request, entry)
        except ApiError as error:
            entry.outcome, entry.message = "refused", error.message
            return error_answer(error)
        entry.outcome, entry.job_id = "accepted", job.id
        world.ledger.touch()
        world.courier.follow(job)
        await world.clock.sleep(world.chance.uniform(*world.config.submit_seconds))
        return json_answer(submitted(job), 202)

    async def _accepted(self, request: web.Request, entry: Submit) -> Job:
        world = self._world
        authorize(world, request)
        body = read_json(await self._body(request))
        entry.body = shortened(body)
        wanted = read_request(body, world.config.error_shape)
        model = world.catalog.models.get(wanted.model)
        if model is None:
            raise ApiError(400, f"{wanted.model} is not a valid model ID")
        check_policy(wanted, world.config)
        check_request(wanted, model, world.config)
        self._check_previous(wanted)
        try:
            order = place_order(wanted, model, world.config)
        except Unpriced as error:  # a catalog of the user's own, with prices of a new family
            raise ApiError(500, str(error)) from error
        return world.jobs.accept(
            order,
            origin=world.config.public_url or str(request.url.origin()),
            callback_url=wanted.callback_url,
            fate=world.faults.take("job", model=model.id),
        )

    async def _body(self, request: web.Request) -> bytes:
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                return await request.read()
        except web.HTTPRequestEntityTooLarge as error:
            raise ApiError(413) from error
        except TimeoutError as error:
            raise ApiError(408) from error

    def _check_previous(self, wanted: VideoRequest) -> None:
        """Only a completed job of the same model can be gone on with."""
        if wanted.previous_job_id is None:
            return
        job = self._world.jobs.get(wanted.previous_job_id)
        if job is None:
            raise ApiError(404, f"Job {wanted.previous_job_id} not found")
        if job.order.model.id != wanted.model:
            raise ApiError(400, f"previous_job_id was made by {job.order.model.slug}")
        if job.status(self._world.clock.monotonic()) != "completed":
            raise ApiError(400, "previous_job_id is not completed")

    def _polled(self, request: web.Request, job_id: str) -> Mapping[str, Any]:
        world = self._world
        authorize(world, request)
        job = world.jobs.get(job_id)
        if job is None:
            raise ApiError(404, f"Job {job_id} not found")
        return polled(job, world.clock.monotonic(), self._stored(job))

    def _stored(self, job: Job) -> Mapping[str, Any]:
        seconds = self._world.config.stored_copy_seconds
        if seconds is None:
            return {}
        return stored_copy(job, self._world.link_secret, job.created_unix + int(seconds))

"""Handlers of POST /videos and GET /videos/{id}: submit and poll."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.sandbox.billing import PriceUnknown
from gateway.sandbox.bodies import polled, stored_copy, submitted
from gateway.sandbox.errors import ApiError
from gateway.sandbox.fault_injection import NoResponse, respond
from gateway.sandbox.faults import Fault
from gateway.sandbox.jobs import Job
from gateway.sandbox.ledger import Submit, shortened
from gateway.sandbox.render_plan import plan_render
from gateway.sandbox.request import VideoRequest, read_json, read_request
from gateway.sandbox.responses import error_response, json_response
from gateway.sandbox.state import SandboxState
from gateway.sandbox.validation import check_policy, check_request

_BODY_SECONDS = 60.0  # real seconds


def authorize(state: SandboxState, request: web.Request) -> None:
    """Check the API key.

    Raises:
        ApiError: 401, with the recorded message.

    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise ApiError(401)
    if key.strip() not in state.config.api_keys:
        raise ApiError(401, "User not found.")


class Videos:
    """Handlers of submit and poll."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    async def submit(self, request: web.Request) -> web.StreamResponse:
        """Accept or reject a job; the ledger records every call before it is handled."""
        state = self._state
        entry = state.ledger.arrived(state.clock.now(), request.headers)
        fault = await self._fault_for(request)
        entry.fault = fault.action if fault else None

        async def handle() -> web.StreamResponse:
            return await self._handle(request, entry)

        answer = await respond(request, fault, handle, state.clock, state.closing)
        entry.status = None if isinstance(answer, NoResponse) else answer.status
        entry.answered_at = state.clock.now()
        if entry.outcome == "open":
            entry.outcome = "unread"
        state.ledger.touch()
        return answer

    async def poll(self, request: web.Request) -> web.StreamResponse:
        """Return a job's current state."""
        job_id = request.match_info["job_id"]
        job = self._state.jobs.get(job_id)
        model = job.plan.model.id if job else None
        fault = self._state.faults.take("poll", model=model, job_id=job_id)

        async def handle() -> web.StreamResponse:
            try:
                return json_response(self._polled(request, job_id))
            except ApiError as error:
                return error_response(error)

        return await respond(request, fault, handle, self._state.clock, self._state.closing)

    async def _fault_for(self, request: web.Request) -> Fault | None:
        """Take the fault for this submit; read the body only if a fault depends on the model."""
        faults = self._state.faults
        model = None
        if faults.needs_model("submit"):
            try:
                model = str(read_json(await self._body(request)).get("model"))
            except ApiError:
                model = None
        return faults.take("submit", model=model)

    async def _handle(self, request: web.Request, entry: Submit) -> web.StreamResponse:
        state = self._state
        try:
            job = await self._accept(request, entry)
        except ApiError as error:
            entry.outcome, entry.message = "refused", error.message
            return error_response(error)
        entry.outcome, entry.job_id = "accepted", job.id
        state.ledger.touch()
        state.webhook_sender.schedule(job)
        await state.clock.sleep(state.rng.uniform(*state.config.submit_seconds))
        return json_response(submitted(job), 202)

    async def _accept(self, request: web.Request, entry: Submit) -> Job:
        state = self._state
        authorize(state, request)
        body = read_json(await self._body(request))
        entry.body = shortened(body)
        video_request = read_request(body, state.config.error_shape)
        model = state.catalog.models.get(video_request.model)
        if model is None:
            raise ApiError(400, f"{video_request.model} is not a valid model ID")
        check_policy(video_request, state.config)
        check_request(video_request, model, state.config)
        self._check_previous(video_request)
        try:
            plan = plan_render(video_request, model, state.config)
        except PriceUnknown as error:  # a custom catalog with prices of an unknown kind
            raise ApiError(500, str(error)) from error
        return state.jobs.accept(
            plan,
            origin=state.config.public_url or str(request.url.origin()),
            callback_url=video_request.callback_url,
            fault=state.faults.take("job", model=model.id),
        )

    async def _body(self, request: web.Request) -> bytes:
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                return await request.read()
        except web.HTTPRequestEntityTooLarge as error:
            raise ApiError(413) from error
        except TimeoutError as error:
            raise ApiError(408) from error

    def _check_previous(self, video_request: VideoRequest) -> None:
        """Check that the previous job completed and used the same model."""
        if video_request.previous_job_id is None:
            return
        job = self._state.jobs.get(video_request.previous_job_id)
        if job is None:
            raise ApiError(404, f"Job {video_request.previous_job_id} not found")
        if job.plan.model.id != video_request.model:
            raise ApiError(400, f"previous_job_id is a job of {job.plan.model.slug}")
        if job.status(self._state.clock.monotonic()) != "completed":
            raise ApiError(400, "previous_job_id is not completed")

    def _polled(self, request: web.Request, job_id: str) -> Mapping[str, Any]:
        state = self._state
        authorize(state, request)
        job = state.jobs.get(job_id)
        if job is None:
            raise ApiError(404, f"Job {job_id} not found")
        return polled(job, state.clock.monotonic(), self._stored(job))

    def _stored(self, job: Job) -> Mapping[str, Any]:
        seconds = self._state.config.stored_copy_seconds
        if seconds is None:
            return {}
        return stored_copy(job, self._state.link_secret, job.created_unix + int(seconds))

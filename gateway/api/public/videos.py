"""POST /api/v1/videos and GET /api/v1/videos/{id}."""

from collections.abc import Mapping

import orjson
from aiohttp import web

from gateway.api.body import announced_size, read_body
from gateway.api.body_budget import BodyLease
from gateway.api.middleware import FACTS
from gateway.api.public.access import principal
from gateway.api.public.parts import PARTS
from gateway.api.public.prefer import wanted_wait
from gateway.api.public.submit_options import SubmitOptions, read_submit_options
from gateway.domain.errors import Reason, Refused
from gateway.domain.job import Job
from gateway.domain.policy import violating
from gateway.domain.strict_json import NotStrict, parse_object
from gateway.domain.team import Principal
from gateway.domain.units import usd_text
from gateway.domain.video import VideoRequest, parse_request
from gateway.services.off_loop import OffLoop
from gateway.services.submission.call import Call

# docs/openrouter-contract.md section 1. The client's Authorization and X-Provider-API-Keys are
# never forwarded.
_FORWARDED = (
    "HTTP-Referer",
    "X-OpenRouter-Title",
    "X-OpenRouter-Categories",
    "X-OpenRouter-App-Visibility",
    "X-Session-Id",
)
_ALIASES = {"X-Title": "X-OpenRouter-Title"}  # the older name of the same header
_MAX_HEADER = 1024  # characters; X-Session-Id has 256, the others are titles and addresses

_LARGE = 64 * 1024  # bytes above which parsing would block other requests


async def submit(request: web.Request) -> web.Response:
    """Accept a video request: 202 with the job, or a refusal with its reason.

    With `X-Gateway-Dry-Run: true` nothing is sent or reserved: 200 with the decision.
    """
    parts = request.app[PARTS]
    who = principal(request)
    options = read_submit_options(request)
    limit = parts.live.config.server.max_body_bytes
    lease = parts.bodies.take(who.team, announced_size(request, limit))
    try:
        return await _submit(request, who, options, await read_body(request, limit), lease)
    finally:
        if not lease.transferred:
            lease.release()


async def _submit(
    request: web.Request,
    who: Principal,
    options: SubmitOptions,
    body: bytes | bytearray,
    lease: BodyLease,
) -> web.Response:
    parts = request.app[PARTS]
    call = Call(
        principal=who,
        request=await _parse(body, parts.off_loop),
        headers=_forwarded(request.headers),
        size=len(body),
        request_id=request[FACTS].request_id,
        traceparent=parts.telemetry.tracer.inject(),
        zdr_header=options.zdr,
        fresh=options.fresh,
        idempotency_key=options.idempotency_key,
        body_lease=lease,
    )
    del body
    if options.dry_run:
        preview = await parts.dry_run.preview(call)
        request[FACTS].reason = "dry_run"
        return web.Response(
            body=orjson.dumps(preview, default=str), content_type="application/json"
        )
    submitted = await parts.submitter.submit(call)
    request[FACTS].job = submitted.job.id
    headers = {
        "X-Gateway-Dedupe": submitted.dedupe.value,
        "X-Gateway-Estimated-Cost-Usd": usd_text(submitted.job.estimate_micros),
    }
    if submitted.applied_defaults:
        headers["X-Gateway-Applied-Defaults"] = ", ".join(submitted.applied_defaults)
    if call.request.unknown_fields:
        headers["X-Gateway-Unknown-Fields"] = ", ".join(call.request.unknown_fields)
    return web.Response(
        status=202,
        body=parts.serializer.submitted(submitted.job),
        headers=headers,
        content_type="application/json",
    )


async def poll(request: web.Request) -> web.Response:
    """Return a job's status from memory: always 200 for a known job, without the upstream."""
    parts = request.app[PARTS]
    team = principal(request).team
    job = await owned_job(request, team)
    headers = {}
    seconds = wanted_wait(request.headers.get("Prefer"))
    if seconds is not None:
        headers["Preference-Applied"] = f"wait={seconds}"
        job = await _changed(request, team, job, seconds)
    body = parts.serializer.polled(job)
    return web.Response(body=body, headers=headers, content_type="application/json")


async def _changed(request: web.Request, team: str, job: Job, seconds: int) -> Job:
    """Return the job when its status changes, when it has ended, or after so many seconds.

    Returns at once if a team has too many waiting polls, and when the process stops.
    """
    parts = request.app[PARTS]
    if not parts.waits.enter(team):
        return job
    try:
        end = parts.clock.monotonic() + seconds
        before = job.status.on_the_wire
        while not job.status.terminal and job.status.on_the_wire == before:
            left = end - parts.clock.monotonic()
            if left <= 0 or parts.draining():
                break
            await parts.clock.sleep(min(_LOOK_EVERY, left))
            job = await owned_job(request, team)
        return job
    finally:
        parts.waits.leave(team)


async def owned_job(request: web.Request, team: str | None) -> Job:
    """Return the job of the path if it is the team's; None: any team's, after a signed link.

    Raises:
        Refused: JOB_NOT_FOUND, with the same text for another team's job and for none.

    """
    job_id = request.match_info["id"]
    could_be = len(job_id) <= _MAX_ID and job_id.isascii() and job_id.isprintable()
    parts = request.app[PARTS]
    owners = None if team is None else parts.live.current.names_of(team)
    job = await parts.job_cache.get(job_id, owners) if could_be else None
    if job is None:
        raise Refused(Reason.JOB_NOT_FOUND, f"Job {job_id[:_MAX_ID]} not found")
    request[FACTS].job = job.id
    return job


_LOOK_EVERY = 0.25  # seconds between two checks of a job that a poll waits for

_MAX_ID = 100  # characters; ours have 39


async def _parse(body: bytes | bytearray, off_loop: OffLoop) -> VideoRequest:
    if len(body) > _LARGE:
        return await off_loop.run(lambda: _parsed(body))
    return _parsed(body)


def _parsed(body: bytes | bytearray) -> VideoRequest:
    try:
        parsed = parse_request(parse_object(body))
    except NotStrict as error:
        words = str(error)
        if error.field == "body":
            words = f"{words[:1].upper()}{words[1:]}"
        details = {"field": error.field}
        raise Refused(Reason.INVALID_REQUEST, f"{words}.", details) from error
    if isinstance(parsed, VideoRequest):
        return parsed
    raise violating(Reason.INVALID_REQUEST, parsed)


def _forwarded(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers to forward, each short and without control characters."""
    onward: dict[str, str] = {}
    for name in (*_ALIASES, *_FORWARDED):
        value = headers.get(name)
        if value is not None and value.isprintable():
            onward[_ALIASES.get(name, name)] = value[:_MAX_HEADER]
    return onward

"""/admin/v1/deliveries: list, show and replay."""

from typing import Any

from aiohttp import web

from gateway.api.admin.access import operator
from gateway.api.admin.answers import answer, invalid, read_moment, read_object, seconds
from gateway.api.admin.paging import page_of, read_cursor, read_limit
from gateway.api.admin.parts import ADMIN
from gateway.domain.text import origin
from gateway.store.delivery_queries import STATES, AttemptRecord, DeliveryFilter, Shown


async def listing(request: web.Request) -> web.Response:
    """List them, newest first; `next` is the `cursor` of the next page, absent on the last one."""
    limit = read_limit(request.query.get("limit", ""))
    found = await request.app[ADMIN].replay.page(_wanted(request), limit + 1)
    return answer(page_of(found, limit, _row, lambda shown: (shown.created_at, shown.id)))


async def show(request: web.Request) -> web.Response:
    """Show one delivery with every attempt."""
    detail = await request.app[ADMIN].replay.show(request.match_info["id"])
    return answer({**_row(detail.shown), "attempts": [_attempt(a) for a in detail.attempts]})


async def replay(request: web.Request) -> web.Response:
    """Replay one delivery now."""
    admin = request.app[ADMIN]
    who = operator(request)
    shown = await admin.replay.replay(request.match_info["id"], who)
    admin.telemetry.log.info("delivery.replayed", delivery=shown.id, by=who.name)
    return answer(_row(shown), status=202)


async def replay_dead(request: web.Request) -> web.Response:
    """Replay the dead deliveries of events since `since`, to one `endpoint` or to all."""
    admin = request.app[ADMIN]
    body = await read_object(request)
    since, endpoint = body.get("since"), body.get("endpoint")
    if since is None:
        invalid("since", "absent", "unix seconds, or a moment like 2026-11-22T12:00:00Z")
    if endpoint is not None and not isinstance(endpoint, str):
        invalid("endpoint", str(endpoint), "the name of an endpoint")
    who = operator(request)
    count = await admin.replay.replay_dead(read_moment("since", str(since)), endpoint, who)
    admin.telemetry.log.info("deliveries.replayed", deliveries=count, by=who.name)
    return answer({"replayed": count}, status=202)


def _wanted(request: web.Request) -> DeliveryFilter:
    query = request.query
    state, since, cursor = query.get("state"), query.get("since"), query.get("cursor")
    if state is not None and state not in STATES:
        invalid("state", state, ", ".join(STATES))
    return DeliveryFilter(
        state=state,
        endpoint=query.get("endpoint"),
        since=None if since is None else read_moment("since", since),
        before=None if cursor is None else read_cursor(cursor),
    )


def _row(shown: Shown) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": shown.id,
        "endpoint": shown.endpoint,
        "state": shown.state,
        "attempts_made": shown.attempts,
        "created_at": seconds(shown.created_at),
        "next_attempt_at": seconds(shown.next_attempt_at),
        "ended_at": seconds(shown.ended_at),
        "event": {
            "id": shown.event_id,
            "type": shown.event_type,
            "team": shown.team,
            "job_id": shown.job_id,
            "idempotency_key": shown.idempotency_key,
        },
    }
    if shown.url is not None:
        row["origin"] = origin(shown.url)
    return row


def _attempt(attempt: AttemptRecord) -> dict[str, Any]:
    return {
        "attempt": attempt.attempt,
        "at": seconds(attempt.at),
        "status": attempt.status,
        "latency_ms": attempt.latency_ms,
        "error": attempt.error,
        "detail": attempt.detail,
        "answer": attempt.answer,
    }

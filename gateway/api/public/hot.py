"""Polls and model lists answered from memory, without the router and the middleware.

Everything that is not usual (an unknown job, a bad key, a client's own request id or trace, a HEAD)
goes the long way: `answer` returns None, and the application answers. Both ways give the same
answer; tests/api/test_hot.py compares them.
"""

import os
import re

from aiohttp import web
from multidict import CIMultiDict

from gateway.api.connections import note_authenticated
from gateway.api.public.model_lists import SEEN_BY_ALL, SEEN_BY_TEAM, ReadyList
from gateway.api.public.parts import Parts
from gateway.domain.errors import Refused
from gateway.domain.team import Principal
from gateway.telemetry.instruments import Timer

_POLL = "/api/v1/videos/"
_MODELS = "/api/v1/videos/models"
_POLL_ROUTE = "/api/v1/videos/{id}"
_JOB_ID = re.compile(r"gen-vid-\d{1,12}-[0-9A-Za-z]{20}")
_UNUSUAL = ("X-Request-Id", "traceparent")
_ENTROPY = 12 * 512  # bytes fetched from the kernel at once, for so many request ids


class HotAnswers:
    """Answers what most requests ask."""

    def __init__(self, parts: Parts, headers: dict[str, str]) -> None:
        """`headers`: what every answer under /api/ has."""
        self._parts = parts
        self._headers = CIMultiDict({**headers, "Server": "video-gateway"})
        metrics = parts.telemetry.metrics
        self._timed_poll = metrics.timer(_POLL_ROUTE, "GET", 200)
        self._timed_models = metrics.timer(_MODELS, "GET", 200)
        self._timed_unchanged = metrics.timer(_MODELS, "GET", 304)
        self._entropy = b""

    def answer(self, request: web.BaseRequest) -> web.Response | None:
        """Return the answer if all of it is in memory; None: ask the application."""
        if request.method != "GET" or self._parts.telemetry.tracer.records:
            return None
        headers = request.headers
        if any(name in headers for name in _UNUSUAL):
            return None
        target = request.raw_path
        if target == _MODELS:
            return self._models(request)
        if target.startswith(_POLL) and _JOB_ID.fullmatch(target, len(_POLL)):
            return self._poll(request, target[len(_POLL) :])
        return None

    def _poll(self, request: web.BaseRequest, job_id: str) -> web.Response | None:
        start = self._parts.clock.monotonic()
        parts = self._parts
        who = self._principal(request)
        if who is None:
            return None
        job = parts.views.peek(job_id, parts.live.current.names_of(who.team))
        if job is None:
            return None
        body = parts.presenter.polled(job)
        return self._done(
            self._answer(200, body), who.team, job_id, _POLL_ROUTE, self._timed_poll, start
        )

    def _models(self, request: web.BaseRequest) -> web.Response | None:
        start = self._parts.clock.monotonic()
        who = self._principal(request)
        if who is None and "Authorization" in request.headers:
            return None
        team = None if who is None else who.team
        ready = self._parts.model_lists.video(team)
        if ready is None:
            return None
        unchanged = request.headers.get("If-None-Match") == ready.etag
        if "If-None-Match" in request.headers and not unchanged:
            return None
        answer = self._listing(ready, team, unchanged=unchanged)
        timed = self._timed_unchanged if unchanged else self._timed_models
        return self._done(answer, team, None, _MODELS, timed, start)

    def _listing(self, ready: ReadyList, team: str | None, *, unchanged: bool) -> web.Response:
        answer = self._answer(304, None) if unchanged else self._answer(200, ready.body)
        answer.headers["ETag"] = ready.etag
        answer.headers["Cache-Control"] = SEEN_BY_ALL if team is None else SEEN_BY_TEAM
        answer.headers["Vary"] = "Authorization"
        return answer

    def _principal(self, request: web.BaseRequest) -> Principal | None:
        given = request.headers.getall("Authorization", ())
        if len(given) != 1:
            return None
        try:
            who = self._parts.authenticator.principal(given[0])
        except Refused:
            return None
        note_authenticated(request)
        return who

    def _answer(self, status: int, body: bytes | None) -> web.Response:
        headers = self._headers.copy()
        if body is not None:
            headers["Content-Type"] = "application/json"
        return web.Response(status=status, body=body, headers=headers)

    def _done(
        self,
        answer: web.Response,
        team: str | None,
        job_id: str | None,
        route: str,
        timed: Timer,
        start: float,
    ) -> web.Response:
        """Give the answer its id, and record it as the middleware would."""
        request_id = self._request_id()
        answer.headers["X-Request-Id"] = request_id
        seconds = self._parts.clock.monotonic() - start
        timed(seconds)
        facts = {
            "request_id": request_id,
            "trace_id": self._trace_id(),
            "team": team,
            "job": job_id,
            "listener": "public",
            "route": route,
            "method": "GET",
            "status": answer.status,
            "seconds": round(seconds, 6),
        }
        self._parts.telemetry.trusted("request.ended", facts)
        return answer

    def _request_id(self) -> str:
        return f"req_{self._random(12).hex()}"

    def _trace_id(self) -> str:
        return self._random(16).hex()

    def _random(self, count: int) -> bytes:
        if len(self._entropy) < count:
            self._entropy = os.urandom(_ENTROPY)
        taken, self._entropy = self._entropy[:count], self._entropy[count:]
        return taken

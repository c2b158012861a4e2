"""Polls and model lists answered from memory, without the router and the middleware.

For everything unusual (an unknown job, a bad key, a client's own request id or trace, a HEAD)
`answer` returns None, and the application answers. Both ways return the same response;
tests/api/public/test_hot.py compares them.
"""

import os
import re
from typing import NamedTuple

from aiohttp import web

from gateway.api.connections import note_authenticated
from gateway.api.public.model_lists import SEEN_BY_ALL, SEEN_BY_TEAM, ReadyList
from gateway.api.public.parts import Parts
from gateway.api.ready_answer import ReadyAnswer, head_of
from gateway.domain.errors import Refused
from gateway.domain.team import Principal
from gateway.telemetry.instruments import Timer

_POLL = "/api/v1/videos/"
_MODELS = "/api/v1/videos/models"
_POLL_ROUTE = "/api/v1/videos/{id}"
_JOB_ID = re.compile(r"gen-vid-\d{1,12}-[0-9A-Za-z]{20}")
_ENTROPY = 12 * 512  # bytes of randomness read at once, for so many request ids


_HEADS = 1000  # in memory: one for each team's list


class _Done(NamedTuple):
    """The facts for the log line of an answer."""

    status: int
    team: str | None
    job: str | None
    route: str


class HotAnswers:
    """Answers the most frequent requests."""

    def __init__(self, parts: Parts, headers: dict[str, str]) -> None:
        """`headers`: those of every response under /api/."""
        self._parts = parts
        self._headers = {**headers, "Server": "video-gateway"}
        self._heads: dict[tuple[int, str, bool], bytes] = {}
        self._poll_head = head_of(200, {**self._headers, "Content-Type": "application/json"})
        metrics = parts.telemetry.metrics
        self._timed_poll = metrics.timer(_POLL_ROUTE, "GET", 200)
        self._timed_models = metrics.timer(_MODELS, "GET", 200)
        self._timed_unchanged = metrics.timer(_MODELS, "GET", 304)
        self._entropy = b""
        self._used = 0

    def answer(self, request: web.BaseRequest) -> ReadyAnswer | None:
        """Return the answer if all of it is in memory; None: the application must answer."""
        if request.method != "GET" or self._parts.telemetry.tracer.records:
            return None
        if self._parts.draining():  # the long way closes the connection
            return None
        headers = request.headers
        if "X-Request-Id" in headers or "traceparent" in headers or "Prefer" in headers:
            return None
        if not request.keep_alive:
            return None
        target = request.raw_path
        if target == _MODELS:
            return self._models(request)
        if target.startswith(_POLL) and _JOB_ID.fullmatch(target, len(_POLL)):
            return self._poll(request, target[len(_POLL) :])
        return None

    def _poll(self, request: web.BaseRequest, job_id: str) -> ReadyAnswer | None:
        start = self._parts.clock.monotonic()
        parts = self._parts
        who = self._principal(request)
        if who is None:
            return None
        job = parts.job_cache.peek(job_id, parts.live.current.names_of(who.team))
        if job is None:
            return None
        body = parts.serializer.polled(job)
        done = _Done(200, who.team, job_id, _POLL_ROUTE)
        return self._record(self._poll_head, body, done, self._timed_poll, start)

    def _models(self, request: web.BaseRequest) -> ReadyAnswer | None:
        start = self._parts.clock.monotonic()
        who = self._principal(request)
        if who is None and "Authorization" in request.headers:
            return None
        team = None if who is None else who.team
        ready = self._parts.model_lists.video(team)
        if ready is None:
            return None
        asked = request.headers.get("If-None-Match")
        if asked is not None and asked != ready.etag:
            return None
        head = self._list_head(ready, team, unchanged=asked is not None)
        if asked is not None:
            done = _Done(304, team, None, _MODELS)
            return self._record(head, b"", done, self._timed_unchanged, start)
        done = _Done(200, team, None, _MODELS)
        return self._record(head, ready.body, done, self._timed_models, start)

    def _list_head(self, ready: ReadyList, team: str | None, *, unchanged: bool) -> bytes:
        key = (304 if unchanged else 200, ready.etag, team is None)
        head = self._heads.get(key)
        if head is None:
            if len(self._heads) > _HEADS:
                self._heads.clear()
            kind = {} if unchanged else {"Content-Type": "application/json"}
            more = {
                "ETag": ready.etag,
                "Cache-Control": SEEN_BY_ALL if team is None else SEEN_BY_TEAM,
                "Vary": "Authorization",
            }
            head = self._heads[key] = head_of(key[0], {**self._headers, **kind, **more})
        return head

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

    def _record(
        self, head: bytes, body: bytes, done: "_Done", timed: Timer, start: float
    ) -> ReadyAnswer:
        """Create the answer, and record it as the middleware does."""
        request_id = self._request_id()
        answer = ReadyAnswer(head, body, request_id, done.status)
        seconds = self._parts.clock.monotonic() - start
        timed(seconds)
        facts = {
            "request_id": request_id,
            "trace_id": self._trace_id(),
            "team": done.team,
            "job": done.job,
            "listener": "public",
            "route": done.route,
            "method": "GET",
            "status": done.status,
            "seconds": round(seconds, 6),
        }
        self._parts.telemetry.trusted("request.ended", facts)
        return answer

    def _request_id(self) -> str:
        return f"req_{self._random(12).hex()}"

    def _trace_id(self) -> str:
        return self._random(16).hex()

    def _random(self, count: int) -> bytes:
        start, end = self._used, self._used + count
        if end > len(self._entropy):
            self._entropy, start, end = os.urandom(_ENTROPY), 0, count
        self._used = end
        return self._entropy[start:end]

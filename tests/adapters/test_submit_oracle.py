"""Thousands of made-up answers to a submit, against an upstream that knows whether it took the job.

Never two jobs for one submit, never a refusal of a job that was taken, never an open question
about one that was definitely refused.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.adapters.openrouter import OpenRouter
from gateway.adapters.redirects import PublicDownloads
from gateway.domain.upstream import Accepted, Declined, NotSent, SubmitOutcome, Unclear
from gateway.services.off_loop import OffLoop
from gateway.telemetry.bundle import Telemetry
from tests.fakes.clock import FakeClock
from tests.fakes.lookup import FakeLookup
from tests.fakes.raw_upstream import head_of, raw_upstream

ATTEMPTS = 3
PAGE = b"<html><head><title>x</title></head><body>Sorry</body></html>"
DEFINITE = [400, 401, 402, 403, 404, 405, 409, 410, 411, 413, 415, 422, 429, 431, 451]
REDIRECTS = [301, 302, 307, 308]
AMBIGUOUS = [303, 408, 499, 500, 501, 502, 503, 504, 507, 520, 522, 524, 529, 599]


def own(status: int) -> bytes:
    return json.dumps({"error": {"code": status, "message": "no", "metadata": None}}).encode()


def shapes(status: int) -> list[bytes]:
    """Error bodies of proxies and of other APIs; none is OpenRouter's own."""
    return [
        b"",
        PAGE,
        b'{"error": "text"}',
        b'{"detail": "Not now"}',
        b'{"code": 7, "message": "no"}',
        b'{"error": {"message": "busy"}}',
        json.dumps({"error": {"code": str(status), "message": "no"}}).encode(),
        json.dumps({"error": {"code": status, "message": "no"}, "trace": 1}).encode(),
        json.dumps({"error": {"code": status, "message": "no", "type": "x"}}).encode(),
        b'{"success": false, "error": {"name": "ZodError", "message": "[]"}}',
        b"\x00\xff\xfe",
        b'{"id": ',
        b"[]",
        b"null",
    ]


@dataclass(frozen=True)
class Script:
    """One attempt: whether the job is taken, and what the wire then carries.

    `definite`: by the table nothing was bought, and the client must hear so.
    """

    taken: bool
    definite: bool
    status: int = 0  # 0: no answer at all
    body: bytes = b""
    early: bool = False  # answered after the head, the body unread
    cut: bool = False  # the answer breaks off


def job_id(number: int) -> bytes:
    return json.dumps({"id": f"job-{number}", "status": "pending"}).encode()


def refusals() -> st.SearchStrategy[Script]:
    """Answers that say for certain that nothing was bought."""
    answers = st.sampled_from([*DEFINITE, *REDIRECTS]).flatmap(
        lambda status: st.builds(
            Script,
            st.just(False),
            st.just(True),
            st.just(status),
            st.sampled_from([own(status), *shapes(status)]),
            st.booleans(),
            st.just(False),
        )
    )
    strict = st.builds(Script, st.just(False), st.just(True), st.just(503), st.just(own(503)))
    inside = st.sampled_from([400, 402, 404, 429]).map(
        lambda code: Script(False, True, 200, own(code))
    )
    return answers | strict | inside


def open_questions() -> st.SearchStrategy[Script]:
    """Answers after which a job may or may not be running; both happen."""
    errors = st.sampled_from(AMBIGUOUS).flatmap(
        lambda status: st.builds(
            Script,
            st.booleans(),
            st.just(False),
            st.just(status),
            # 503 in OpenRouter's own words is a refusal, and no open question.
            st.sampled_from([*shapes(status), *([] if status == 503 else [own(status)])]),
            st.just(False),
            st.booleans(),
        )
    )
    spoilt = st.builds(
        Script,
        st.booleans(),
        st.just(False),
        st.sampled_from([200, 201, 202]),
        st.sampled_from([b"", PAGE, b"{}", b"[]", b'{"id": 7}', b'{"id": ""}', own(500), own(408)]),
        st.just(False),
        st.booleans(),
    )
    silent = st.builds(Script, st.booleans(), st.just(False))
    return errors | spoilt | silent


SCRIPTS = st.lists(
    refusals() | open_questions() | st.just(Script(True, False, 202, b"accept")),
    min_size=1,
    max_size=ATTEMPTS,
)


@dataclass
class Oracle:
    """The upstream: follows the script, and counts what it took."""

    script: list[Script] = field(default_factory=list)
    turn: int = 0
    taken: int = 0
    last: Script | None = None

    def begin(self, script: list[Script]) -> None:
        self.script, self.turn, self.taken, self.last = script, 0, 0, None

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = self.script[min(self.turn, len(self.script) - 1)]
        self.turn += 1
        self.last = said
        head = await head_of(reader)
        if not said.early:
            (length,) = (
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            )
            await reader.readexactly(length)
        self.taken += said.taken
        if not said.status:
            return
        body = job_id(self.turn) if said.body == b"accept" else said.body
        promised = len(body) + (10 if said.cut else 0)
        writer.write(
            f"HTTP/1.1 {said.status} X\r\nContent-Length: {promised}\r\n"
            "Location: https://elsewhere.example/\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        await writer.drain()


def _judge(oracle: Oracle, outcome: SubmitOutcome) -> None:
    said = oracle.last
    assert said is not None
    assert oracle.taken <= 1, "two jobs for one submit"
    if isinstance(outcome, Accepted):
        assert oracle.taken == 1
    if isinstance(outcome, Declined | NotSent):
        assert oracle.taken == 0, f"money released for a job that runs: {said}"
    if isinstance(outcome, Unclear):
        assert not said.definite, f"money kept for a refused submit: {said}"


def test_every_answer_is_read_as_the_table_says() -> None:
    """One server and one client for all examples; each example is one submit with its retries."""
    loop = asyncio.new_event_loop()
    oracle = Oracle()

    async def one(client: OpenRouter, script: list[Script], body: bytes) -> None:
        oracle.begin(script)
        outcome: Any = None
        for _ in range(ATTEMPTS):
            outcome = await client.submit(body, {}, timeout=10.0)
            retried = isinstance(outcome, Declined) and outcome.transient
            if not retried and not isinstance(outcome, NotSent):
                break
        _judge(oracle, outcome)

    serving = raw_upstream(oracle.answer)
    served = loop.run_until_complete(serving.__aenter__())

    async def opened() -> OpenRouter:
        return OpenRouter(
            "main",
            served.url,
            "sk-or-v1-0123456789",
            connect=5.0,
            poll=5.0,
            content_idle=5.0,
            public=PublicDownloads(FakeLookup()),
            clock=FakeClock(),
            telemetry=Telemetry(),
            off_loop=OffLoop(),
        )

    client = loop.run_until_complete(opened())

    @settings(
        max_examples=6000, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(SCRIPTS, st.sampled_from([b"{}", b'{"prompt": "' + b"x" * 300_000 + b'"}']))
    @example([Script(False, True, 413, PAGE, early=True)], b"x" * 3_000_000)
    @example([Script(True, False, 503, b'{"error": {"message": "busy"}}')], b"{}")
    def examples(script: list[Script], body: bytes) -> None:
        loop.run_until_complete(one(client, script, body))

    try:
        examples()
    finally:
        loop.run_until_complete(client.close())
        loop.run_until_complete(serving.__aexit__(None, None, None))
        loop.close()

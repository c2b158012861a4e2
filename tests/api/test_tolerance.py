"""What real clients throw on, and is never sent: docs/openrouter-contract.md, section 9.

First half: each row, through the official SDKs against a stub that answers it; this is what the
gateway must never say, and it fails the day an SDK changes its mind. Second half: whatever an
upstream says of a job, the gateway's own answers are taken by every one of them.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from openrouter import OpenRouter
from openrouter.utils import BackoffStrategy, RetryConfig

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.harness import KEYS, RunningGateway
from tests.sdk_js.programs import Programs

Client = Literal["python", "typescript", "ai"]
OK, THROWS, KEEPS_POLLING = "ok", "throws", "keeps polling"

SUBMITTED = {"id": "gen-vid-1-a", "polling_url": "http://127.0.0.1/x", "status": "pending"}
DONE = {**SUBMITTED, "status": "completed", "usage": {"cost": 0.07, "is_byok": False}}
FAILED = {**SUBMITTED, "status": "failed", "error": "no luck"}


@dataclass(frozen=True)
class Row:
    """An answer, and what each client makes of it."""

    call: Literal["submit", "poll"]
    name: str
    body: Mapping[str, Any]
    python: str
    typescript: str
    ai: str
    status: int | None = None
    content_type: str = "application/json"


def without(body: Mapping[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != field}


# `ai` of a submit says how its own poll went on: the stub's `gen-vid-1-a` never ends.
MATRIX = [
    Row("submit", "as-recorded", SUBMITTED, OK, OK, KEEPS_POLLING),
    Row("submit", "200-instead-of-202", SUBMITTED, THROWS, THROWS, KEEPS_POLLING, status=200),
    Row("submit", "no-polling-url", without(SUBMITTED, "polling_url"), THROWS, THROWS, THROWS),
    Row("submit", "extra-fields", {**SUBMITTED, "model": "m", "x": [1]}, OK, OK, KEEPS_POLLING),
    Row("submit", "charset", SUBMITTED, OK, OK, KEEPS_POLLING,
        content_type="application/json; charset=utf-8"),
    Row("poll", "completed", DONE, OK, OK, OK),
    Row("poll", "failed", FAILED, OK, OK, OK),
    Row("poll", "no-polling-url", without(DONE, "polling_url"), THROWS, THROWS, THROWS),
    Row("poll", "null-generation-id", {**DONE, "generation_id": None}, OK, THROWS, THROWS),
    Row("poll", "null-error", {**DONE, "error": None}, OK, THROWS, THROWS),
    Row("poll", "null-usage", {**DONE, "usage": None}, OK, THROWS, THROWS),
    Row("poll", "null-cost", {**DONE, "usage": {"cost": None}}, OK, OK, THROWS),
    Row("poll", "no-cost", {**DONE, "usage": {"is_byok": True}}, OK, OK, OK),
    Row("poll", "unknown-status", {**SUBMITTED, "status": "queued"}, OK, OK, KEEPS_POLLING),
    Row("poll", "error-as-object", {**FAILED, "error": {"message": "no"}}, THROWS, THROWS, THROWS),
    Row("poll", "extra-fields", {**DONE, "model": "m", "progress": 1}, OK, OK, OK),
    Row("poll", "charset", DONE, OK, OK, OK, content_type="application/json; charset=utf-8"),
]  # fmt: skip


@asynccontextmanager
async def stub() -> AsyncIterator[str]:
    """A server that answers each row under its name; its base URL."""

    async def submit(request: web.Request) -> web.Response:
        return answer("submit", str((await request.json())["model"]).removeprefix("submit/"))

    async def poll(request: web.Request) -> web.Response:
        return answer("poll", request.match_info["name"])

    def answer(call: str, name: str) -> web.Response:
        if name == SUBMITTED["id"]:
            return web.json_response(SUBMITTED)
        row = next(row for row in MATRIX if (row.call, row.name) == (call, name))
        usual = 202 if call == "submit" else 200
        return web.Response(
            status=row.status or usual,
            body=json.dumps(row.body).encode(),
            headers={"Content-Type": row.content_type},
        )

    app = web.Application()
    app.router.add_post("/api/v1/videos", submit)
    app.router.add_get("/api/v1/videos/{name}", poll)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/api/v1"))


def python_verdicts(base: str, key: str, submits: list[str], polls: list[str]) -> dict[str, str]:
    """What the Python SDK's classes make of each answer, by `call/name`."""
    once = RetryConfig("none", BackoffStrategy(1, 1, 1, 1), False)
    verdicts: dict[str, str] = {}
    with OpenRouter(api_key=key, server_url=base, retry_config=once) as client:
        videos = client.video_generation
        for call, name in [("submit", n) for n in submits] + [("poll", n) for n in polls]:
            try:
                if call == "submit":
                    videos.generate(model=f"submit/{name}", prompt="a cat")
                else:
                    videos.get_generation(job_id=name)
                verdicts[f"{call}/{name}"] = OK
            except Exception as error:  # noqa: BLE001 - whatever the SDK raises is its verdict
                verdicts[f"{call}/{name}"] = f"{THROWS} {type(error).__name__}"
    return verdicts


def expected(client: Client) -> dict[str, str]:
    return {f"{row.call}/{row.name}": getattr(row, client) for row in MATRIX}


def names(call: str) -> list[str]:
    return [row.name for row in MATRIX if row.call == call]


def short(verdicts: Mapping[str, str]) -> dict[str, str]:
    """`throws` without the name of the error, which is the SDK's own business."""
    return {
        name: THROWS if verdict.startswith(THROWS) else verdict
        for name, verdict in verdicts.items()
    }


async def test_the_python_sdk_takes_and_throws_on_what_the_matrix_says() -> None:
    async with stub() as base:
        verdicts = await asyncio.to_thread(
            python_verdicts, base, "k", names("submit"), names("poll")
        )

    assert short(verdicts) == expected("python")


async def test_the_typescript_clients_take_and_throw_on_what_the_matrix_says(
    sdk_js: Programs,
) -> None:
    async with stub() as base:
        verdicts = await sdk_js.run(
            "accepts", base=base, key="k", submits=names("submit"), polls=names("poll")
        )

    assert short({n: v["typescript"] for n, v in verdicts.items()}) == expected("typescript")
    assert short({n: v["ai"] for n, v in verdicts.items()}) == expected("ai")


# What an upstream may say of a job, as the real one or as nobody should.
SAID: Mapping[str, Mapping[str, Any]] = {
    "pending": {"status": "pending"},
    "in progress": {"status": "in_progress", "generation_id": None, "usage": None, "error": None},
    "a status of its own": {"status": "rendering"},
    "queued": {"status": "queued"},
    "completed": {"status": "completed", "usage": {"cost": 0.07, "is_byok": False}},
    "completed without usage": {"status": "completed"},
    "completed, all null": {
        "status": "completed", "usage": None, "error": None, "generation_id": None,
        "unsigned_urls": None, "urls": None, "expires_at": None,
    },
    "completed, cost null": {"status": "completed", "usage": {"cost": None, "is_byok": True}},
    "completed, cost text": {"status": "completed", "usage": {"cost": "0.07"}},
    "completed, stored copy": {
        "status": "completed", "unsigned_urls": ["u", "v"], "urls": ["https://a", "https://b"],
        "expires_at": 1_800_000_000,
    },
    "completed, strange copy": {"status": "completed", "urls": ["x"], "expires_at": "soon"},
    "failed": {"status": "failed", "error": "no luck"},
    "failed without words": {"status": "failed"},
    "failed, error null": {"status": "failed", "error": None, "usage": None},
    "failed, error an object": {"status": "failed", "error": {"message": "no luck", "code": 1}},
    "failed, error a list": {"status": "failed", "error": ["no", "luck"]},
    "failed with a cost": {"status": "failed", "error": "late", "usage": {"cost": 0.01}},
    "cancelled": {"status": "cancelled", "error": "by hand"},
    "canceled": {"status": "canceled"},
    "expired": {"status": "expired", "error": ""},
    "dead": {"status": "dead", "error": None},
}  # fmt: skip


@dataclass(frozen=True)
class States:
    """A gateway with a job in every state: what was said of it -> its id."""

    gateway: RunningGateway
    jobs: Mapping[str, str]


@pytest.fixture
async def states(gateways: StartGateway, sandbox: Sandbox, sqlite_url: str) -> States:
    """One job for each thing that an upstream may say, and two that it says nothing of."""
    gateway = await gateways(sandbox, sqlite_url, {"server": {"answer_within": "700ms"}})
    jobs = {}
    for said, body in SAID.items():
        sandbox.faults.next("job", "hold")
        job_id = await gateway.job(prompt=said)
        jobs[said] = job_id
        upstream_id = sandbox.ledger.accepted[-1]
        answer = json.dumps({"id": upstream_id, "polling_url": "/relative", **body})
        sandbox.faults.next("poll", "garbage", body=answer, job_id=upstream_id)
    sandbox.faults.next("submit", "reset_after")
    jobs["unknown"] = await gateway.job(prompt="unknown")
    sandbox.faults.next("submit", "hang")
    jobs["submitting"] = await gateway.job(prompt="submitting")
    await asked(gateway, sandbox)
    return States(gateway, jobs)


async def asked(gateway: RunningGateway, sandbox: Sandbox) -> None:
    """Until the poller has heard everything."""

    async def heard() -> bool:
        return sandbox.faults.waiting == ()

    await gateway.until(heard)
    for job in sandbox.jobs:
        sandbox.faults.next("poll", "hang", job_id=job.id)  # and nothing more


async def test_whatever_the_upstream_says_the_python_sdk_takes_the_gateway_s_answer(
    states: States,
) -> None:
    verdicts = await asyncio.to_thread(
        python_verdicts, states.gateway.base, KEYS["growth"], [], list(states.jobs.values())
    )

    assert set(verdicts.values()) == {OK}
    assert len(verdicts) == len(SAID) + 2


async def test_whatever_the_upstream_says_the_typescript_clients_take_the_gateway_s_answer(
    sdk_js: Programs, states: States
) -> None:
    verdicts = await sdk_js.run(
        "accepts",
        base=states.gateway.base,
        key=KEYS["growth"],
        submits=[],
        polls=list(states.jobs.values()),
    )

    assert {v["typescript"] for v in verdicts.values()} == {OK}
    assert {v["ai"] for v in verdicts.values()} == {OK, KEEPS_POLLING}


async def test_the_gateway_never_says_null(states: States) -> None:
    """Unknown is left out; `error` is a text, exactly where a job did not end well."""
    for said, job_id in states.jobs.items():
        body = (await states.gateway.get(f"/videos/{job_id}")).json

        assert None not in list(leaves(body)), said
        assert body["status"] in WIRE, said
        assert ("error" in body) == (body["status"] in ("failed", "cancelled", "expired")), said
        assert "error" not in body or (isinstance(body["error"], str) and body["error"]), said
        assert ("unsigned_urls" in body) == (body["status"] == "completed"), said


WIRE = ("pending", "in_progress", "completed", "failed", "cancelled", "expired")


async def test_a_submit_is_answered_by_exactly_the_three_recorded_fields(
    gateway: RunningGateway,
) -> None:
    answer = await gateway.submit()

    assert answer.status == 202
    assert set(answer.json) == {"id", "polling_url", "status"}
    assert answer.json["status"] == "pending"
    assert answer.headers["Content-Type"].partition(";")[0] == "application/json"


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for member in value.values():
            yield from leaves(member)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value

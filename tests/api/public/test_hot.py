"""What is answered from memory is what the application would have answered."""

import json
from typing import Any

import pytest

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.api.test_hostile import raw
from tests.harness import KEYS, Answer, RunningGateway

THE_LONG_WAY = {"X-Request-Id": "a-request-id-of-the-client"}
ITS_OWN = {"x-request-id", "date"}


async def both(
    gateway: RunningGateway, path: str, headers: dict[str, str] | None = None, method: str = "GET"
) -> tuple[Answer, Answer]:
    """The usual answer, and the application's."""
    sent = headers or {}
    quick = await gateway.call(method, path, team=None, headers=sent)
    slow = await gateway.call(method, path, team=None, headers={**sent, **THE_LONG_WAY})
    return quick, slow


def seen(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    headers = {k.lower(): v for k, v in answer.headers.items() if k.lower() not in ITS_OWN}
    return answer.status, headers, answer.body


def key(team: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {KEYS[team]}"}


@pytest.fixture
async def jobs(gateway: RunningGateway, sandbox: Sandbox) -> dict[str, str]:
    """A job in each state that a client may meet."""
    sandbox.faults.next("job", "fail", error="blocked")
    failed = await gateway.job(prompt="fails")
    await gateway.ended(failed)
    completed = await gateway.completed(prompt="done")
    theirs = await gateway.completed(team="rivals")
    sandbox.faults.next("job", "hold")
    return {
        "failed": failed,
        "completed": completed,
        "pending": await gateway.job(prompt="held"),
        "theirs": theirs,
        "unknown": "gen-vid-1795348822-JHVI1F3hYXJJZAMjX4m9",
        "odd": "gen-vid-1",
    }


@pytest.mark.parametrize("state", ["failed", "completed", "pending", "theirs", "unknown", "odd"])
@pytest.mark.parametrize(
    "headers",
    [
        key("growth"),
        {},
        {"Authorization": "Bearer vg_nobody"},
        {"Authorization": f"bearer  {KEYS['growth']} "},
        {
            **key("growth"),
            "If-None-Match": "*",
            "Range": "bytes=0-1",
            "Origin": "https://x.example",
        },
    ],
    ids=["key", "no key", "bad key", "spaces", "headers"],
)
async def test_a_poll_is_answered_alike(
    gateway: RunningGateway, jobs: dict[str, str], state: str, headers: dict[str, str]
) -> None:
    quick, slow = await both(gateway, f"/videos/{jobs[state]}", headers)

    assert seen(quick) == seen(slow)
    assert quick.headers["X-Request-Id"].startswith("req_")


@pytest.mark.parametrize("tail", ["", "?x=1", "/", "/content", "%20", "#f", "?"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE"])
async def test_every_route_is_answered_alike(
    gateway: RunningGateway, jobs: dict[str, str], method: str, tail: str
) -> None:
    for path in (f"/api/v1/videos/{jobs['completed']}", "/api/v1/videos/models", "/api/v1/models"):
        url = f"{gateway.origin}{path}{tail}"
        quick, slow = await both(gateway, url, key("growth"), method)

        assert seen(quick) == seen(slow), (method, path, tail)


async def test_a_bad_key_is_refused_alike(gateway: RunningGateway) -> None:
    quick, slow = await both(gateway, "/videos/models", {"Authorization": "Bearer vg_nobody"})

    assert seen(quick) == seen(slow)
    assert quick.status == 401


@pytest.mark.parametrize("headers", [{}, key("growth")])
async def test_the_models_are_listed_alike_and_have_not_changed_alike(
    gateway: RunningGateway, headers: dict[str, str]
) -> None:
    quick, slow = await both(gateway, "/videos/models", headers)
    assert seen(quick) == seen(slow)
    for tag in (quick.headers["ETag"], "*", '"other"', f"W/{quick.headers['ETag']}"):
        again = await both(gateway, "/videos/models", {**headers, "If-None-Match": tag})
        assert seen(again[0]) == seen(again[1]), tag
    unchanged = {**headers, "If-None-Match": quick.headers["ETag"]}
    assert (await gateway.get("/videos/models", team=None, headers=unchanged)).status == 304


async def test_two_keys_in_one_request_are_refused_both_ways(
    gateway: RunningGateway, jobs: dict[str, str]
) -> None:
    target = f"/videos/{jobs['completed']}"
    double = {**key("growth"), "authorization": f"Bearer {KEYS['rivals']}"}

    assert (await raw(gateway, "GET", target, double)).status == 400


async def test_a_change_of_the_job_or_of_the_keys_is_seen_at_once(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    job = await gateway.job()
    assert await gateway.status(job) == "pending"
    await gateway.ended(job)
    assert await gateway.status(job) == "completed"
    config = gateway.gateway.live.config
    teams = {"rivals": config.teams["rivals"]}
    gateway.gateway.live.replace(config.model_copy(update={"teams": teams}), "2")

    assert (await gateway.get(f"/videos/{job}")).status == 401


async def test_a_team_s_list_follows_its_policy(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    changes = {"teams": {"growth": {"models": {"allow": ["x-ai/*"]}}}}
    gateway = await gateways(sandbox, sqlite_url, changes)

    async def models(team: str | None) -> set[str]:
        answer = await gateway.get("/videos/models", team=team)
        return {entry["id"].partition("/")[0] for entry in answer.json["data"]}

    assert await models("growth") == {"x-ai"}
    assert len(await models("rivals")) > 3
    assert await models(None) == await models("rivals")


async def test_it_is_logged_and_measured_as_the_rest_is(
    gateway: RunningGateway, jobs: dict[str, str]
) -> None:
    before = await counted(gateway)
    quick, slow = await both(gateway, f"/videos/{jobs['completed']}", key("growth"))
    assert gateway.telemetry.pipe is not None
    gateway.telemetry.pipe.flush()

    lines = [line for line in gateway.told("request.ended") if line.get("method") == "GET"][-2:]
    first, second = lines
    assert first.keys() == second.keys()
    for name in ("team", "job", "listener", "route", "method", "status", "level", "event"):
        assert first[name] == second[name]
    assert [line["request_id"] for line in lines] == [
        answer.headers["X-Request-Id"] for answer in (quick, slow)
    ]
    assert len(first["trace_id"]) == len(second["trace_id"]) == 32
    assert await counted(gateway) - before == 2
    assert KEYS["growth"] not in json.dumps(gateway.lines())


async def counted(gateway: RunningGateway) -> float:
    page = (await gateway.get(f"{gateway.admin_url}/metrics", team=None)).body.decode()
    rows: list[Any] = [
        line.rsplit(" ", 1)
        for line in page.splitlines()
        if line.startswith("video_gateway_http_request_duration_seconds_count")
        and 'route="/api/v1/videos/{id}"' in line
        and 'status="2xx"' in line
    ]
    return sum(float(value) for _, value in rows)

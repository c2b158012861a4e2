"""What every answer of the team-facing listener carries: shape, CORS, ids, HEAD, health."""

import json

import pytest

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.fakes.clock import FakeClock
from tests.harness import RunningGateway

NOWHERE = [
    "/", "/api", "/api/v1", "/api/v1/", "/api/v2/videos", "/api/v1/chat/completions",
    "/api/v1/generation?id=x", "/api/v1/videos/x/y", "/api/v1/videos/", "/videos", "/metrics",
    "/admin/v1/keys", "/console", "/favicon.ico", "/%00", "/api/v1/keys", "/sandbox/v1/ledger",
]  # fmt: skip


async def test_what_has_no_route_is_a_404_in_the_error_body(gateway: RunningGateway) -> None:
    for path in NOWHERE:
        answer = await gateway.get(f"{gateway.origin}{path}")

        assert (answer.status, answer.reason) == (404, "not_found"), path
        assert answer.json["error"]["message"] == "Not Found"
        assert answer.json["error"]["code"] == 404


async def test_another_method_is_a_405_that_says_which_ones_there_are(
    gateway: RunningGateway,
) -> None:
    for method, path, allowed in (
        ("DELETE", "/videos/x", {"GET", "OPTIONS"}),
        ("PUT", "/videos", {"OPTIONS", "POST"}),
        ("GET", "/videos", {"OPTIONS", "POST"}),
        ("HEAD", "/videos/x", {"GET", "OPTIONS"}),
        ("POST", "/videos/x/content", {"GET", "HEAD", "OPTIONS"}),
        ("PATCH", "/videos/models", {"GET", "HEAD", "OPTIONS"}),
    ):
        answer = await gateway.call(method, path)

        assert answer.status == 405, path
        assert set(answer.headers["Allow"].replace(" ", "").split(",")) == allowed
        assert method == "HEAD" or answer.reason == "method_not_allowed"


async def test_every_answer_bears_a_request_id_and_no_version_of_what_serves_it(
    gateway: RunningGateway,
) -> None:
    job_id = await gateway.completed()
    for method, url in (
        ("GET", f"/videos/{job_id}"),
        ("GET", f"/videos/{job_id}/content"),
        ("HEAD", f"/videos/{job_id}/content"),
        ("GET", "/videos/nobody"),
        ("GET", f"{gateway.origin}/nowhere"),
        ("DELETE", "/videos"),
        ("OPTIONS", "/videos"),
        ("GET", f"{gateway.origin}/healthz"),
        ("GET", f"{gateway.admin_url}/metrics"),
        ("GET", f"{gateway.admin_url}/nowhere"),
    ):
        fresh = await gateway.call(method, url)
        given = await gateway.call(method, url, headers={"X-Request-Id": "my-id:1"})

        assert fresh.headers["Server"] == "video-gateway"
        assert fresh.headers["X-Request-Id"].startswith("req_")
        assert given.headers["X-Request-Id"] == "my-id:1"


async def test_a_request_id_that_could_harm_is_replaced(gateway: RunningGateway) -> None:
    for bad in ("", "a b", "a" * 129, "é", '"', "a,b", "{}"):
        answer = await gateway.get("/videos/x", headers={"X-Request-Id": bad})

        assert answer.headers["X-Request-Id"].startswith("req_"), bad


async def test_the_request_id_leads_through_the_log_to_the_job_s_end(
    gateway: RunningGateway,
) -> None:
    answer = await gateway.call(
        "POST",
        "/videos",
        json={"model": "x-ai/grok-imagine-video", "prompt": "p", "duration": 1},
        headers={"X-Request-Id": "lead-1"},
    )
    await gateway.ended(answer.json["id"])

    events = [line["event"] for line in gateway.lines() if line.get("request_id") == "lead-1"]
    assert {"request.ended", "job.submitted", "job.ended"} <= set(events)


async def test_a_browser_s_preflight_is_a_204_for_any_origin(gateway: RunningGateway) -> None:
    asks = {
        "Origin": "https://app.example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }

    for path in ("/videos", "/videos/models", "/models", "/videos/x", "/videos/x/content"):
        answer = await gateway.call("OPTIONS", path, team=None, headers=asks)

        assert (answer.status, answer.body) == (204, b""), path
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        allowed = answer.headers["Access-Control-Allow-Headers"].lower()
        for header in ("authorization", "content-type", "idempotency-key", "http-referer"):
            assert header in allowed
        assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_every_answer_of_the_api_may_be_read_from_any_origin(gateway: RunningGateway) -> None:
    job_id = await gateway.completed()
    link = (await gateway.get(f"/videos/{job_id}")).json["unsigned_urls"][0]
    for answer in (
        await gateway.submit(prompt="another"),
        await gateway.submit(duration=99),
        await gateway.get(f"/videos/{job_id}"),
        await gateway.get("/videos/nobody"),
        await gateway.get(f"/videos/{job_id}", team=None),
        await gateway.get(link, team=None),
        await gateway.get("/videos/models"),
        await gateway.get("/nowhere"),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        exposed = answer.headers["Access-Control-Expose-Headers"].split(",")
        assert {"X-Generation-Id", "X-Provider-Name", "request-id", "cf-ray"} <= set(exposed)
        assert {"X-Request-Id", "X-Gateway-Dedupe", "Retry-After"} <= set(exposed)


async def test_head_says_what_get_would_without_a_body(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    job_id = await gateway.completed()
    sandbox.faults.next("job", "hold")
    running = await gateway.job(prompt="another")
    before = sandbox.ledger.calls["GET /api/v1/videos/{job_id}/content 200"]

    done = await gateway.call("HEAD", f"/videos/{job_id}/content")
    early = await gateway.call("HEAD", f"/videos/{running}/content")
    beyond = await gateway.call("HEAD", f"/videos/{job_id}/content?index=3")

    assert (done.status, done.headers["Content-Type"], done.body) == (200, "video/mp4", b"")
    assert (early.status, early.body) == (409, b"")
    assert beyond.status == 400
    assert sandbox.ledger.calls["GET /api/v1/videos/{job_id}/content 200"] == before


async def test_content_is_a_200_of_type_mp4_for_its_team_alone(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    job_id = await gateway.completed()

    answer = await gateway.get(f"/videos/{job_id}/content")

    assert (answer.status, answer.headers["Content-Type"]) == (200, "video/mp4")
    assert "private" in answer.headers["Cache-Control"]
    assert answer.body[4:8] == b"ftyp"


async def test_content_that_is_not_there_says_why(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url)
    sandbox.faults.next("job", "hold")
    running = await gateway.job(prompt="running")
    sandbox.faults.next("job", "fail")
    failed = await gateway.job(prompt="failed")
    await gateway.ended(failed)
    done = await gateway.completed()
    sandbox.faults.next("content", "refuse", status=410, job_id=sandbox.ledger.accepted[-1])

    said = {}
    for name, url in (
        ("running", f"/videos/{running}/content"),
        ("failed", f"/videos/{failed}/content"),
        ("beyond", f"/videos/{done}/content?index=1"),
        ("gone", f"/videos/{done}/content"),
    ):
        answer = await gateway.get(url)
        said[name] = (answer.status, answer.reason)

    assert said == {
        "running": (409, "not_completed"),
        "failed": (409, "not_completed"),
        "beyond": (400, "invalid_request"),
        "gone": (410, "content_gone"),
    }


async def test_a_video_that_breaks_off_is_cut_and_not_passed_off_as_whole(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    job_id = await gateway.completed()
    sandbox.faults.next("content", "cut", after_bytes=1000)

    with pytest.raises(Exception, match=r"(?i)payload|disconnected|reset|closed"):
        await gateway.get(f"/videos/{job_id}/content")

    assert gateway.told("content.cut")
    assert (await gateway.get(f"/videos/{job_id}/content")).status == 200


async def test_models_are_listed_as_upstream_lists_them(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    listed = await gateway.get("/videos/models", team=None)
    upstream = await gateway.call(
        "GET",
        f"{sandbox.url}/videos/models",
        team=None,
        headers={"Authorization": f"Bearer {sandbox.api_key}"},
    )

    assert listed.status == 200
    assert "max-age=120" in listed.headers["Cache-Control"]
    assert listed.json["data"] == upstream.json["data"]
    assert sandbox.ledger.calls["GET /api/v1/videos/models 200"] == 2  # one of them ours


async def test_the_general_list_holds_video_models_where_they_are_asked_for(
    gateway: RunningGateway,
) -> None:
    async def count(query: str) -> int:
        return len((await gateway.get(f"/models{query}", team=None)).json["data"])

    assert await count("?output_modalities=video") == 30
    assert await count("?output_modalities=all") == 30
    assert await count("?output_modalities=image,video") == 30
    assert await count("") == 0
    (row, *_) = (await gateway.get("/models?output_modalities=video", team=None)).json["data"]
    assert row["architecture"]["output_modalities"] == ["video"]


async def test_readiness_says_which_part_is_not_ready(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    sandbox.faults.next("models", "refuse", status=500, times=100)
    gateway = await gateways(sandbox, sqlite_url, await_catalog=False)

    early = await gateway.get(f"{gateway.origin}/readyz", team=None)
    refused = await gateway.submit()
    assert (early.status, early.json["status"]) == (503, "not ready")
    assert early.json["parts"]["catalog"] != "ok"
    assert (refused.status, refused.reason) == (503, "not_ready")
    assert int(refused.headers["Retry-After"]) > 0

    sandbox.faults.clear()

    async def ready() -> bool:
        return (await gateway.get(f"{gateway.origin}/readyz", team=None)).status == 200

    await gateway.until(ready)
    gateway.gateway.draining = True
    draining = await gateway.get(f"{gateway.origin}/readyz", team=None)
    assert (draining.status, draining.json["parts"]["draining"]) == (503, "draining")
    assert (await gateway.get(f"{gateway.origin}/healthz", team=None)).status == 200


async def test_the_catalog_of_before_serves_while_the_upstream_is_away(
    gateways: StartGateway, sandbox: Sandbox, postgres_url: str, clock: FakeClock
) -> None:
    await gateways(sandbox, postgres_url)
    sandbox.faults.next("models", "refuse", status=500, times=100)

    later = await gateways(sandbox, postgres_url)

    assert len((await later.get("/videos/models", team=None)).json["data"]) == 30


async def test_one_line_is_logged_for_each_request(gateway: RunningGateway) -> None:
    job_id = await gateway.job(prompt="the words of a prompt")
    await gateway.get(f"/videos/{job_id}")
    await gateway.submit(duration=99)

    lines = gateway.told("request.ended")[-3:]
    facts = [(line["route"], line["method"], line["status"]) for line in lines]
    assert facts == [
        ("/api/v1/videos", "POST", 202),
        ("/api/v1/videos/{id}", "GET", 200),
        ("/api/v1/videos", "POST", 400),
    ]
    assert [line.get("job") for line in lines] == [job_id, job_id, None]
    assert {line["team"] for line in lines} == {"growth"}
    assert lines[2]["reason"] == "unsupported_parameter"
    assert "the words of a prompt" not in gateway.log.getvalue()
    assert "signature=" not in json.dumps(gateway.lines())

"""What every answer of the team-facing listener carries: shape, CORS, ids, HEAD, health."""

import pytest

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
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

"""Request ids and log lines of every request."""

import json

from tests.harness import RunningGateway


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

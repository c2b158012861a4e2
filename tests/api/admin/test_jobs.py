"""Operators look at jobs, and take their videos back."""

from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.api.public.test_downloads import content_calls, download, stored
from tests.harness import Answer, RunningGateway


async def admin(gateway: RunningGateway, method: str, path: str, **options: Any) -> Answer:
    return await gateway.call(method, f"{gateway.admin_url}/admin/v1{path}", team=None, **options)


@pytest.fixture
async def caching(
    gateways: StartGateway, sandbox: Sandbox, database_url: str, tmp_path: Path
) -> RunningGateway:
    return await gateways(
        sandbox,
        database_url,
        {
            "content": {"mode": "cache", "url": str(tmp_path / "content")},
            "budgets": [{"period": "month", "limit_usd": 100}],
        },
    )


async def test_a_job_is_shown_with_everything_that_is_known_of_it(
    caching: RunningGateway, sandbox: Sandbox
) -> None:
    job = await caching.completed(prompt="a secret prompt")
    film = (await stored(caching, job)).body

    shown = await admin(caching, "GET", f"/jobs/{job}")

    body = shown.json
    assert shown.status == 200
    assert (body["id"], body["team"], body["key"]) == (job, "growth", "ci")
    assert (body["status"], body["cause"]) == ("completed", "upstream")
    assert body["upstream_id"] == sandbox.ledger.accepted[0]
    assert body["decision"]["outcome"] == "accepted"
    assert [attempt["outcome"] for attempt in body["attempts"]] == ["accepted"]
    assert "organisation/month" in " ".join(entry["window"] for entry in body["ledger"])
    assert {entry["kind"] for entry in body["ledger"]} == {"reserve", "settle"}
    (kept,) = body["content"]["stored"]
    assert (kept["index"], kept["bytes"]) == (0, len(film))
    assert "secret prompt" not in shown.body.decode()


async def test_a_callback_is_shown_without_what_may_be_secret_in_it(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    callbacks = {"allow_http": True, "allow_networks": ["127.0.0.0/8"]}
    gateway = await gateways(sandbox, sqlite_url, {"callbacks": callbacks})
    job = await gateway.job(callback_url="http://127.0.0.1:8099/hook?token=sesame")
    await gateway.ended(job)

    shown = await admin(gateway, "GET", f"/jobs/{job}")

    (delivery,) = shown.json["deliveries"]
    assert delivery["origin"] == "http://127.0.0.1:8099"
    assert "sesame" not in shown.body.decode()


async def test_an_unknown_job_is_404(caching: RunningGateway) -> None:
    assert (await admin(caching, "GET", "/jobs/nobody")).reason == "job_not_found"
    assert (await admin(caching, "DELETE", "/jobs/nobody/content")).reason == "job_not_found"


async def test_jobs_are_listed_newest_first_page_by_page(caching: RunningGateway) -> None:
    made = []
    for number in range(5):
        made.append(await caching.job(prompt=f"number {number}"))
        await caching.clock.sleep(0)

    first = (await admin(caching, "GET", "/jobs?limit=2")).json
    second = (await admin(caching, "GET", f"/jobs?limit=2&cursor={first['next']}")).json
    third = (await admin(caching, "GET", f"/jobs?limit=2&cursor={second['next']}")).json

    listed = [job["id"] for page in (first, second, third) for job in page["data"]]
    assert sorted(listed) == sorted(made)
    assert "next" not in third
    assert listed == [job["id"] for job in (await admin(caching, "GET", "/jobs")).json["data"]]


async def test_a_list_is_narrowed_by_team_status_and_time(caching: RunningGateway) -> None:
    done = await caching.completed(prompt="one")
    running = await caching.job(prompt="two", team="rivals")

    async def ids(query: str) -> list[str]:
        return [job["id"] for job in (await admin(caching, "GET", f"/jobs?{query}")).json["data"]]

    assert await ids("team=growth") == [done]
    assert await ids("status=completed") == [done]
    assert await ids("status=completed&team=rivals") == []
    assert await ids("status=pending") + await ids("status=in_progress") == [running]
    assert await ids("since=2026-11-22T12:00:00Z") == [running, done]
    assert await ids("since=2030-01-01") == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "limit=501", "status=done", "since=yesterday", "cursor=zzz"],
)
async def test_a_wrong_query_is_refused_with_what_is_allowed(
    caching: RunningGateway, query: str
) -> None:
    answer = await admin(caching, "GET", f"/jobs?{query}")

    assert (answer.status, answer.reason) == (400, "invalid_request")
    assert "allowed" in answer.json["error"]["message"]


async def test_deleted_content_is_gone_for_good_and_leaves_a_record(
    caching: RunningGateway, sandbox: Sandbox, tmp_path: Path
) -> None:
    job = await caching.completed()
    film = (await stored(caching, job)).body

    done = await admin(caching, "DELETE", f"/jobs/{job}/content", json={"why": "a face in it"})
    after = await download(caching, job)
    again = await caching.submit()
    shown = (await admin(caching, "GET", f"/jobs/{job}")).json["content"]

    (removed,) = done.json["removed"]
    assert (removed["bytes"], removed["deleted"]) == (len(film), True)
    assert list((tmp_path / "content").glob("??/*")) == []
    assert (after.status, after.reason) == (410, "content_gone")
    assert content_calls(sandbox) == 1  # the upstream still has it, and is not asked
    assert again.headers["X-Gateway-Dedupe"] == "miss"
    assert shown["stored"] == []
    (record,) = shown["removed"]
    assert (record["reason"], record["made_by"], record["last_copy"]) == (
        "operator",
        "generated token",
        True,
    )
    assert shown["withdrawn"]["why"] == "a face in it"


async def test_deleting_is_written_in_the_audit_trail(caching: RunningGateway) -> None:
    job = await caching.completed()
    await stored(caching, job)

    await admin(caching, "DELETE", f"/jobs/{job}/content")

    row = await caching.row("SELECT * FROM audit WHERE act = 'content.deleted'")
    assert row["subject"] == job


async def test_what_was_never_stored_can_be_taken_back_too(
    caching: RunningGateway, sandbox: Sandbox
) -> None:
    job = await caching.completed()

    first = await admin(caching, "DELETE", f"/jobs/{job}/content")
    second = await admin(caching, "DELETE", f"/jobs/{job}/content")

    assert first.json["removed"] == second.json["removed"] == []
    assert first.json["withdrawn_at"] == second.json["withdrawn_at"]
    assert (await download(caching, job)).status == 410
    assert (await caching.call("HEAD", f"/videos/{job}/content")).status == 410
    assert content_calls(sandbox) == 0


async def test_the_video_of_an_open_job_can_not_be_taken_back_yet(caching: RunningGateway) -> None:
    job = await caching.job()

    answer = await admin(caching, "DELETE", f"/jobs/{job}/content")

    assert (answer.status, answer.reason) == (409, "not_completed")


async def test_a_reason_that_is_no_text_is_refused(caching: RunningGateway) -> None:
    job = await caching.completed()

    answer = await admin(caching, "DELETE", f"/jobs/{job}/content", json={"why": 7})

    assert (answer.status, answer.reason) == (400, "invalid_request")


async def test_a_copy_in_another_replicas_folder_is_handed_out_no_more(
    gateways: StartGateway, sandbox: Sandbox, postgres_url: str, tmp_path: Path
) -> None:
    here, there = [
        await gateways(
            sandbox,
            postgres_url,
            {"content": {"mode": "cache", "url": str(tmp_path / name)}},
        )
        for name in ("here", "there")
    ]
    job = await here.completed()
    await stored(here, job)

    done = await admin(there, "DELETE", f"/jobs/{job}/content")
    answers = [await download(gateway, job) for gateway in (here, there)]

    assert [one["deleted"] for one in done.json["removed"]] == [False]
    assert [answer.status for answer in answers] == [410, 410]

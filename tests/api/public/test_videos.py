"""POST /api/v1/videos: what an upstream's answer becomes, and who shares a job."""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.fakes.clock import FakeClock
from tests.harness import GROK, RunningGateway, flowing

BUDGET = {"teams": {"growth": {"budgets": [{"period": "day", "limit_usd": "10"}]}}}
# Real time, for the database is real: long enough for a machine that is busy with other tests.
QUICK = {"server": {"answer_within": "1500ms"}}


async def nothing_is_owed(gateway: RunningGateway) -> bool:
    """No reservation is open, nothing was spent, and no fingerprint is held."""
    held = await gateway.row("SELECT SUM(reserved) AS reserved, SUM(spent) AS spent FROM windows")
    claims = await gateway.row("SELECT COUNT(*) AS claims FROM fingerprints")
    return (held["reserved"], held["spent"], claims["claims"]) == (0, 0, 0)


async def attempts(gateway: RunningGateway) -> list[tuple[str, str | None]]:
    """Every POST that was tried, with its outcome and detail."""
    rows = await gateway.database.read(
        lambda tx: tx.fetch(
            "SELECT outcome, detail FROM submit_attempts ORDER BY started_at, attempt"
        )
    )
    return [(row["outcome"], row["detail"]) for row in rows]


async def test_a_submit_says_what_it_may_cost_and_whether_it_was_shared(
    gateway: RunningGateway,
) -> None:
    answer = await gateway.submit(resolution="480p")

    assert answer.status == 202
    assert answer.headers["X-Gateway-Dedupe"] == "miss"
    assert answer.headers["X-Gateway-Estimated-Cost-Usd"] == "0.05"


@pytest.mark.parametrize("status", [429, 503])
async def test_a_passing_refusal_is_sent_again_when_the_upstream_said_so(
    gateway: RunningGateway, sandbox: Sandbox, clock: FakeClock, status: int
) -> None:
    sandbox.faults.next("submit", "refuse", status=status, retry_after=7)

    async with flowing(clock):
        answer = await gateway.submit()

    first, second = sandbox.ledger.submits
    assert answer.status == 202
    assert 7 <= (second.at - first.at).total_seconds() < 9
    assert len(sandbox.jobs) == 1
    assert await attempts(gateway) == [("refused", str(status)), ("accepted", None)]


async def test_a_retry_after_may_be_a_date(
    gateway: RunningGateway, sandbox: Sandbox, clock: FakeClock
) -> None:
    later = clock.now() + timedelta(seconds=20)
    date = {"Retry-After": format_datetime(later, usegmt=True)}
    sandbox.faults.next("submit", "refuse", status=503, headers=date)

    async with flowing(clock):
        answer = await gateway.submit()

    first, second = sandbox.ledger.submits
    assert answer.status == 202
    assert 19 <= (second.at - first.at).total_seconds() < 22


async def test_without_a_retry_after_the_waits_grow_and_there_are_three_of_them(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    gateway = await gateways(sandbox, sqlite_url, BUDGET)
    sandbox.faults.next("submit", "refuse", status=503, message="Overloaded", times=100)

    async with flowing(clock):
        answer = await gateway.submit()

    times = [submit.at for submit in sandbox.ledger.submits]
    waits = [(b - a).total_seconds() for a, b in pairwise(times)]
    assert (answer.status, answer.json["error"]["message"]) == (503, "Overloaded")
    assert len(times) == 4
    assert waits[0] < 1
    assert waits == sorted(waits)
    assert waits[-1] >= 1
    assert await nothing_is_owed(gateway)


async def test_a_refusal_that_lasts_longer_than_a_submit_is_handed_on_at_once(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url, BUDGET)
    sandbox.faults.next("submit", "refuse", status=429, retry_after=120)

    answer = await gateway.submit()

    assert (answer.status, answer.headers["Retry-After"]) == (429, "120")
    assert answer.json["error"]["code"] == 429
    assert answer.json["error"]["metadata"]["retry_after_seconds"] == 120
    assert len(sandbox.ledger.submits) == 1
    assert await nothing_is_owed(gateway)
    assert (await gateway.submit()).status == 202  # an identical request is free to try again


CREDITS = {"limit_source": "openrouter_credits"}
KEY_LIMIT = {"limit_source": "openrouter_key_limit"}
IN_FLIGHT = {"limit_source": "openrouter_in_flight_budget"}


@pytest.mark.parametrize(
    ("refusal", "status", "reason"),
    [
        ({"status": 400, "message": "Duration 99s is not supported"}, 400, None),
        ({"status": 400, "metadata": {"routing_funnel": [{"step": "a"}]}}, 400, None),
        ({"status": 401, "message": "User not found."}, 403, "upstream_credentials"),
        ({"status": 402, "metadata": CREDITS}, 402, "upstream_credits"),
        ({"status": 402, "metadata": KEY_LIMIT}, 402, "upstream_credits"),
        ({"status": 402, "metadata": {}}, 402, "upstream_credits"),
        ({"status": 402, "metadata": IN_FLIGHT, "retry_after": 30}, 402, None),
        ({"status": 403, "message": "Your prompt was moderated"}, 403, None),
        ({"status": 404, "message": "No endpoints found"}, 404, None),
        ({"status": 413}, 413, None),
        ({"status": 422}, 422, None),
    ],
)
async def test_a_definite_refusal_reaches_the_client_and_costs_nothing(
    gateways: StartGateway,
    sandbox: Sandbox,
    sqlite_url: str,
    refusal: Mapping[str, Any],
    status: int,
    reason: str | None,
) -> None:
    """As it came, but for what would look like the client's own key or purse."""
    gateway = await gateways(sandbox, sqlite_url, BUDGET)
    sandbox.faults.next("submit", "refuse", **refusal)

    answer = await gateway.submit()

    error = answer.json["error"]
    assert (answer.status, error["code"]) == (status, status)
    if reason is not None:
        assert answer.reason == reason
    else:
        assert "gateway" not in (error.get("metadata") or {})
        assert error["message"] == (refusal.get("message") or error["message"])
        assert (error.get("metadata") or {}) == (
            refusal.get("metadata") or error.get("metadata") or {}
        )
    assert answer.headers.get("Retry-After") == (
        str(refusal["retry_after"]) if "retry_after" in refusal else None
    )
    assert len(sandbox.ledger.submits) == 1
    assert await nothing_is_owed(gateway)


async def test_the_second_error_shape_is_handed_on_in_the_first(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    """No SDK can read `{"success": false, "error": {"name": "ZodError"}}`.

    See docs/openrouter-contract.md 1.
    """
    zod = {"success": False, "error": {"name": "ZodError", "message": "[]"}}
    sandbox.faults.next("submit", "refuse", status=400, body=json.dumps(zod))

    answer = await gateway.submit()

    assert answer.json == {"error": {"code": 400, "message": "[]"}}


async def test_the_upstream_account_s_user_id_stays_behind(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    body = {"error": {"message": "no", "code": 400, "user_id": "org_1"}, "user_id": "org_1"}
    sandbox.faults.next("submit", "refuse", status=400, body=json.dumps(body))

    answer = await gateway.submit()

    assert b"org_1" not in answer.body


@pytest.mark.parametrize(
    ("action", "details"),
    [
        ("refuse", {"status": 409, "body": '{"detail": "conflict"}'}),
        ("refuse", {"status": 425, "body": '{"code": "early", "message": "too early"}'}),
        ("refuse", {"status": 404, "body": "[]"}),
        ("refuse", {"status": 400, "body": '{"error": "no"}'}),
        ("html", {"status": 400}),
        ("html", {"status": 403}),
        ("html", {"status": 431}),
        ("refuse", {"status": 200, "body": '{"error": {"code": 403, "message": "moderated"}}'}),
        ("redirect", {"status": 302}),
        ("redirect", {"status": 308}),
    ],
)
async def test_a_refusal_of_any_shape_releases_the_money_and_reaches_the_client(
    gateways: StartGateway,
    sandbox: Sandbox,
    sqlite_url: str,
    action: str,
    details: Mapping[str, Any],
) -> None:
    gateway = await gateways(sandbox, sqlite_url, BUDGET)
    sandbox.faults.next("submit", action, **details)

    answer = await gateway.submit()

    job = await gateway.row("SELECT status, cause FROM jobs")
    assert 400 <= answer.status < 500, answer.body
    assert 0 < len(answer.json["error"]["message"]) <= 2000
    assert (job["status"], job["cause"]) == ("failed", "refused")
    assert await nothing_is_owed(gateway)
    ours = answer.json["error"].get("metadata", {}).get("gateway", {}).get("reason")
    assert ours == ("upstream_misconfigured" if action == "redirect" else None)
    again = await gateway.submit()
    assert again.status == 202
    assert len(sandbox.ledger.submits) == 2


@pytest.mark.parametrize(
    ("action", "details"),
    [
        ("refuse", {"status": 408}),
        ("refuse", {"status": 499}),
        ("html", {"status": 503}),
        ("refuse", {"status": 503, "body": '{"error": {"message": "no upstream"}}'}),
        ("refuse", {"status": 503, "body": '{"error": {"code": 503, "message": "x", "a": 1}}'}),
        ("refuse", {"status": 200, "body": '{"error": {"code": 500, "message": "x"}}'}),
        ("redirect", {"status": 303}),
    ],
)
async def test_what_is_no_definite_refusal_leaves_the_job_open_and_the_money_held(
    gateways: StartGateway,
    sandbox: Sandbox,
    sqlite_url: str,
    action: str,
    details: Mapping[str, Any],
) -> None:
    gateway = await gateways(sandbox, sqlite_url, BUDGET)
    sandbox.faults.next("submit", action, **details)

    answer = await gateway.submit()

    job = await gateway.row("SELECT status FROM jobs")
    assert (answer.status, answer.json["status"]) == (202, "pending")
    assert job["status"] == "unknown"
    assert len(sandbox.ledger.submits) == 1
    assert not await nothing_is_owed(gateway)
    assert [outcome for outcome, _ in await attempts(gateway)] == ["unknown"]


async def test_an_upstream_that_can_t_be_reached_is_a_503_and_nothing_was_sent(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    gateway = await gateways(sandbox, sqlite_url, BUDGET)
    await sandbox.close()

    async with flowing(clock):
        answer = await gateway.submit()

    assert (answer.status, answer.reason) == (503, "upstream_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert [outcome for outcome, _ in await attempts(gateway)] == ["not_sent"] * 3
    assert await nothing_is_owed(gateway)


async def test_an_upstream_that_comes_back_within_a_second_is_not_missed(
    gateways: StartGateway,
    sandbox: Sandbox,
    sqlite_url: str,
    clock: FakeClock,
) -> None:
    gateway = await gateways(sandbox, sqlite_url)
    port = int(sandbox.origin.rpartition(":")[2])
    await sandbox.close()

    submit = asyncio.create_task(gateway.submit())

    async def tried_once() -> bool:
        return "not_sent" in dict(await attempts(gateway))

    await gateway.until(tried_once)
    again = await Sandbox.start(sandbox.config, clock, port=port)
    try:

        async def arrived() -> bool:
            return len(again.ledger.submits) == 1

        async with flowing(clock):
            answer = await submit
            await gateway.until(arrived)  # on a slow machine it is answered before it is sent
        assert answer.status == 202
    finally:
        await again.close()


async def test_a_refusal_that_comes_after_the_answer_fails_the_job_in_its_words(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url, {**BUDGET, **QUICK})
    sandbox.faults.next("submit", "refuse", status=429, retry_after=5)
    sandbox.faults.next("submit", "refuse", status=403, message="Your prompt was moderated")

    answer = await gateway.submit()
    assert (answer.status, answer.json["status"]) == (202, "pending")
    assert await gateway.status(answer.json["id"]) == "pending"
    body = await gateway.ended(answer.json["id"])

    assert (body["status"], body["error"]) == ("failed", "Your prompt was moderated")
    assert await nothing_is_owed(gateway)


async def test_the_answer_comes_in_time_while_the_upstream_thinks(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    gateway = await gateways(sandbox, sqlite_url, QUICK)
    sandbox.faults.next("submit", "delay", seconds=8)

    answer = await gateway.submit()
    assert (answer.status, answer.json["status"]) == (202, "pending")
    assert (await gateway.row("SELECT status FROM jobs"))["status"] == "submitting"
    body = await gateway.ended(answer.json["id"])

    assert body["status"] == "completed"
    assert len(sandbox.ledger.submits) == 1


async def test_identical_requests_in_flight_are_one_job_and_one_post(
    gateway: RunningGateway, sandbox: Sandbox, clock: FakeClock
) -> None:
    sandbox.faults.next("submit", "delay", seconds=1)

    submits = [asyncio.create_task(gateway.submit()) for _ in range(40)]
    await sandbox.ledger.until(lambda ledger: bool(ledger.submits))
    async with flowing(clock):
        answers = await asyncio.gather(*submits)

    assert {answer.status for answer in answers} == {202}
    assert len({answer.json["id"] for answer in answers}) == 1
    shared = sorted(answer.headers["X-Gateway-Dedupe"] for answer in answers)
    assert shared == ["joined"] * 39 + ["miss"]
    assert len(sandbox.ledger.submits) == 1


async def test_identical_requests_at_two_gateways_are_one_job_and_one_post(
    gateways: StartGateway, sandbox: Sandbox, postgres_url: str, clock: FakeClock
) -> None:
    one = await gateways(sandbox, postgres_url, QUICK)
    two = await gateways(sandbox, postgres_url, QUICK)
    sandbox.faults.next("submit", "delay", seconds=1)

    answers = await asyncio.gather(*(g.submit() for g in (one, two) * 10))
    (job_id,) = {answer.json["id"] for answer in answers}
    await asyncio.gather(one.ended(job_id), two.ended(job_id))

    assert len(sandbox.ledger.submits) == 1
    assert {answer.status for answer in answers} == {202}


async def test_whoever_joined_hears_the_refusal_too(
    gateway: RunningGateway, sandbox: Sandbox, clock: FakeClock
) -> None:
    sandbox.faults.next("submit", "refuse", status=429, retry_after=3)
    sandbox.faults.next("submit", "refuse", status=403, message="moderated")

    submits = [asyncio.create_task(gateway.submit()) for _ in range(5)]
    await sandbox.ledger.until(lambda ledger: bool(ledger.submits))
    async with flowing(clock):
        answers = await asyncio.gather(*submits)

    said = {(answer.status, answer.json["error"]["message"]) for answer in answers}
    assert said == {(403, "moderated")}
    assert len(sandbox.ledger.submits) == 2


async def test_teams_never_share_a_job(gateway: RunningGateway, sandbox: Sandbox) -> None:
    mine, theirs = await gateway.job(), await gateway.job(team="rivals")

    assert mine != theirs
    assert len(sandbox.ledger.submits) == 2


async def test_a_client_that_leaves_does_not_take_its_job_with_it(
    gateway: RunningGateway, sandbox: Sandbox, clock: FakeClock
) -> None:
    sandbox.faults.next("submit", "delay", seconds=1)
    submit = asyncio.create_task(gateway.submit())
    await sandbox.ledger.until(lambda ledger: bool(ledger.submits))

    submit.cancel()
    await asyncio.wait([submit])

    async def accepted() -> bool:
        row = await gateway.row("SELECT upstream_id FROM jobs")
        return row["upstream_id"] is not None

    await gateway.until(accepted)
    assert len(sandbox.ledger.submits) == 1
    assert (await gateway.submit()).headers["X-Gateway-Dedupe"] in ("joined", "hit")


async def test_the_request_travels_as_the_client_wrote_it(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    fields = {
        "generate_audio": None,
        "user": "u-1",
        "session_id": "s",
        "trace": {"trace_id": "t", "more": [1, 2.5, None]},
        "provider": {"options": {"openai": {"style": "noir", "quality": 1.50}}, "sort": "price"},
        "a_field_of_tomorrow": {"deep": ["é", 9007199254740993]},
    }
    body = {"model": "openai/sora-2-pro", "prompt": 'Ein Leuchtturm, „hell“, 😀 \\ "', **fields}

    answer = await gateway.call("POST", "/videos", data=json.dumps(body))

    assert answer.status == 202, answer.body
    (submit,) = sandbox.ledger.submits
    assert {k: v for k, v in submit.body.items() if k != "callback_url"} == body


async def test_only_harmless_headers_travel_on(gateway: RunningGateway, sandbox: Sandbox) -> None:
    onward = {
        "HTTP-Referer": "https://example.com",
        "X-OpenRouter-Categories": "a,b",
        "X-Session-Id": "session",
        "X-Title": "the old name",
    }
    behind = {
        "X-Provider-API-Keys": '{"x-ai": "xai-secret"}',
        "Cookie": "a=b",
        "X-Forwarded-For": "10.0.0.1",
        "Idempotency-Key": "k-1",
        "X-Request-Id": "r-1",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }

    await gateway.call("POST", "/videos", json=GROK, headers={**onward, **behind})

    (submit,) = sandbox.ledger.submits
    seen = submit.headers
    assert seen["http-referer"] == "https://example.com"
    assert seen["x-openrouter-categories"] == "a,b"
    assert seen["x-session-id"] == "session"
    assert seen["x-openrouter-title"] == "the old name"
    assert not {name.lower() for name in behind} & set(seen)
    assert "xai-secret" not in str(sandbox.ledger.document())
    assert "xai-secret" not in gateway.log.getvalue()


async def test_a_job_is_continued_under_the_upstream_s_own_id(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    flux: dict[str, Any] = {"model": "black-forest-labs/flux-3-video", "duration": 5}
    first = await gateway.completed(**flux)

    await gateway.job(prompt="and then", previous_job_id=first, **flux)

    assert sandbox.ledger.submits[-1].body["previous_job_id"] == sandbox.ledger.accepted[0]


async def test_another_team_s_job_can_t_be_continued(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    theirs = await gateway.completed(team="rivals")
    nobodys = theirs[:-4] + "0000"

    answers = [
        await gateway.submit(prompt="and then", previous_job_id=job_id)
        for job_id in (theirs, nobodys)
    ]

    assert [(a.status, a.reason) for a in answers] == [(404, "job_not_found")] * 2
    assert len(sandbox.ledger.submits) == 1


async def test_only_a_completed_job_can_be_continued(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    sandbox.faults.next("job", "hold")
    running = await gateway.job()

    answer = await gateway.submit(prompt="and then", previous_job_id=running)

    assert (answer.status, answer.reason) == (400, "invalid_request")
    assert len(sandbox.ledger.submits) == 1


@pytest.mark.parametrize("allow_http", [True, False])
async def test_the_upstream_is_given_a_callback_with_a_token_where_webhooks_are_possible(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, allow_http: bool
) -> None:
    gateway = await gateways(sandbox, sqlite_url, {"callbacks": {"allow_http": allow_http}})

    await gateway.job()

    (submit,) = sandbox.ledger.submits
    given = submit.body.get("callback_url")
    if not allow_http:
        assert given is None
        return
    prefix = f"{gateway.origin}/webhooks/sandbox/"
    assert given.startswith(prefix)
    token = given.removeprefix(prefix)
    assert len(token) >= 43
    stored = await gateway.row("SELECT token_hash FROM jobs")
    assert token not in str(stored)  # only its hash is kept
    assert token not in gateway.log.getvalue()


async def test_a_resolution_in_the_wrong_case_is_refused_at_the_door_as_the_upstream_would(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    """openclaw sends `4k`; the upstream knows `4K` only."""
    body: dict[str, Any] = {
        "model": "google/veo-3.1",
        "prompt": "a cat",
        "duration": 4,
        "resolution": "4k",
    }
    key = {"Authorization": f"Bearer {sandbox.api_key}"}

    answer = await gateway.submit(**body)
    async with gateway.http.post(f"{sandbox.url}/videos", json=body, headers=key) as direct:
        refused = direct.status

    assert (answer.status, answer.reason) == (400, "unsupported_parameter")
    (violation,) = answer.json["error"]["metadata"]["gateway"]["violations"]
    assert (violation["field"], violation["nearest"]) == ("resolution", "4K")
    assert 'did you mean "4K"?' in answer.json["error"]["message"]
    assert refused == 400

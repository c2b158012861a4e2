"""Upstream webhooks through HTTP: what moves a job, what is refused, and what is only a hint.

Every vector of the contract is posted as it is; the rest is sent by the sandbox, as it should be
and as an attacker would, or signed here for what no decent upstream sends. Polls come once in an
hour, so that what moves within a test was moved by a webhook.
"""

import asyncio
import gzip
import json
import random
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.domain.errors import StorageFailed
from gateway.domain.signature import sign_openrouter
from gateway.sandbox import Sandbox
from gateway.workers.missed_webhooks import GRACE, MissedWebhookCounter
from tests.api.conftest import StartGateway, StartSandbox
from tests.fakes.clock import FakeClock
from tests.harness import Answer, RunningGateway, running_gateway

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "webhook-vectors.json").read_text("utf-8")
)["vectors"]
SECRET = "the-workspace-signing-secret"
SELDOM = {"poll": {"first": "1h", "factor": "1", "max": "1h"}}
SIGNED = {
    "callbacks": {"allow_http": True},
    "upstreams": {"*": {"webhook_secrets": [SECRET], **SELDOM}},
}
UNSIGNED = {"callbacks": {"allow_http": True}, "upstreams": {"*": SELDOM}}


@pytest.fixture
async def sandbox(sandboxes: StartSandbox) -> Sandbox:
    """Its jobs end when they are told to, and it signs what it tells of them."""
    sandbox = await sandboxes(webhook_secret=SECRET)
    sandbox.faults.next("job", "hold", times=100)
    return sandbox


@pytest.fixture
async def gateway(gateways: StartGateway, sandbox: Sandbox, sqlite_url: str) -> RunningGateway:
    return await gateways(sandbox, sqlite_url, SIGNED)


def event(upstream_id: str, status: str = "completed", **data: Any) -> bytes:
    usage = {"usage": {"cost": 0.05, "is_byok": False}} if status == "completed" else {}
    return json.dumps(
        {
            "type": f"video.generation.{status}",
            "created_at": "2026-11-22T12:00:00.000Z",
            "data": {"id": upstream_id, "status": status, **usage, **data},
        }
    ).encode()


async def post(
    gateway: RunningGateway, body: bytes, *, path: str = "/webhooks/sandbox", **headers: str | None
) -> Answer:
    """Send it, signed well unless the headers say otherwise (`_` for `-`; None leaves it out)."""
    now = int(gateway.clock.now().timestamp())
    sent = {"X_OpenRouter_Signature": sign_openrouter(body, SECRET, now), **headers}
    return await gateway.call(
        "POST",
        f"{gateway.origin}{path}",
        team=None,
        data=body,
        headers={name.replace("_", "-"): value for name, value in sent.items() if value},
    )


async def upstream_id(gateway: RunningGateway, job: str) -> str:
    row = await gateway.row("SELECT upstream_id FROM jobs WHERE id = :id", id=job)
    return str(row["upstream_id"])


def callback_path(gateway: RunningGateway, sandbox: Sandbox, number: int = -1) -> str:
    """The path of the URL that the upstream was given, token and all."""
    url: str = sandbox.ledger.submits[number].body["callback_url"]
    assert url.startswith(f"{gateway.origin}/webhooks/sandbox/")
    return url.removeprefix(gateway.origin)


def verdicts(gateway: RunningGateway) -> list[str]:
    lines = [*gateway.told("webhook.received"), *gateway.told("webhook.refused")]
    return [line["verdict"] for line in lines]


def counted(gateway: RunningGateway, name: str, *labels: str) -> float:
    """A counter's value on the page of metrics."""
    page = gateway.telemetry.metrics.render()[0].decode()
    for line in page.splitlines():
        if line.startswith(f"video_gateway_{name}") and all(label in line for label in labels):
            return float(line.rpartition(" ")[2])
    return 0.0


async def _down(_: Any) -> Any:
    raise StorageFailed("away")


async def money(gateway: RunningGateway, job: str) -> list[tuple[str, int]]:
    """The job's ledger but for its reservation, in one of its windows."""
    row = await gateway.row(
        """
        SELECT COUNT(*) AS entries, SUM(spent_delta) AS spent, SUM(reserved_delta) AS reserved
        FROM ledger WHERE job_id = :id AND kind <> 'reserve'
        """,
        id=job,
    )
    return [("entries", row["entries"]), ("spent", row["spent"] or 0)]


# The vectors.


async def test_every_vector_gets_its_verdict_through_http(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(
        sandbox,
        sqlite_url,
        SIGNED,
        clock=FakeClock(datetime.fromtimestamp(VECTORS[0]["now"], UTC)),
    )
    config = gateway.gateway.live.config
    seen, expected = {}, {}
    for vector in VECTORS:
        # A secret of the vectors is shorter than the configuration allows; the bytes count here.
        upstream = config.upstreams["sandbox"].model_copy(
            update={"webhook_secrets": (SecretStr(vector["secret"]),)}
        )
        gateway.gateway.live.replace(
            config.model_copy(update={"upstreams": {"sandbox": upstream}}), "vector"
        )
        body = bytes.fromhex(vector["raw_body_hex"])
        answer = await post(
            gateway,
            body,
            X_OpenRouter_Signature=vector["signature_header"],
            X_OpenRouter_Idempotency_Key=vector["idempotency_key"],
        )
        seen[vector["name"]] = answer.status
        taken = 200 if body else 400  # an empty body may be signed; it is no event
        expected[vector["name"]] = taken if vector["expect"]["recommended"] else 401

    assert seen == expected
    assert len(VECTORS) == 38


# What is genuine.


async def test_a_signed_end_ends_the_job_and_settles_it(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    job = await gateway.job()

    sandbox.end(await upstream_id(gateway, job), cost=Decimal("0.04"))
    await sandbox.ledger.until(lambda ledger: len(ledger.webhooks) == 1)

    assert sandbox.ledger.webhooks[0].status == 200
    body = (await gateway.get(f"/videos/{job}")).json
    assert (body["status"], body["usage"]["cost"]) == ("completed", 0.04)
    assert await money(gateway, job) == [("entries", 1), ("spent", 40_000)]
    assert sandbox.ledger.calls["GET /api/v1/videos/{job_id} 200"] == 0, "nobody had to poll"


@pytest.mark.parametrize("status", ["failed", "cancelled", "expired"])
async def test_every_other_end_ends_the_job_and_releases_its_money(
    gateway: RunningGateway, sandbox: Sandbox, status: str
) -> None:
    job = await gateway.job()

    answer = await post(
        gateway, event(await upstream_id(gateway, job), status, error="The provider said no\0")
    )

    assert answer.status == 200
    body = (await gateway.get(f"/videos/{job}")).json
    assert (body["status"], body["error"]) == (status, "The provider said no\ufffd")
    assert await money(gateway, job) == [("entries", 1), ("spent", 0)]


async def test_the_upstreams_own_id_never_reaches_a_client(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    job = await gateway.job()
    foreign = await upstream_id(gateway, job)

    answer = await post(gateway, event(foreign))
    told = await gateway.row("SELECT body FROM events WHERE job_id = :id", id=job)

    assert job in told["body"]
    for text in (answer.body, (await gateway.get(f"/videos/{job}")).body, told["body"].encode()):
        assert foreign.encode() not in text


async def test_any_of_the_configured_secrets_will_do(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    two = {"upstreams": {"*": {"webhook_secrets": ["another-secret-of-theirs", SECRET], **SELDOM}}}
    gateway = await gateways(sandbox, sqlite_url, two)
    job = await gateway.job()

    assert (await post(gateway, event(await upstream_id(gateway, job)))).status == 200
    assert await gateway.status(job) == "completed"


# What is not.


@pytest.mark.parametrize("manner", ["forge", "tamper", "stale", "unsigned"])
async def test_what_an_attacker_sends_moves_nothing_and_learns_nothing(
    gateway: RunningGateway, sandbox: Sandbox, manner: Any
) -> None:
    job = await gateway.job()
    foreign = await upstream_id(gateway, job)
    sandbox.faults.next("webhook", "drop")
    sandbox.end(foreign)

    attempt = await sandbox.send_webhook(foreign, manner)

    assert attempt.status == 401
    assert await gateway.status(job) == "pending"
    assert await money(gateway, job) == [("entries", 0), ("spent", 0)]
    word = {"forge": "mismatch", "tamper": "mismatch", "stale": "stale", "unsigned": "missing"}
    assert verdicts(gateway) == [word[manner]]
    assert counted(gateway, "webhooks_received_total", f'verdict="{word[manner]}"') == 1


async def test_every_refusal_says_the_same(gateway: RunningGateway) -> None:
    now = int(gateway.clock.now().timestamp())
    body = event("gen-vid-1")
    bad = [None, "", "t=1", f"t={now},v1={'0' * 64}", sign_openrouter(body, SECRET, now - 301),
           sign_openrouter(body, SECRET, now + 301), "é" * 50, "t=1,v1=" + "a" * 5000]  # fmt: skip

    answers = [await post(gateway, body, X_OpenRouter_Signature=header) for header in bad]

    assert {answer.status for answer in answers} == {401}
    assert len({answer.body for answer in answers}) == 1
    assert answers[0].reason == "webhook_refused"


async def test_two_signature_headers_are_one_too_many(gateway: RunningGateway) -> None:
    body = event("gen-vid-1")
    good = sign_openrouter(body, SECRET, int(gateway.clock.now().timestamp()))

    async with gateway.http.post(
        f"{gateway.origin}/webhooks/sandbox",
        data=body,
        headers=[("X-OpenRouter-Signature", good), ("X-OpenRouter-Signature", good)],
    ) as response:
        assert response.status == 401
    assert verdicts(gateway) == ["malformed"]


async def test_a_body_over_a_megabyte_is_refused_unread(gateway: RunningGateway) -> None:
    padding = " " * 1_000_001

    announced = await post(gateway, padding.encode())
    fits = await post(gateway, event("gen-vid-1", pad=padding[:900_000]))

    assert (announced.status, announced.reason) == (413, "body_too_large")
    assert fits.status == 200
    assert counted(gateway, "webhooks_received_total", 'verdict="too_large"') == 1


async def test_an_encoded_body_is_refused_before_anybody_decodes_it(
    gateway: RunningGateway,
) -> None:
    job = await gateway.job()
    body = event(await upstream_id(gateway, job))
    signed = sign_openrouter(body, SECRET, int(gateway.clock.now().timestamp()))

    answer = await post(
        gateway, gzip.compress(body), Content_Encoding="gzip", X_OpenRouter_Signature=signed
    )

    assert (answer.status, await gateway.status(job)) == (415, "pending")
    assert counted(gateway, "webhooks_received_total", 'verdict="encoded"') == 1


async def test_an_upstream_that_is_not_configured_has_no_door(gateway: RunningGateway) -> None:
    answer = await post(gateway, event("gen-vid-1"), path="/webhooks/elsewhere")

    assert (answer.status, answer.reason) == (404, "not_found")


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{}", b"null", b"{" * 100_000, b"\xff", b'{"type": 1}', event("", "completed"),
     event("a\0b"), event("x" * 201),
     event("gen-vid-1").replace(b'"status": "completed"', b'"status": "failed"'),
     b'{"type":"video.generation.completed","data":[]}'],
)  # fmt: skip
async def test_a_signed_body_that_is_no_event_is_a_400(
    gateway: RunningGateway, body: bytes
) -> None:
    answer = await post(gateway, body)

    assert (answer.status, answer.reason) == (400, "invalid_request")
    assert verdicts(gateway) == ["unreadable"]


@pytest.mark.parametrize(
    "body",
    [b'{"type":"workspace.updated","data":{"x":1}}', b'{"type":"ping"}',
     b'{"type":"video.generation.rendering","data":{"id":"gen-vid-1","status":"rendering"}}',
     b'{"type":"video.generation.in_progress","data":{"id":"gen-vid-1","status":"in_progress"}}'],
)  # fmt: skip
async def test_a_signed_event_of_an_unknown_kind_is_heard_and_changes_nothing(
    gateway: RunningGateway, body: bytes
) -> None:
    assert (await post(gateway, body)).status == 200
    assert verdicts(gateway) == ["ignored"]


async def test_a_thousand_mutations_of_a_genuine_webhook_are_all_refused(
    gateway: RunningGateway,
) -> None:
    job = await gateway.job()
    body = event(await upstream_id(gateway, job))
    header = sign_openrouter(body, SECRET, int(gateway.clock.now().timestamp()))
    chance = random.Random(5)

    async def one() -> int:
        raw, signed = bytearray(body), list(header)
        if chance.random() < 0.5:
            place = chance.randrange(len(raw))
            raw[place] = raw[place] ^ (1 << chance.randrange(8))
        else:
            place = chance.randrange(len(signed))
            was = signed[place]
            signed[place] = chance.choice([c for c in "0123456789abcdeft=,v" if c != was])
        return (await post(gateway, bytes(raw), X_OpenRouter_Signature="".join(signed))).status

    statuses = [await one() for _ in range(1000)]

    assert set(statuses) == {401}
    assert await gateway.status(job) == "pending"


# Once, whatever the order.


async def test_an_event_sent_a_hundred_times_at_once_counts_once(
    gateway: RunningGateway,
) -> None:
    job = await gateway.job()
    body = event(await upstream_id(gateway, job))

    answers = await asyncio.gather(*(post(gateway, body) for _ in range(100)))

    assert {answer.status for answer in answers} == {200}
    assert sorted(verdicts(gateway)) == ["accepted"] + ["duplicate"] * 99
    assert await money(gateway, job) == [("entries", 1), ("spent", 50_000)]


async def test_one_idempotency_key_is_one_event_though_its_bytes_differ(
    gateway: RunningGateway,
) -> None:
    job = await gateway.job()
    foreign = await upstream_id(gateway, job)
    key = {"X_OpenRouter_Idempotency_Key": f"{foreign}-completed"}

    await post(gateway, event(foreign), **key)
    again = await post(gateway, event(foreign, usage={"cost": 9}), **key)

    assert again.status == 200
    assert verdicts(gateway) == ["accepted", "duplicate"]
    assert await money(gateway, job) == [("entries", 1), ("spent", 50_000)]


async def test_a_stolen_idempotency_key_silences_no_other_job(gateway: RunningGateway) -> None:
    """The header is not signed: a replay may bear the key that another job's event will have."""
    one, other = await gateway.job(), await gateway.job(prompt="another")
    theirs = await upstream_id(gateway, other)

    await post(
        gateway,
        event(await upstream_id(gateway, one)),
        X_OpenRouter_Idempotency_Key=f"{theirs}-completed",
    )
    await post(gateway, event(theirs), X_OpenRouter_Idempotency_Key=f"{theirs}-completed")

    assert await gateway.status(other) == "completed"


async def test_an_end_is_final_but_a_later_truth_corrects_the_money(
    gateway: RunningGateway,
) -> None:
    job = await gateway.job()
    foreign = await upstream_id(gateway, job)

    await post(gateway, event(foreign, "failed", error="no"))
    await post(gateway, event(foreign, "completed", usage={"cost": 0.03}))
    await post(gateway, event(foreign, "failed", error="no"))  # and the first once more

    assert await gateway.status(job) == "failed"
    assert await money(gateway, job) == [("entries", 2), ("spent", 30_000)]
    assert verdicts(gateway) == ["accepted", "accepted", "duplicate"]


async def test_an_event_of_a_job_that_nobody_knows_is_heard_and_counted(
    gateway: RunningGateway,
) -> None:
    for path in ("/webhooks/sandbox", "/webhooks/sandbox/" + "x" * 43):
        assert (await post(gateway, event("gen-vid-unknown"), path=path)).status == 200

    assert verdicts(gateway) == ["unknown_job"] * 2
    rows = await gateway.row("SELECT COUNT(*) AS rows FROM inbox")
    assert rows["rows"] == 0


# The token.


async def test_a_token_that_belongs_to_another_job_is_refused(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    one, other = await gateway.job(), await gateway.job(prompt="another")
    path = callback_path(gateway, sandbox, 0)

    theirs = await post(gateway, event(await upstream_id(gateway, other)), path=path)
    nobodys = await post(gateway, event("gen-vid-unknown"), path=path)
    made_up = await post(
        gateway, event(await upstream_id(gateway, other)), path="/webhooks/sandbox/" + "x" * 43
    )

    assert {theirs.status, nobodys.status, made_up.status} == {401}
    assert [await gateway.status(job) for job in (one, other)] == ["pending", "pending"]
    assert verdicts(gateway) == ["wrong_token"] * 3


@pytest.mark.parametrize("token", ["x" * 500, "%ff%fe", "%00", "a%2Fb", "🎬"])
async def test_no_token_makes_it_fail(gateway: RunningGateway, token: str) -> None:
    answer = await post(gateway, event("gen-vid-1"), path=f"/webhooks/sandbox/{token}")

    assert answer.status in (200, 401, 404)


async def test_the_token_resolves_a_job_whose_submit_was_never_answered(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    sandbox.faults.next("submit", "reset_after")
    job = await gateway.job()
    assert (await gateway.row("SELECT status FROM jobs WHERE id = :id", id=job))[
        "status"
    ] == "unknown"

    foreign = sandbox.ledger.accepted[0]
    sandbox.end(foreign, cost=Decimal("0.04"))
    await sandbox.ledger.until(lambda ledger: len(ledger.webhooks) == 1)

    assert await gateway.status(job) == "completed"
    assert await upstream_id(gateway, job) == foreign
    assert await money(gateway, job) == [("entries", 1), ("spent", 40_000)]
    assert (await gateway.get(f"/videos/{job}/content")).status == 200


async def test_an_event_that_is_quicker_than_the_submits_own_answer_binds_the_job(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    sandbox.faults.next("submit", "delay", seconds=30, accept=True)
    submitting = asyncio.create_task(gateway.submit())
    await sandbox.ledger.until(lambda ledger: bool(ledger.accepted))
    foreign = sandbox.ledger.accepted[0]

    taken = await post(
        gateway, event(foreign, usage={"cost": 0.04}), path=callback_path(gateway, sandbox)
    )
    assert isinstance(gateway.clock, FakeClock)
    await gateway.clock.advance(40)
    answer = await submitting
    job = answer.json["id"]

    assert (taken.status, answer.status) == (200, 202)
    assert await gateway.status(job) == "completed"
    assert await upstream_id(gateway, job) == foreign
    assert await money(gateway, job) == [("entries", 1), ("spent", 40_000)]


async def test_a_job_that_was_given_up_keeps_its_end_and_gets_its_true_cost(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    sandbox.faults.next("submit", "reset_after")
    job = await gateway.job()
    assert isinstance(gateway.clock, FakeClock)
    await gateway.clock.advance(16 * 60)
    body = await gateway.ended(job)

    await post(
        gateway,
        event(sandbox.ledger.accepted[0], usage={"cost": 0.04}),
        path=callback_path(gateway, sandbox),
    )
    other = await post(gateway, event("gen-vid-2"), path=callback_path(gateway, sandbox))

    assert body["status"] == "failed"
    assert await gateway.status(job) == "failed"
    row = await gateway.row("SELECT cost_micros, upstream_id FROM jobs WHERE id = :id", id=job)
    assert dict(row) == {"cost_micros": 40_000, "upstream_id": sandbox.ledger.accepted[0]}
    assert (await money(gateway, job))[1] == ("spent", 40_000)
    assert other.status == 401, "the token is of a job that is known under another id by now"


# Hints.


async def test_without_a_secret_an_event_only_makes_the_job_be_polled(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url, UNSIGNED)
    job = await gateway.job()
    false = event(await upstream_id(gateway, job), "failed", error="forged")

    answer = await post(gateway, false, X_OpenRouter_Signature=None)

    async def polled() -> bool:
        return sandbox.ledger.calls["GET /api/v1/videos/{job_id} 200"] > 0

    await gateway.until(polled)
    assert answer.status == 202
    assert await gateway.status(job) in ("pending", "in_progress")
    assert verdicts(gateway) == ["hint"]
    assert counted(gateway, "webhooks_missed_total", "sandbox") == 0


async def test_a_hint_with_a_token_needs_no_body_and_moves_no_unknown_job(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url, UNSIGNED)
    sandbox.faults.next("submit", "reset_after")
    job = await gateway.job()
    path = callback_path(gateway, sandbox)

    for body in (b"", b"nonsense", event(sandbox.ledger.accepted[0])):
        assert (await post(gateway, body, path=path)).status == 202

    row = await gateway.row("SELECT status, upstream_id FROM jobs WHERE id = :id", id=job)
    assert dict(row) == {"status": "unknown", "upstream_id": None}


async def test_a_hint_about_nothing_is_a_202_too(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url, UNSIGNED)

    for body in (b"", b"{", event("gen-vid-unknown")):
        assert (await post(gateway, body)).status == 202

    assert verdicts(gateway) == ["unknown_job"] * 3


# Whether webhooks work.


async def test_an_end_that_a_poll_had_to_find_is_a_missed_webhook(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    often = {**SIGNED, "upstreams": {"*": {"webhook_secrets": [SECRET]}}}
    gateway = await gateways(sandbox, sqlite_url, often)
    clock = gateway.clock
    assert isinstance(clock, FakeClock)
    job = await gateway.job()
    sandbox.faults.next("webhook", "drop")
    sandbox.end(await upstream_id(gateway, job))

    assert (await gateway.ended(job))["status"] == "completed"
    await clock.advance(GRACE - 10)
    assert counted(gateway, "webhooks_missed_total", "sandbox") == 0
    await clock.advance(20)

    async def missed() -> bool:
        return counted(gateway, "webhooks_missed_total", "sandbox") == 1

    await gateway.until(missed)
    assert [line["job"] for line in gateway.told("webhook.missed")] == [job]


async def test_a_webhook_that_is_a_moment_later_than_a_poll_is_not_missed(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    often = {**SIGNED, "upstreams": {"*": {"webhook_secrets": [SECRET]}}}
    gateway = await gateways(sandbox, sqlite_url, often)
    clock = gateway.clock
    assert isinstance(clock, FakeClock)
    job = await gateway.job()
    foreign = await upstream_id(gateway, job)
    sandbox.faults.next("webhook", "drop")
    sandbox.end(foreign)
    await gateway.ended(job)

    assert (await sandbox.send_webhook(foreign)).status == 200
    clock.jump(GRACE * 2)
    await MissedWebhookCounter(gateway.database, clock, gateway.telemetry).step()

    assert counted(gateway, "webhooks_missed_total", "sandbox") == 0
    assert await money(gateway, job) == [("entries", 1), ("spent", 70_000)]


async def test_polls_are_rare_while_webhooks_work_and_frequent_again_once_one_is_missed(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    usual = {"webhook_secrets": [SECRET], "poll": {"first": "5s", "factor": "1.5", "max": "30s"}}
    gateway = await gateways(sandbox, sqlite_url, {**SIGNED, "upstreams": {"*": usual}})
    clock = gateway.clock
    assert isinstance(clock, FakeClock)

    async def first_poll_after(prompt: str) -> tuple[str, float]:
        job = await gateway.job(prompt=prompt)
        row = await gateway.row("SELECT next_poll_at FROM jobs WHERE id = :id", id=job)
        return job, row["next_poll_at"] / 1000 - clock.now().timestamp()

    unproved, before = await first_poll_after("one")
    sandbox.end(await upstream_id(gateway, unproved))
    await sandbox.ledger.until(lambda ledger: len(ledger.webhooks) == 1)
    relied, working = await first_poll_after("two")
    sandbox.faults.next("webhook", "drop")
    sandbox.end(await upstream_id(gateway, relied))
    await clock.advance(70)
    assert (await gateway.ended(relied))["status"] == "completed", "the safety net"
    await clock.advance(GRACE + 10)

    async def missed() -> bool:
        return bool(gateway.told("webhook.missed"))

    await gateway.until(missed)
    _, after = await first_poll_after("three")

    assert (round(before), round(working), round(after)) == (5, 60, 5)


async def test_no_callback_is_asked_for_where_none_could_arrive(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    """public_url is plain http, which the configuration does not allow for callbacks."""
    gateway = await gateways(
        sandbox, sqlite_url, {"upstreams": {"*": {"webhook_secrets": [SECRET]}}}
    )

    await gateway.job()

    assert "callback_url" not in sandbox.ledger.submits[0].body


async def test_a_database_that_is_away_makes_the_upstream_come_again(
    sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    async with running_gateway(
        sandbox, sqlite_url, SIGNED, clock=clock, expected_errors=["storage.failed"]
    ) as gateway:
        job = await gateway.job()
        body = event(await upstream_id(gateway, job))
        database = gateway.gateway.database
        write, database.write = database.write, _down  # type: ignore[method-assign, assignment]
        away = await post(gateway, body)
        database.write = write  # type: ignore[method-assign]
        again = await post(gateway, body)

        assert (away.status, again.status) == (503, 200)
        assert await gateway.status(job) == "completed"

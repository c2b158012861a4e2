"""Tests of submit and poll against the recorded behaviour."""

import asyncio
import re
from decimal import Decimal

import pytest
from aiohttp import ClientSession

from gateway.sandbox.catalog import Catalog
from tests.fakes.clock import FakeClock
from tests.sandbox.client import GROK, Client
from tests.sandbox.conftest import Start

FLUX = {"model": "black-forest-labs/flux-3-video", "prompt": "a tide", "duration": 5}


async def test_a_submit_answers_202_with_exactly_the_three_recorded_keys(client: Client) -> None:
    answer = await client.submit()

    assert answer.status == 202
    assert list(answer.body) == ["id", "polling_url", "status"]
    assert re.fullmatch(r"gen-vid-\d+-[0-9A-Za-z]{20}", answer.body["id"])
    assert answer.body["polling_url"] == f"{client.sandbox.url}/videos/{answer.body['id']}"
    assert answer.body["status"] == "pending"


async def test_a_job_goes_through_in_progress_to_completed(
    http: ClientSession, start: Start, clock: FakeClock
) -> None:
    client = Client(http, await start(in_progress="always", generation_seconds=(10.0, 10.0)))
    job_id = await client.job()

    statuses = []
    for seconds in (2.9, 0.2, 6.8, 0.2):
        await clock.advance(seconds)
        statuses.append((await client.poll(job_id)).body["status"])

    assert statuses == ["pending", "in_progress", "in_progress", "completed"]


async def test_a_job_can_go_from_pending_to_completed(
    http: ClientSession, start: Start, clock: FakeClock
) -> None:
    client = Client(http, await start(in_progress="never", generation_seconds=(10.0, 10.0)))
    job_id = await client.job()

    await clock.advance(9.9)
    before = (await client.poll(job_id)).body["status"]
    await clock.advance(0.1)

    assert (before, (await client.poll(job_id)).body["status"]) == ("pending", "completed")


async def test_a_completed_poll_has_the_recorded_fields_and_the_recorded_charge(
    client: Client, clock: FakeClock
) -> None:
    """Recorded: Grok, 1 s, 480p, one image, 0.052 USD."""
    frame = {
        "type": "image_url",
        "image_url": {"url": "https://example.com/a.png"},
        "frame_type": "first_frame",
    }
    job_id = await client.job(resolution="480p", frame_images=[frame])
    await clock.advance(6)

    answer = await client.poll(job_id)

    assert answer.body == {
        "id": job_id,
        "generation_id": job_id,
        "polling_url": f"{client.sandbox.url}/videos/{job_id}",
        "status": "completed",
        "unsigned_urls": [f"{client.sandbox.url}/videos/{job_id}/content?index=0"],
        "usage": {"cost": 0.052, "is_byok": False},
    }


async def test_an_unknown_job_is_404_with_the_recorded_message(client: Client) -> None:
    answer = await client.poll("gen-vid-1-AAAAAAAAAAAAAAAAAAAA")

    assert answer.status == 404
    assert answer.body["error"] == {
        "message": "Job gen-vid-1-AAAAAAAAAAAAAAAAAAAA not found",
        "code": 404,
    }


async def test_a_missing_or_unknown_key_is_401(client: Client, http: ClientSession) -> None:
    async with http.post(f"{client.sandbox.url}/videos", json=GROK) as keyless:
        message = (await keyless.json())["error"]["message"]
    unknown = await client.call("POST", "/videos", key="sk-or-other", json=GROK)

    assert (keyless.status, message) == (401, "No cookie auth credentials found")
    assert (unknown.status, unknown.body["error"]["message"]) == (401, "User not found.")
    assert client.sandbox.jobs == ()


async def test_every_submit_is_in_the_ledger_without_its_key(client: Client) -> None:
    job_id = await client.job(prompt="x" * 1000)
    await client.submit({"model": "nobody/nothing"})

    accepted, refused = client.sandbox.ledger.submits
    assert (accepted.outcome, accepted.status, accepted.job_id) == ("accepted", 202, job_id)
    assert accepted.body["prompt"].endswith("(1000 characters)")
    assert (refused.outcome, refused.status) == ("refused", 400)
    assert refused.message == "nobody/nothing is not a valid model ID"
    assert client.sandbox.api_key not in str(client.sandbox.ledger.document())


async def test_the_ledger_shortens_images(client: Client) -> None:
    image = "data:image/png;base64," + "A" * 5000
    frame = {"type": "image_url", "image_url": {"url": image}, "frame_type": "first_frame"}

    await client.job(frame_images=[frame])

    (entry,) = client.sandbox.ledger.submits
    stored = entry.body["frame_images"][0]["image_url"]["url"]
    assert stored.startswith("data:image/png;base64,AAA")
    assert len(stored) < 300


@pytest.mark.parametrize(
    ("action", "status"), [("fail", "failed"), ("expire", "expired"), ("cancel", "cancelled")]
)
async def test_a_job_that_does_not_complete_has_an_error_and_costs_nothing(
    client: Client, clock: FakeClock, action: str, status: str
) -> None:
    client.sandbox.faults.next("job", action)
    job_id = await client.job()
    await clock.advance(6)

    answer = await client.poll(job_id)

    assert answer.body["status"] == status
    assert isinstance(answer.body["error"], str)
    assert "usage" not in answer.body
    assert "unsigned_urls" not in answer.body
    assert client.sandbox.charged == 0


async def test_a_failed_job_can_have_a_cost(client: Client, clock: FakeClock) -> None:
    client.sandbox.faults.next("job", "fail", cost=Decimal("0.02"), error="blocked")
    job_id = await client.job()
    await clock.advance(6)

    answer = await client.poll(job_id)

    assert answer.body["error"] == "blocked"
    assert answer.body["usage"] == {"cost": 0.02, "is_byok": False}
    assert client.sandbox.charged == Decimal("0.02")


async def test_a_job_with_the_hold_fault_ends_only_on_request(
    client: Client, clock: FakeClock
) -> None:
    client.sandbox.faults.next("job", "hold")
    job_id = await client.job()
    await clock.advance(100_000)
    before = (await client.poll(job_id)).body["status"]

    client.sandbox.end(job_id, "completed", cost=Decimal("1.25"))

    after = (await client.poll(job_id)).body
    assert before in ("pending", "in_progress")
    assert (after["status"], after["usage"]["cost"]) == ("completed", 1.25)
    with pytest.raises(ValueError, match="has already ended as completed"):
        client.sandbox.end(job_id, "failed")


async def test_a_job_fault_can_be_limited_to_one_model(client: Client) -> None:
    client.sandbox.faults.next("job", "fail", model="openai/sora-2-pro")

    other = await client.job()
    sora = await client.job({"model": "openai/sora-2-pro", "prompt": "x"})

    assert client.sandbox.job(other).ending == "completed"
    assert client.sandbox.job(sora).ending == "failed"


@pytest.mark.parametrize(("byok", "cost"), [("free", 0.0), ("fee", 0.0035)])
async def test_with_byok_only_the_fee_is_charged(
    http: ClientSession, start: Start, clock: FakeClock, byok: str, cost: float
) -> None:
    """Grok, 1 s at 720p, lists 0.07."""
    client = Client(http, await start(byok=byok))
    job_id = await client.job()
    await clock.advance(6)

    assert (await client.poll(job_id)).body["usage"] == {"cost": cost, "is_byok": True}


async def test_a_continuation_needs_a_completed_job_of_the_same_model(
    client: Client, clock: FakeClock
) -> None:
    first = await client.job(FLUX)
    other = await client.job()
    early = await client.submit(FLUX, previous_job_id=first)
    await clock.advance(6)

    unknown = await client.submit(FLUX, previous_job_id="gen-vid-1-AAAAAAAAAAAAAAAAAAAA")
    foreign = await client.submit(FLUX, previous_job_id=other)
    second = await client.job(FLUX, previous_job_id=first)

    assert [early.status, unknown.status, foreign.status] == [400, 404, 400]
    # 41 cents per second at 720p; a new video costs 17
    assert client.sandbox.job(second).cost == Decimal("2.05")
    assert client.sandbox.job(first).cost == Decimal("0.85")


async def test_a_model_without_continuation_names_its_dated_slug(client: Client) -> None:
    answer = await client.submit(previous_job_id="gen-vid-1-AAAAAAAAAAAAAAAAAAAA")

    assert answer.status == 400
    assert answer.body["error"] == {
        "message": "x-ai/grok-imagine-video-20260512 does not support previous_job_id",
        "code": 400,
    }


async def test_stored_copies_have_signed_links_and_an_expiry(
    http: ClientSession, start: Start, clock: FakeClock
) -> None:
    client = Client(http, await start(stored_copy_seconds=600))
    job_id = await client.job()
    before = (await client.poll(job_id)).body
    await clock.advance(6)

    after = (await client.poll(job_id)).body

    assert "urls" not in before
    assert "expires_at" not in before
    assert after["expires_at"] == client.sandbox.job(job_id).created_unix + 600
    (link,) = after["urls"]
    assert link.startswith(f"{client.sandbox.origin}/stored/{job_id}/0.mp4?")


async def test_several_outputs_have_several_links(client: Client, clock: FakeClock) -> None:
    client.sandbox.faults.next("job", "complete", outputs=3)
    job_id = await client.job()
    await clock.advance(6)

    urls = (await client.poll(job_id)).body["unsigned_urls"]

    assert [url.rsplit("=", 1)[1] for url in urls] == ["0", "1", "2"]


async def test_links_start_with_the_public_url(http: ClientSession, start: Start) -> None:
    client = Client(http, await start(public_url="https://openrouter.example"))

    answer = await client.submit()

    assert answer.body["polling_url"].startswith("https://openrouter.example/api/v1/videos/gen-vid")


async def test_the_job_exists_before_a_slow_submit_returns(
    http: ClientSession, start: Start, clock: FakeClock
) -> None:
    client = Client(http, await start(submit_seconds=(3.0, 3.0)))
    answering = asyncio.create_task(client.submit())
    await client.sandbox.ledger.until(lambda ledger: len(ledger.accepted) == 1)

    pending = not answering.done()
    await clock.advance(3)

    assert pending
    assert (await answering).status == 202


async def test_a_custom_catalog_replaces_the_recorded_one(
    http: ClientSession, start: Start
) -> None:
    entry = dict(Catalog.recorded().models["x-ai/grok-imagine-video"].entry)
    priced = {**entry, "id": "my/model", "pricing_skus": {"duration_seconds": "1.5"}}
    unpriced = {**entry, "id": "my/other", "pricing_skus": {"dollars_per_smile": "1"}}
    client = Client(http, await start(models={"data": [priced, unpriced]}))

    job_id = await client.job(model="my/model", duration=2)
    refused = await client.submit(model="my/other")
    unknown = await client.submit()

    assert client.sandbox.job(job_id).cost == 3
    assert (refused.status, unknown.status) == (500, 400)
    assert "dollars_per_smile" in refused.body["error"]["message"]


async def test_the_same_seed_gives_the_same_ids(http: ClientSession, start: Start) -> None:
    ids = [await Client(http, await start(seed=seed)).job() for seed in (1, 1, 2)]

    assert ids[0] == ids[1]
    assert ids[0] != ids[2]


async def test_a_preflight_is_204_for_any_origin(client: Client) -> None:
    answer = await client.call("OPTIONS", "/videos", headers={"Origin": "https://a.example"})

    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]


async def test_responses_have_the_recorded_headers(client: Client) -> None:
    answer = await client.submit()

    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in answer.headers
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert (
        answer.headers["Access-Control-Expose-Headers"]
        == "X-Generation-Id,X-Provider-Name,request-id,cf-ray"
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/videos"), ("DELETE", "/videos/x"), ("POST", "/chat/completions"), ("GET", "/")],
)
async def test_an_unknown_path_is_404_with_the_recorded_message(
    client: Client, method: str, path: str
) -> None:
    answer = await client.call(method, path)

    assert answer.status == 404
    assert answer.body == {"error": {"message": "Not Found", "code": 404}}


@pytest.mark.parametrize("host", [b"", b"x:99999999", b"\xff", b"[::"])
async def test_an_invalid_host_header_is_never_a_500(client: Client, host: bytes) -> None:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", int(client.sandbox.origin.rsplit(":", 1)[1])
    )
    writer.write(
        b"GET /api/v1/videos/models HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
    )
    status = (await reader.readline()).split()[1]
    writer.close()
    await writer.wait_closed()

    assert status in (b"400", b"200")


async def test_calls_are_counted_by_route_and_status(client: Client) -> None:
    job_id = await client.job()
    await client.poll(job_id)
    await client.poll("nobody")

    assert client.sandbox.ledger.calls == {
        "POST /api/v1/videos 202": 1,
        "GET /api/v1/videos/{job_id} 200": 1,
        "GET /api/v1/videos/{job_id} 404": 1,
    }

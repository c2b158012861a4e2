"""Validates every response of every route against openapi.json."""

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from gateway.sandbox.catalog import Catalog
from tests.fakes.clock import FakeClock
from tests.sandbox.client import GROK, Answer, Client
from tests.sandbox.conftest import Start
from tests.sandbox.receiver import Receiver

SPEC = json.loads((Path(__file__).parents[1] / "data" / "openapi.json").read_text(encoding="utf-8"))
REGISTRY: Registry = Registry().with_resource(
    "spec", Resource.from_contents(SPEC, default_specification=DRAFT202012)
)


def check(schema: str, value: Any) -> None:
    """Assert that the value matches `#/components/schemas/<schema>`."""
    reference = {"$ref": f"spec#/components/schemas/{schema}"}
    errors = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(reference, registry=REGISTRY).iter_errors(value)
    ]
    assert errors == []


def check_answer(method: str, path: str, answer: Answer) -> None:
    """Assert that the route documents the status, and that the body matches its schema."""
    response = SPEC["paths"][path][method.lower()]["responses"][str(answer.status)]
    while "$ref" in response:
        response = SPEC["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    kind = answer.headers["Content-Type"].split(";")[0]
    schema = response["content"][kind]["schema"]
    if kind == "application/json":
        check(schema["$ref"].rsplit("/", 1)[1], answer.body)
    else:
        assert isinstance(answer.body, bytes)


def test_an_invalid_response_fails_the_check() -> None:
    with pytest.raises(AssertionError, match="'polling_url' is a required property"):
        check("VideoJob", {"id": "x", "status": "pending"})
    with pytest.raises(AssertionError, match="is not of type 'string'"):
        check("VideoJob", {"id": "x", "status": "failed", "polling_url": "", "error": None})


@pytest.mark.parametrize("action", ["complete", "fail", "expire", "cancel"])
async def test_every_status_of_a_job_matches_the_schema(
    http: ClientSession, start: Start, clock: FakeClock, receiver: Receiver, action: str
) -> None:
    client = Client(
        http,
        await start(in_progress="always", stored_copy_seconds=60, webhook_secret="0123456789"),
    )
    client.sandbox.faults.next("job", action)

    submitted = await client.submit(callback_url=receiver.url)
    check_answer("POST", "/videos", submitted)
    for seconds in (0, 3, 3):
        await clock.advance(seconds)
        polled = await client.poll(submitted.body["id"])
        check_answer("GET", "/videos/{jobId}", polled)
    await client.sandbox.ledger.until(lambda ledger: bool(ledger.webhooks))
    content = await client.call("GET", f"/videos/{submitted.body['id']}/content")
    check_answer("GET", "/videos/{jobId}/content", content)

    event = json.loads(receiver.received[0].body)
    check(f"{event['data']['status'].capitalize()}Event", event)


async def test_both_catalogs_match_the_schema(client: Client) -> None:
    check_answer("GET", "/videos/models", await client.call("GET", "/videos/models"))
    general = await client.call("GET", "/models?output_modalities=video")
    check_answer("GET", "/models", general)
    check_answer("GET", "/models", await client.call("GET", "/models?limit=x"))

    assert len(general.body["data"]) == 30


async def test_errors_match_the_schema(client: Client, clock: FakeClock) -> None:
    job_id = await client.job()
    refusals = [
        ("POST", "/videos", await client.submit(duration=99)),
        ("POST", "/videos", await client.submit({})),
        ("POST", "/videos", await client.call("POST", "/videos", data=b"{")),
        ("POST", "/videos", await client.call("POST", "/videos", key="no", json=GROK)),
        ("POST", "/videos", await client.submit(provider={"zdr": True})),
        ("GET", "/videos/{jobId}", await client.poll("nobody")),
        ("GET", "/videos/{jobId}", await client.call("GET", f"/videos/{job_id}", key="no")),
        ("GET", "/videos/{jobId}/content", await client.call("GET", f"/videos/{job_id}/content")),
    ]
    for status in (402, 403, 413, 429, 499, 500, 503):
        client.sandbox.faults.next("submit", "refuse", status=status)
        refusals.append(("POST", "/videos", await client.submit()))
    await clock.advance(6 + 86_400)
    gone = await client.call("GET", f"/videos/{job_id}/content")
    refusals.append(("GET", "/videos/{jobId}/content", gone))

    for method, path, answer in refusals:
        check_answer(method, path, answer)

    statuses = {answer.status for _, _, answer in refusals}
    assert statuses == {400, 401, 402, 403, 404, 409, 410, 413, 429, 499, 500, 503}


@pytest.mark.parametrize("model", Catalog.recorded().models)
async def test_every_model_accepts_and_charges_a_job(
    client: Client, clock: FakeClock, model: str
) -> None:
    clip = {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}
    entry = client.sandbox.catalog.models[model]
    given = {"input_references": [clip]} if entry.needs_source else {}

    submitted = await client.submit({"model": model, "prompt": "x", **given})
    await clock.advance(6)
    polled = await client.poll(submitted.body["id"])

    check_answer("POST", "/videos", submitted)
    check_answer("GET", "/videos/{jobId}", polled)
    assert polled.body["status"] == "completed"
    assert polled.body["usage"]["cost"] == float(client.sandbox.charged) > 0

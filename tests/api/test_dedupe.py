"""One paid generation per identical request, as clients see it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.fakes.clock import FakeClock
from tests.harness import GROK, Answer, RunningGateway

HOUR = 3600


async def ask(
    gateway: RunningGateway, headers: dict[str, str] | None = None, **fields: Any
) -> Answer:
    return await gateway.call("POST", "/videos", json={**GROK, **fields}, headers=headers or {})


def outcome(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.headers["X-Gateway-Dedupe"]


async def test_the_same_request_is_the_same_job_while_it_runs_and_when_it_is_done(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    first = await ask(gateway)
    running = await ask(gateway, prompt=GROK["prompt"], seed=None)
    await gateway.ended(first.json["id"])
    done = await ask(gateway)

    assert [outcome(a) for a in (first, running, done)] == [
        (202, "miss"),
        (202, "joined"),
        (202, "hit"),
    ]
    assert {a.json["id"] for a in (first, running, done)} == {first.json["id"]}
    assert done.json["status"] == "completed"
    assert len(sandbox.ledger.submits) == 1


async def test_a_thousand_at_once_are_one_job(gateway: RunningGateway, sandbox: Sandbox) -> None:
    answers = await asyncio.gather(*(ask(gateway) for _ in range(1000)))

    assert {answer.status for answer in answers} == {202}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert [outcome(a)[1] for a in answers].count("miss") == 1
    assert len(sandbox.ledger.submits) == 1


async def test_a_thousand_at_once_on_two_gateways_are_one_job(
    gateways: StartGateway, sandbox: Sandbox, postgres_url: str
) -> None:
    one = await gateways(sandbox, postgres_url)
    other = await gateways(sandbox, postgres_url)

    answers = await asyncio.gather(*(ask(gateway) for _ in range(500) for gateway in (one, other)))

    assert {answer.status for answer in answers} == {202}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert len(sandbox.ledger.submits) == 1


async def test_another_team_never_joins(gateway: RunningGateway, sandbox: Sandbox) -> None:
    ours = await gateway.job(team="growth")
    theirs = await gateway.job(team="rivals")

    assert ours != theirs
    assert len(sandbox.ledger.submits) == 2


@pytest.mark.parametrize("ending", ["fail", "expire", "cancel"])
async def test_a_job_without_a_video_is_not_joined(
    gateway: RunningGateway, sandbox: Sandbox, ending: Any
) -> None:
    sandbox.faults.next("job", ending)
    first = await gateway.job()
    await gateway.ended(first)

    again = await ask(gateway)

    assert outcome(again) == (202, "miss")
    assert again.json["id"] != first


async def test_a_refused_request_may_be_tried_again(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    sandbox.faults.next("submit", "refuse", status=400)
    assert (await ask(gateway, {"Idempotency-Key": "k"})).status == 400

    again = await ask(gateway, {"Idempotency-Key": "k"})

    assert outcome(again) == (202, "miss")


async def test_past_the_ttl_it_is_bought_again_and_the_new_one_is_joined(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    gateway = await gateways(sandbox, sqlite_url, {"teams": {"growth": {"dedupe": {"ttl": "1h"}}}})
    first = await gateway.completed()
    await clock.advance(HOUR)

    second = await ask(gateway)
    third = await ask(gateway)

    assert outcome(second) == (202, "miss")
    assert second.json["id"] != first
    assert (outcome(third), third.json["id"]) == ((202, "joined"), second.json["id"])


@pytest.mark.parametrize("directive", ["no-cache", "no-store", "max-age=0, No-Cache"])
async def test_what_browsers_and_tools_send_unasked_buys_nothing_again(
    gateway: RunningGateway, sandbox: Sandbox, directive: str
) -> None:
    first = await gateway.job()

    again = await ask(gateway, {"Cache-Control": directive, "Pragma": "no-cache"})

    assert (outcome(again), again.json["id"]) == ((202, "joined"), first)


@pytest.mark.parametrize(
    "fields",
    [
        {"frame_images": []},
        {"input_references": []},
        {"provider": {}},
        {"provider": {"options": {}}},
        {"provider": {"options": {"x-ai": {}}}},
        {"seed": None, "size": None},
        {"provider": {"only": []}},
    ],
)
async def test_what_says_nothing_makes_no_other_request(
    gateway: RunningGateway, fields: Mapping[str, Any]
) -> None:
    first = await gateway.job()

    again = await gateway.call("POST", "/videos", json={**GROK, **fields})

    assert (outcome(again), again.json["id"]) == ((202, "joined"), first)


@pytest.mark.parametrize("value", ["", "bypas", "true", "miss"])
async def test_another_word_for_bypass_is_refused(gateway: RunningGateway, value: str) -> None:
    answer = await ask(gateway, {"X-Gateway-Dedupe": value})

    assert (answer.status, answer.reason) == (400, "invalid_request")


@pytest.mark.parametrize("word", ["bypass", "Bypass", " bypass "])
async def test_a_fresh_take_can_be_asked_for(
    gateway: RunningGateway, sandbox: Sandbox, word: str
) -> None:
    first = await gateway.job()

    fresh = await ask(gateway, {"X-Gateway-Dedupe": word})
    joined = await ask(gateway)

    assert outcome(fresh) == (202, "bypass")
    assert fresh.json["id"] != first
    assert joined.json["id"] == first


async def test_a_team_can_have_it_off(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(
        sandbox, sqlite_url, {"teams": {"growth": {"dedupe": {"enabled": False}}}}
    )

    answers = [await ask(gateway), await ask(gateway)]

    assert [outcome(a) for a in answers] == [(202, "bypass")] * 2
    assert answers[0].json["id"] != answers[1].json["id"]


async def test_an_idempotency_key_means_one_job_even_then(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    gateway = await gateways(
        sandbox, sqlite_url, {"teams": {"growth": {"dedupe": {"enabled": False}}}}
    )
    key = {"Idempotency-Key": "order 66"}
    first = await ask(gateway, key)
    again = await ask(gateway, key)
    other_request = await ask(gateway, key, prompt="something else")
    await clock.advance(24 * HOUR)
    next_day = await ask(gateway, key)

    assert again.json["id"] == first.json["id"]
    assert (other_request.status, other_request.reason) == (422, "idempotency_conflict")
    assert next_day.json["id"] != first.json["id"]


async def test_a_key_used_with_a_request_that_joined_means_the_job_it_joined(
    gateway: RunningGateway,
) -> None:
    first = await gateway.job()
    joined = await ask(gateway, {"Idempotency-Key": "k"})
    fresh = await ask(gateway, {"Idempotency-Key": "k", "X-Gateway-Dedupe": "bypass"})

    assert joined.json["id"] == fresh.json["id"] == first


@pytest.mark.parametrize("key", ["", " ", "x" * 256])
async def test_an_unusable_idempotency_key_is_refused(gateway: RunningGateway, key: str) -> None:
    answer = await ask(gateway, {"Idempotency-Key": key})

    assert (answer.status, answer.reason) == (400, "invalid_request")


async def test_what_was_saved_is_counted_in_dollars(gateway: RunningGateway) -> None:
    await gateway.completed(resolution="480p")
    await ask(gateway, resolution="480p")
    await ask(gateway, resolution="480p")

    page = (await gateway.get(f"{gateway.admin_url}/metrics", team=None)).body.decode()

    assert 'video_gateway_dedupe_saved_dollars_total{team="growth"} 0.1' in page


async def test_no_stored_byte_tells_the_prompt(gateway: RunningGateway, sqlite_url: str) -> None:
    await gateway.completed(prompt="a very secret plan")

    folder = Path(sqlite_url.removeprefix("sqlite:///")).parent
    for path in folder.rglob("*"):
        if path.is_file():
            assert b"very secret plan" not in path.read_bytes(), path
    assert "very secret plan" not in gateway.log.getvalue()

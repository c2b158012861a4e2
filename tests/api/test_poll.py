"""GET /api/v1/videos/{id}: always 200 for a known job, whatever is down behind the gateway."""

import asyncio
import time

import pytest

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.fakes.clock import FakeClock
from tests.fakes.database import Outage
from tests.harness import RunningGateway

WORKERS = {"worker.step_failed", "storage.failed"}


@pytest.fixture
async def outage() -> Outage:
    """What can go wrong with the database of a gateway that was started with it."""
    return Outage()


async def test_a_poll_does_not_wait_for_the_upstream(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    job_id = await gateway.job()
    sandbox.faults.next("poll", "hang", times=5)

    async def asked() -> bool:
        return len(sandbox.faults.waiting) < 5

    await gateway.until(asked)
    start = time.monotonic()
    answers = [await gateway.get(f"/videos/{job_id}") for _ in range(5)]

    assert {answer.status for answer in answers} == {200}
    assert time.monotonic() - start < 2  # a poll of the upstream takes fifteen seconds to give up


async def test_a_poll_is_answered_while_the_upstream_is_gone(
    gateway: RunningGateway, sandbox: Sandbox, clock: FakeClock
) -> None:
    job_id = await gateway.job()
    await sandbox.close()
    await clock.advance(30)

    answer = await gateway.get(f"/videos/{job_id}")

    assert (answer.status, answer.json["status"]) == (200, "pending")


async def test_polls_of_the_upstream_that_fail_change_nothing_and_are_made_again(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    sandbox.faults.next("poll", "refuse", status=500)
    sandbox.faults.next("poll", "html", status=503)
    sandbox.faults.next("poll", "refuse", status=404)
    sandbox.faults.next("poll", "refuse", status=401)
    sandbox.faults.next("poll", "reset")
    sandbox.faults.next("poll", "garbage")
    sandbox.faults.next("poll", "truncated")
    sandbox.faults.next("poll", "redirect")

    job_id = await gateway.completed()

    assert await gateway.status(job_id) == "completed"
    assert sandbox.faults.waiting == ()
    assert len(gateway.told("job.poll_failed")) >= 7  # aiohttp asks again after a reset


async def test_a_known_job_is_answered_while_the_database_is_down(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, outage: Outage
) -> None:
    gateway = await gateways(
        sandbox, sqlite_url, wrap_database=outage.around, expected_errors=WORKERS
    )
    done, running = await gateway.completed(), await gateway.job(prompt="another")
    before = [(await gateway.get(f"/videos/{job}")).body for job in (done, running)]

    outage.down = True

    answers = [await gateway.get(f"/videos/{job}") for job in (done, running)]
    assert [(answer.status, answer.body) for answer in answers] == [(200, b) for b in before]


async def test_a_known_job_is_answered_at_a_replica_whose_database_is_down(
    gateways: StartGateway, sandbox: Sandbox, postgres_url: str, outage: Outage, clock: FakeClock
) -> None:
    """Also when its memory is older than it may be: the last known state, never a 5xx."""
    gateway = await gateways(
        sandbox, postgres_url, wrap_database=outage.around, expected_errors=WORKERS
    )
    job_id = await gateway.job()
    assert await gateway.status(job_id) == "pending"

    outage.down = True
    await clock.advance(60)

    assert await gateway.status(job_id) == "pending"


async def test_what_can_t_be_known_without_the_database_is_a_503_that_says_when_to_retry(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, outage: Outage, clock: FakeClock
) -> None:
    gateway = await gateways(
        sandbox, sqlite_url, wrap_database=outage.around, expected_errors=WORKERS
    )
    outage.down = True
    await clock.advance(6)

    unknown = await gateway.get("/videos/gen-vid-1795348800-AAAAAAAAAAAAAAAAAAAA")
    submit = await gateway.submit()
    ready = await gateway.get(f"{gateway.origin}/readyz", team=None)
    alive = await gateway.get(f"{gateway.origin}/healthz", team=None)

    for answer in (unknown, submit):
        assert (answer.status, answer.reason) == (503, "storage_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    assert sandbox.ledger.submits == []
    assert (ready.status, ready.json["parts"]["database"][:6]) == (503, "silent")
    assert alive.status == 200


async def test_what_an_upstream_decided_is_written_when_the_database_is_back(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, outage: Outage
) -> None:
    """An accepted job whose id can't be written yet is not forgotten, and its client not misled."""
    gateway = await gateways(
        sandbox,
        sqlite_url,
        {"server": {"answer_within": "700ms"}},
        wrap_database=outage.around,
        expected_errors={*WORKERS, "job.write_failed"},
    )
    sandbox.faults.next("submit", "delay", seconds=1)
    submit = asyncio.create_task(gateway.submit())
    await sandbox.ledger.until(lambda ledger: bool(ledger.submits))
    outage.down = True
    answer = await submit
    assert (answer.status, answer.json["status"]) == (202, "pending")

    async def accepted() -> bool:
        return bool(sandbox.jobs) and bool(gateway.told("job.write_failed"))

    await gateway.until(accepted)
    outage.down = False
    body = await gateway.ended(answer.json["id"])

    assert body["status"] == "completed"
    assert len(sandbox.ledger.submits) == 1


@pytest.mark.parametrize("reads", [True, False], ids=["nothing answers", "writes hang"])
async def test_a_submit_that_the_database_does_not_take_in_time_is_refused_and_never_sent(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, outage: Outage, *, reads: bool
) -> None:
    """Also if the database takes it later: then it ends, unsent, and nothing is owed for it."""
    gateway = await gateways(
        sandbox,
        sqlite_url,
        {
            "server": {"answer_within": "500ms"},
            "teams": {"growth": {"budgets": [{"period": "day", "limit_usd": "10"}]}},
        },
        wrap_database=outage.around,
        expected_errors=WORKERS,
    )
    outage.stick(reads=reads)
    submit = asyncio.create_task(gateway.submit())
    done, _ = await asyncio.wait([submit], timeout=10)
    assert done, "the submit waits for a database that does not answer"
    answer = submit.result()
    assert (answer.status, answer.reason) == (503, "storage_unavailable")

    outage.release()

    async def written_and_ended() -> bool:
        rows = await gateway.database.read(lambda tx: tx.fetch("SELECT status, cause FROM jobs"))
        ended = [(row["status"], row["cause"]) for row in rows]
        return ended == ([] if reads else [("failed", "refused")])

    await gateway.until(written_and_ended)
    assert sandbox.ledger.submits == []
    held = await gateway.row("SELECT COALESCE(SUM(reserved), 0) AS reserved FROM windows")
    assert held["reserved"] == 0
    assert (await gateway.submit()).headers["X-Gateway-Dedupe"] == "miss"


async def test_a_refusal_does_not_wait_for_its_record(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, outage: Outage
) -> None:
    """A client that waits longer than its SDK's five seconds sends the request again."""
    gateway = await gateways(
        sandbox,
        sqlite_url,
        {"server": {"answer_within": "500ms"}},
        wrap_database=outage.around,
        expected_errors=WORKERS,
    )
    outage.stick(reads=False)
    submit = asyncio.create_task(gateway.submit(duration=99))

    done, _ = await asyncio.wait([submit], timeout=10)
    outage.release()

    assert done
    assert submit.result().reason == "unsupported_parameter"

    async def kept() -> bool:
        return (await gateway.row("SELECT COUNT(*) AS n FROM refusals")) == {"n": 1}

    await gateway.until(kept)


async def test_a_terminal_job_is_remembered_for_ever_without_asking_again(
    gateway: RunningGateway, clock: FakeClock
) -> None:
    job_id = await gateway.completed()
    before = (await gateway.get(f"/videos/{job_id}")).body
    await clock.advance(120)

    assert (await gateway.get(f"/videos/{job_id}")).body == before


async def test_replicas_agree_on_a_job_within_a_second(
    gateways: StartGateway, sandbox: Sandbox, postgres_url: str, clock: FakeClock
) -> None:
    one = await gateways(sandbox, postgres_url)
    two = await gateways(sandbox, postgres_url)
    sandbox.faults.next("job", "hold")
    job_id = await one.job()
    assert await two.status(job_id) == "pending"

    sandbox.end(sandbox.ledger.accepted[0])
    await one.ended(job_id)
    await clock.advance(1)

    assert await two.status(job_id) == "completed"
    assert (await two.get(f"/videos/{job_id}")).json["usage"]["cost"] == 0.07

"""A submit and its answer while the database or the event loop is slow at critical points."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, TypeVar

import pytest

from gateway.adapters.openrouter import OpenRouter
from gateway.app import Outside
from gateway.config.team import BudgetConfig
from gateway.domain.errors import StorageFailed
from gateway.domain.upstream import Declined, SubmitOutcome
from gateway.ports import Database, Transaction
from gateway.sandbox import Sandbox, SandboxConfig
from gateway.services.submission.open_job import Opened
from gateway.store.invariants import violations
from tests.fakes.clock import FakeClock
from tests.fakes.lookup import FakeLookup
from tests.fakes.transactions import WatchedDatabase
from tests.harness import GROK, RunningGateway, running_gateway

T = TypeVar("T")
ANSWER_WITHIN = 0.2


class HostileBehavior:
    """Faults of a database: block the event loop, report a failure, or wait."""

    def __init__(self) -> None:
        self.blocks = 0.0
        self.denies = False
        self.free = asyncio.Event()
        self.free.set()

    def around(self, real: Database) -> Database:
        """Return a wrapper of the database with these faults."""
        return _Treacherous(real, self)


class _Treacherous:
    warnings: tuple[str, ...] = ()

    def __init__(self, real: Database, hostile_behavior: HostileBehavior) -> None:
        self._real = real
        self._treachery = hostile_behavior

    async def write(self, act: Callable[[Transaction], T]) -> T:
        hostile_behavior = self._treachery
        await hostile_behavior.free.wait()
        value = await self._real.write(act)
        if isinstance(value, Opened) and hostile_behavior.blocks:
            time.sleep(hostile_behavior.blocks)  # noqa: ASYNC251 - blocking the loop is the point
            hostile_behavior.blocks = 0.0
        if isinstance(value, Opened) and hostile_behavior.denies:
            hostile_behavior.denies = False
            raise StorageFailed("it may not have committed")
        return value

    async def read(self, act: Callable[[Transaction], T]) -> T:
        return await self._real.read(act)

    async def close(self) -> None:
        await self._real.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def sandbox(clock: FakeClock) -> Any:
    sandbox = await Sandbox.start(SandboxConfig(generation_seconds=(2.0, 2.0)), clock)
    yield sandbox
    await sandbox.close()


async def test_a_running_submit_is_never_answered_with_a_503(
    sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    """The job is written at the same moment as the deadline passes.

    A 503 would mean that nothing was sent, and the official SDKs would submit again.
    """
    slow = HostileBehavior()
    quick = {"server": {"answer_within": f"{ANSWER_WITHIN * 1000:.0f}ms"}}
    async with running_gateway(
        sandbox, sqlite_url, quick, clock=clock, wrap_database=slow.around
    ) as gateway:
        await gateway.job(prompt="warms up what is slow the first time")
        slow.blocks = ANSWER_WITHIN * 2

        answer = await gateway.submit()

        assert answer.status == 202
        assert (await gateway.ended(answer.json["id"]))["status"] == "completed"
    assert len(sandbox.ledger.submits) == 2


async def test_a_job_written_despite_a_database_error_costs_nothing(
    sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    """The connection broke during COMMIT: the client must retry, and the job is never sent."""
    hostile_behavior = HostileBehavior()
    async with running_gateway(
        sandbox,
        sqlite_url,
        clock=clock,
        wrap_database=hostile_behavior.around,
        expected_errors={"storage.failed"},
    ) as gateway:
        hostile_behavior.denies = True

        refused = await gateway.submit()
        assert (refused.status, refused.reason) == (503, "storage_unavailable")
        await gateway.until(lambda: _failed(gateway))
        again = await gateway.completed()

        assert len(sandbox.ledger.submits) == 1
        rows = await gateway.database.read(
            lambda tx: tx.fetch("SELECT id, status, cause, cost_micros FROM jobs ORDER BY status")
        )
        assert [row["status"] for row in rows] == ["completed", "failed"]
        assert (rows[1]["cause"], rows[1]["cost_micros"]) == ("refused", None)
        assert rows[0]["id"] == again


async def _failed(gateway: RunningGateway) -> bool:
    row = await gateway.row("SELECT status FROM jobs")
    return row["status"] == "failed"


async def test_a_job_of_a_refused_client_is_not_sent_later(
    sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    """The database writes the job after the client was refused."""
    hostile_behavior = HostileBehavior()
    quick = {"server": {"answer_within": "100ms"}}
    async with running_gateway(
        sandbox,
        sqlite_url,
        quick,
        clock=clock,
        wrap_database=hostile_behavior.around,
        expected_errors={"storage.failed"},
    ) as gateway:
        hostile_behavior.free.clear()
        refused = await gateway.submit()
        assert (refused.status, refused.reason) == (503, "storage_unavailable")
        hostile_behavior.free.set()
        await gateway.until(lambda: _failed_if_any(gateway))

        held = await gateway.row("SELECT SUM(reserved) AS held, SUM(spent) AS spent FROM windows")
        assert (held["held"], held["spent"]) == (0, 0)
    assert len(sandbox.ledger.submits) == 0


async def _failed_if_any(gateway: RunningGateway) -> bool:
    row = await gateway.row("SELECT COUNT(*) AS jobs FROM jobs WHERE status = 'failed'")
    return bool(row["jobs"])


class Interrupting(FakeLookup):
    """Runs something while a callback URL's host is looked up, in the midst of a decision."""

    then: Callable[[], object] | None = None

    async def addresses(self, host: str) -> Sequence[str]:
        if self.then is not None:
            self.then()
        return await super().addresses(host)

    def close(self) -> None:
        """Nothing to do."""


async def test_a_reload_during_a_decision_does_not_misroute_a_zdr_request(
    sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    """The chosen upstream's name refers to another upstream when the request is sent."""
    lookup = Interrupting(["93.184.215.14"])
    async with running_gateway(
        sandbox,
        sqlite_url,
        {"upstreams": {"*": {"zdr": True}}},
        clock=clock,
        outside=Outside(lookup=lambda _: lookup),
    ) as gateway:
        config = gateway.gateway.live.config
        other = config.upstreams["sandbox"].model_copy(update={"zdr": False})
        careless = config.model_copy(update={"upstreams": {"sandbox": other}})
        lookup.then = lambda: gateway.gateway.reload(careless, "2")

        answer = await gateway.submit(zdr=True, callback_url="https://client.example/")

        assert (answer.status, answer.reason) == (404, "zdr_unavailable")
    assert len(sandbox.ledger.submits) == 0


async def test_a_team_removed_by_a_reload_during_its_request_is_refused(
    sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    """SDKs would retry a 500 for an hour."""
    async with running_gateway(sandbox, sqlite_url, clock=clock) as gateway:
        config = gateway.gateway.live.config
        alone = config.model_copy(update={"teams": {"rivals": config.teams["rivals"]}})
        read = asyncio.Event()

        async def dripping() -> AsyncIterator[bytes]:
            body = json.dumps(GROK).encode()
            yield body[:10]
            await read.wait()
            yield body[10:]

        submit = asyncio.create_task(gateway.call("POST", "/videos", data=dripping()))
        await asyncio.sleep(0.2)  # until the handler has authenticated; not observable
        gateway.gateway.reload(alone, "2")
        read.set()
        answer = await submit

    assert (answer.status, answer.reason) == (401, "invalid_key")
    assert len(sandbox.ledger.submits) == 0


async def test_a_refusal_masks_the_secrets_of_gateway_and_upstream(
    sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    """Upstreams quote parts of a refused request: the previous job's id, the callback URL."""
    callbacks = {"callbacks": {"allow_http": True}}
    flux: dict[str, Any] = {"model": "black-forest-labs/flux-3-video", "duration": 5}

    class Quoting(OpenRouter):
        async def submit(
            self, body: bytes, headers: Mapping[str, str], *, timeout: float
        ) -> SubmitOutcome:
            asked = json.loads(body)
            if "previous_job_id" not in asked:
                return await super().submit(body, headers, timeout=timeout)
            token = asked["callback_url"].rpartition("/")[2]
            words = [asked["previous_job_id"], asked["callback_url"], token]
            error = {"code": 404, "message": " ".join(words), "metadata": {words[0]: words}}
            return Declined(404, error)

    async with running_gateway(
        sandbox, sqlite_url, callbacks, clock=clock, outside=Outside(upstream=Quoting)
    ) as gateway:
        first = await gateway.completed(**flux)

        answer = await gateway.submit(previous_job_id=first, prompt="and then", **flux)

    assert answer.status == 404
    assert answer.json["error"] == {
        "code": 404,
        "message": f"{first} callback_url ...",
        "metadata": {first: [first, "callback_url", "..."]},
    }


async def test_an_upstreams_failure_shows_the_gateways_job_id(
    sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    async with running_gateway(sandbox, sqlite_url, clock=clock) as gateway:
        sandbox.faults.next("job", "hold")
        job_id = await gateway.job()
        (upstream_id,) = sandbox.ledger.accepted
        sandbox.end(upstream_id, "failed", error=f"Job {upstream_id} was moderated")

        body = await gateway.ended(job_id)

    assert body["error"] == f"Job {job_id} was moderated"


async def test_an_exceeded_new_budget_reads_its_past_only_once(
    sandbox: Sandbox, database_url: str, clock: FakeClock
) -> None:
    """A refusal rolls back the new window too; otherwise each one would read a month of jobs."""
    statements: list[str] = []

    def watched(database: Database) -> Database:
        return WatchedDatabase(database, lambda sql, _: statements.append(sql))

    async with running_gateway(
        sandbox, database_url, clock=clock, wrap_database=watched
    ) as gateway:
        await gateway.completed()
        live = gateway.gateway.live
        month = BudgetConfig.model_validate({"period": "month", "limit_usd": "0.05"})
        growth = live.config.teams["growth"].model_copy(update={"budgets": (month,)})
        teams = {**live.config.teams, "growth": growth}
        gateway.gateway.reload(live.config.model_copy(update={"teams": teams}), "2")

        refused = await gateway.submit(prompt="one more")
        await gateway.until(lambda: _window(gateway, "team/growth/month"))

        assert (refused.status, refused.reason) == (402, "budget_exceeded")
        assert any("NOT EXISTS" in sql and "FROM jobs" in sql for sql in statements)
        statements.clear()
        again = await gateway.submit(prompt="and one more")
        assert (again.status, again.reason) == (402, "budget_exceeded")
        assert not any("NOT EXISTS" in sql and "FROM jobs" in sql for sql in statements)
        numbers = [answer.json["error"]["metadata"]["gateway"] for answer in (refused, again)]
        assert numbers[0]["spent_usd"] == numbers[1]["spent_usd"] == "0.07"
        broken = await gateway.database.read(lambda tx: list(violations(tx)))
        assert broken == []


async def test_a_restored_budget_counts_the_spending_in_between(
    sandbox: Sandbox, database_url: str, clock: FakeClock
) -> None:
    async with running_gateway(sandbox, database_url, clock=clock) as gateway:
        bare = gateway.gateway.live.config
        month = BudgetConfig.model_validate({"period": "month", "limit_usd": "0.10"})
        growth = bare.teams["growth"].model_copy(update={"budgets": (month,)})
        limited = bare.model_copy(update={"teams": {**bare.teams, "growth": growth}})
        gateway.gateway.reload(limited, "2")
        await gateway.completed()
        gateway.gateway.reload(bare, "3")
        await gateway.completed(prompt="another")
        gateway.gateway.reload(limited, "4")

        refused = await gateway.submit(prompt="one more")

        assert (refused.status, refused.reason) == (402, "budget_exceeded")
        assert refused.json["error"]["metadata"]["gateway"]["spent_usd"] == "0.14"
        assert await gateway.database.read(lambda tx: list(violations(tx))) == []


async def _window(gateway: RunningGateway, budget: str) -> bool:
    row = await gateway.row(
        "SELECT COUNT(*) AS windows FROM windows WHERE budget_id = :budget", budget=budget
    )
    return bool(row["windows"])

"""Webhooks and polls that race for one job, on both databases: one settlement, one event.

Hypothesis chooses the sources (webhooks, the poll, the submit's answer), the order in which they
start, and whether they agree. Each example is one job.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.adapters.database import open_database
from gateway.domain.job import Job, JobUpdate, Status
from gateway.domain.signature import sign_openrouter
from gateway.domain.upstream import Accepted, Unclear
from gateway.ports import Database, Transaction
from gateway.services.jobs.receive_webhook import IncomingWebhook, WebhookIntake
from gateway.store import jobs
from gateway.telemetry.bundle import Telemetry
from tests.services.books import Books, in_force

SECRET = "the-workspace-signing-secret"
CONFIG = {
    "upstreams": {
        "main": {
            "base_url": "https://up.example/api/v1",
            "api_key": "sk-or-1234567890",
            "webhook_secrets": [SECRET],
        }
    },
    "server": {"public_url": "https://gateway.example"},
    "budgets": [{"period": "month", "limit_usd": 1000000}],
    "webhooks": [
        {"name": "all", "url": "https://hooks.example/", "secret": "a-secret-of-our-own", "events":
         ["*"]}
    ],
}  # fmt: skip

Word = tuple[str, str, str | None]  # source, status, cost


class Ears(Books):
    """Books that also receive webhooks."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.telemetry = Telemetry()
        self.telemetry.metrics.allow_upstreams(["main"])
        self.intake = WebhookIntake(
            self.database, self.clock, self.tracker, self.live, self.telemetry
        )

    async def webhook(
        self, upstream_id: str, status: str, cost: str | None, token: str | None = None
    ) -> None:
        """Receive a signed event from the upstream."""
        usage = {} if cost is None else {"usage": {"cost": float(cost)}}
        body = json.dumps(
            {
                "type": f"video.generation.{status}",
                "data": {"id": upstream_id, "status": status, "unsigned_urls": ["u"], **usage},
            }
        ).encode()
        now = int(self.clock.now().timestamp())
        signature = sign_openrouter(body, SECRET, now)
        key = f"{upstream_id}-{status}"
        await self.intake.receive(IncomingWebhook("main", token, body, signature, key))

    async def with_token(self, job: Job) -> str:
        """Give the job a known correlation token and return it."""
        token = f"token of {job.id}"
        digest = hashlib.sha256(token.encode()).hexdigest()
        await self.database.write(
            lambda tx: tx.execute(
                "UPDATE jobs SET token_hash = :hash WHERE id = :id", hash=digest, id=job.id
            )
        )
        return token


ENDS = st.sampled_from(["completed", "failed", "cancelled", "expired"])
COSTS = st.sampled_from([None, "0.01", "0.05", "3.25"])
WORDS = st.tuples(st.sampled_from(["webhook", "poll"]), ENDS, COSTS)


@dataclass(frozen=True)
class Race:
    """One example: the job's first status, and the concurrent updates."""

    begins: str  # bound, or submitting, or unknown
    words: Sequence[Word]

    def __post_init__(self) -> None:
        """Drop polls of a job without an upstream id: the gateway does not poll it."""
        if self.begins != "bound":
            heard = [("webhook", status, cost) for _, status, cost in self.words]
            object.__setattr__(self, "words", heard)


RACES = st.builds(
    Race,
    begins=st.sampled_from(["bound", "bound", "submitting", "unknown"]),
    # In most races all sources agree; in some they differ.
    words=st.one_of(
        st.builds(
            lambda end, cost, who: [(one, end, cost) for one in who],
            ENDS,
            COSTS,
            st.lists(st.sampled_from(["webhook", "poll"]), min_size=2, max_size=4),
        ),
        st.lists(WORDS, min_size=2, max_size=4),
    ),
)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_thousand_races_of_webhook_and_poll_settle_each_job_once(
    kind: str, request: pytest.FixtureRequest
) -> None:
    url: str = request.getfixturevalue(f"{kind}_url")
    with asyncio.Runner() as runner:
        database = runner.run(open_database(url))
        ears = Ears(database, in_force(CONFIG))
        try:

            @settings(
                max_examples=1000,
                deadline=None,
                derandomize=True,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(race=RACES)
            def race_once(race: Race) -> None:
                runner.run(_race(ears, race))

            race_once()
            assert runner.run(ears.broken()) == []
            assert runner.run(_count(database, "jobs")) >= 1000
        finally:
            runner.run(database.close())


async def _race(ears: Ears, race: Race) -> None:
    job = (await ears.submit("red", 60_000)).job
    token = None if race.begins == "bound" else await ears.with_token(job)
    upstream_id = f"up-{job.id}"
    runners: list[Awaitable[Any]] = []
    if race.begins == "bound":
        await ears.accept(job)
    elif race.begins == "unknown":
        await ears.tracker.lost(job, 1, Unclear("reset"))
    else:
        runners.append(ears.tracker.accepted(job, 1, Accepted(upstream_id, Status.PENDING)))
    for who, status, cost in race.words:
        if who == "webhook":
            runners.append(ears.webhook(upstream_id, status, cost, token))
        else:
            news = JobUpdate(Status(status), raw_cost=cost, outputs=1)
            runners.append(ears.tracker.learned(job.id, news))

    await asyncio.gather(*runners)

    told = await ears.database.read(lambda tx: _told(tx, job.id))
    after = told.job
    assert after.status.value in {status for _, status, _ in race.words}
    assert after.upstream_id == upstream_id
    assert (told.events, told.deliveries, told.closings) == (1, 1, 2), "two windows, closed once"
    assert told.books == [(after.cost_micros or 0, 0)] * 2
    said = {cost for _, _, cost in race.words if cost is not None}
    assert after.raw_cost in (said if _must_be_known(race) else {*said, None})


def _must_be_known(race: Race) -> bool:
    """Return whether a stated cost cannot be dropped as a duplicate of an earlier event."""
    by_key: dict[tuple[str, str], set[str | None]] = {}
    for place, (who, status, cost) in enumerate(race.words):
        by_key.setdefault((f"{who} {place}" if who == "poll" else who, status), set()).add(cost)
    return any(None not in costs for costs in by_key.values())


@dataclass(frozen=True)
class _Told:
    """The facts about a job in the database."""

    job: Job
    events: int
    deliveries: int
    closings: int
    books: list[tuple[int, int]]  # spent and still reserved, by window


def _told(tx: Transaction, job_id: str) -> _Told:
    job = jobs.find(tx, job_id)
    owed = tx.fetchrow(
        """
        SELECT COUNT(DISTINCT e.id) AS events, COUNT(d.id) AS deliveries
        FROM events e LEFT JOIN deliveries d ON d.event_id = e.id WHERE e.job_id = :id
        """,
        id=job_id,
    )
    entries = tx.fetch(
        "SELECT window_id, kind, spent_delta, reserved_delta FROM ledger WHERE job_id = :id",
        id=job_id,
    )
    assert job is not None
    assert owed is not None
    books: dict[str, tuple[int, int]] = {}
    for entry in entries:
        spent, reserved = books.get(entry["window_id"], (0, 0))
        books[entry["window_id"]] = (
            spent + entry["spent_delta"],
            reserved + entry["reserved_delta"],
        )
    closings = sum(entry["kind"] in ("settle", "release") for entry in entries)
    return _Told(job, owed["events"], owed["deliveries"], closings, list(books.values()))


async def _count(database: Database, table: str) -> int:
    row = await database.read(lambda tx: tx.fetchrow(f"SELECT COUNT(*) AS n FROM {table}"))
    return 0 if row is None else int(row["n"])

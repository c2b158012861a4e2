"""Jobs and their money without HTTP: the acts of submit and the tracker, on a real database."""

import asyncio
import itertools
import json
import random
from dataclasses import dataclass, field
from typing import Any

from gateway.config.live import Live
from gateway.config.loader import parse
from gateway.domain.budget import covers
from gateway.domain.decision_record import shared_record
from gateway.domain.job import Job, JobId, JobUpdate, Status
from gateway.domain.pricing import Estimate
from gateway.domain.team import Principal
from gateway.domain.units import Micros, epoch_ms
from gateway.domain.upstream import Accepted, Declined, Unclear
from gateway.domain.video import VideoRequest
from gateway.ports import Database, Transaction, Upstream
from gateway.services.events.publish import EventPublisher
from gateway.services.job_cache import JobCache
from gateway.services.jobs.end import JobEnder
from gateway.services.jobs.track import Tracker
from gateway.services.links import Links
from gateway.services.submission.call import Call
from gateway.services.submission.decide import Decision
from gateway.services.submission.dedupe import DedupeResult, Identity
from gateway.services.submission.flight import Flight
from gateway.services.submission.open_job import Opened, Opening, open_job
from gateway.store import jobs
from gateway.store.invariants import InvariantViolation, violations
from gateway.telemetry.bundle import Telemetry
from tests.fakes.clock import FakeClock

DOCUMENT: dict[str, Any] = {
    "upstreams": {"main": {"base_url": "https://up.example/api/v1", "api_key": "sk-or-1234567890"}},
    "routing": [{"to": "main"}],
    "teams": {"red": {}, "blue": {}},
}


def in_force(changes: dict[str, Any], version: str = "1") -> Live:
    """Return a configuration with these top-level sections."""
    loaded = parse(json.dumps(DOCUMENT | changes), {}, "test")
    return Live(loaded.config, version)


@dataclass
class Books:
    """Submits, verdicts and windows, without the rest of the gateway."""

    database: Database
    live: Live
    clock: FakeClock = field(default_factory=FakeClock)
    first: int = 1  # first number of job ids; two instances on one database need different ones

    def __post_init__(self) -> None:
        self.numbers = itertools.count(self.first)
        telemetry = Telemetry()
        job_cache = JobCache(self.database, self.clock, max_age=None)
        links = Links(self.live, self.clock, b"k" * 32)
        self.publisher = EventPublisher(self.live, links, random.Random(1))
        self.ender = JobEnder(self.live, self.clock, self.publisher)
        self.tracker = Tracker(
            self.database, self.clock, job_cache, self.live, self.publisher, telemetry
        )

    async def submit(
        self,
        team: str,
        estimate: int,
        *,
        key: str = "ci",
        model: str = "x/one",
        slug: str | None = None,
        fingerprint: str | None = None,
    ) -> Opened:
        """Open a job; raise Refused if a budget is exceeded."""
        number = next(self.numbers)
        opening = self.opening(number, team, estimate, key, model, fingerprint, slug)
        return await self.database.write(
            lambda tx: open_job(tx, opening, self.publisher, self.clock.now())
        )

    def flight(self, job: Job, upstream: Upstream, seconds: float = 60.0) -> Flight:
        """Return the flight of a job that is written, to be sent within so many seconds."""
        loop = asyncio.get_running_loop()
        opening = self.opening(0, job.team, job.estimate_micros, job.key, job.model, None)
        opened: asyncio.Future[Opened] = loop.create_future()
        opened.set_result(Opened(job, DedupeResult.MISS))
        return Flight(
            call=opening.decision.call,
            opening=opening,
            upstream=upstream,
            body=b"{}",
            deadline=self.clock.monotonic() + seconds,
            opened=opened,
            answer=loop.create_future(),
        )

    async def accept(self, job: Job) -> Job:
        """Record the upstream's acceptance."""
        return await self.tracker.accepted(job, 1, Accepted(f"up-{job.id}", Status.PENDING))

    async def refuse(self, job: Job) -> Job:
        """Record the upstream's refusal."""
        outcome = Declined(400, {"message": "no"})
        return await self.tracker.refused(job, 1, outcome, "no", told=lambda: True)

    async def lose(self, job: Job) -> Job:
        """Record that no answer came."""
        return await self.tracker.lost(job, 1, Unclear("reset"))

    async def end(
        self, job_id: JobId, status: Status, raw_cost: str | None = None, *, byok: bool = False
    ) -> Job:
        """Record the upstream's verdict, first or late."""
        news = JobUpdate(status, raw_cost=raw_cost, is_byok=byok, outputs=1)
        return await self.tracker.learned(job_id, news)

    async def find(self, job_id: JobId) -> Job:
        """Read the job."""
        job = await self.database.read(lambda tx: jobs.find(tx, job_id))
        assert job is not None
        return job

    async def broken(self) -> list[InvariantViolation]:
        """Return the violations that `doctor` would report."""
        return await self.database.read(lambda tx: list(violations(tx)))

    async def windows(self, like: str = "%") -> dict[str, tuple[int, int]]:
        """Return (spent, reserved) by window id."""

        def act(tx: Transaction) -> dict[str, tuple[int, int]]:
            rows = tx.fetch("SELECT id, spent, reserved FROM windows WHERE id LIKE :id", id=like)
            return {row["id"]: (row["spent"], row["reserved"]) for row in rows}

        return await self.database.read(act)

    async def types(self) -> list[str]:
        """Return the types of all events."""
        rows = await self.database.read(
            lambda tx: list(tx.fetch("SELECT type FROM events ORDER BY created_at, id"))
        )
        return [row["type"] for row in rows]

    def opening(
        self,
        number: int,
        team: str,
        estimate: int,
        key: str,
        model: str,
        same: str | None,
        slug: str | None = None,
    ) -> Opening:
        """Return the input for creating a job, numbered `number`."""
        current = self.live.current
        principal = Principal(team, key)
        decision = Decision(
            in_force=current,
            call=Call(principal, VideoRequest(body={"model": model}, model=model), {}, "req"),
            zdr=(),
            upstream="main",
            previous=None,
            rule_results=(),
            estimate=Estimate(Micros(estimate), ()),
            estimate_micros=estimate,
            budgets=tuple(
                b for b in current.rules.budgets.values() if covers(b, team, key, model, slug)
            ),
            model=model,
            profile=f"{model}|||",
        )
        fingerprint = same or f"{number:064d}"
        at = epoch_ms(self.clock.now())
        new = jobs.NewJob(
            id=JobId(f"gen-vid-1-{number:020d}"),
            team=team,
            key=key,
            upstream="main",
            model=model,
            created_at=at,
            estimate_micros=estimate,
            zdr=False,
            retain=True,
            fingerprint=fingerprint,
            dedupe="miss",
            profile=decision.profile,
            token_hash=f"token-{number}",
            decision="{}",
            config_version=current.version,
            request_id="req",
            traceparent=None,
            lease_token="lease",
            lease_until=at + 90_000,
            canonical_slug=slug,
        )
        day = 24 * 3600 * 1000
        return Opening(
            new,
            decision,
            Identity(team, fingerprint, day),
            callback_url=None,
            record=shared_record(decision.record(), self.clock.now().date()),
            record_is_stored=False,
        )

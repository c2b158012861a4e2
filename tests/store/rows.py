"""Complete and distinct rows for tests of the store."""

import itertools
from dataclasses import replace
from typing import Any

from gateway.domain.job import JobId
from gateway.ports import Database
from gateway.store import jobs
from gateway.store.jobs import NewJob

_NUMBERS = itertools.count(1)

NEW = NewJob(
    id=JobId("gen-vid-1-a"),
    team="growth",
    key="ci",
    upstream="main",
    model="x/one",
    created_at=1_000,
    estimate_micros=70_000,
    zdr=False,
    retain=True,
    fingerprint="f",
    dedupe="miss",
    profile="x/one|480p",
    token_hash="t",
    decision="{}",
    config_version="1",
    request_id="r-1",
    traceparent=None,
    lease_token="sender",
    lease_until=60_000,
)


def new_job(**changes: Any) -> NewJob:
    """Return a job with a unique id."""
    number = next(_NUMBERS)
    unique = {"id": JobId(f"gen-vid-1-{number:020d}"), "token_hash": f"token-{number}"}
    return replace(NEW, **{**unique, **changes})


async def inserted(database: Database, **changes: Any) -> JobId:
    """Insert a `submitting` job and return its id."""
    job = new_job(**changes)
    await database.write(lambda tx: jobs.insert(tx, job))
    return job.id


async def bound(database: Database, *, next_poll_at: int = 0, **changes: Any) -> JobId:
    """Insert a job that its upstream accepted, and return its id."""
    job_id = await inserted(database, **changes)
    await database.write(
        lambda tx: jobs.bind(tx, job_id, f"up-{job_id}", next_poll_at=next_poll_at)
    )
    return job_id

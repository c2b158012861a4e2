"""Stored events and subscriptions."""

from datetime import UTC, datetime

from gateway.domain.event import Event
from gateway.ports import Database, Transaction
from gateway.store import events


def an_event(event_id: str, job_id: str | None = None) -> Event:
    return Event(
        id=event_id,
        type="video.generation.completed",
        created_at=datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC),
        team="growth",
        job_id=job_id,
        idempotency_key=f"{job_id}-completed",
        body='{"type":"é"}'.encode(),
    )


async def test_a_job_has_one_terminal_event(database: Database) -> None:
    def act(tx: Transaction) -> list[bool]:
        return [
            events.add(tx, an_event("e1", "job")),
            events.add(tx, an_event("e2", "job")),
            events.add(tx, an_event("e3")),
            events.add(tx, an_event("e4")),
        ]

    assert await database.write(act) == [True, False, True, True]
    assert await database.read(lambda tx: events.of_job(tx, "job")) == an_event("e1", "job")
    assert await database.read(lambda tx: events.find(tx, "e3")) == an_event("e3")
    assert await database.read(lambda tx: events.find(tx, "e2")) is None


async def test_a_callback_is_subscribed_once(database: Database) -> None:
    def act(tx: Transaction) -> None:
        for at, url in ((1, "https://b"), (2, "https://a"), (3, "https://b")):
            events.subscribe(tx, "job", url, now=at)

    await database.write(act)

    assert list(await database.read(lambda tx: events.subscribed(tx, "job"))) == [
        "https://b",
        "https://a",
    ]

"""The delivery services on a test's database, clock and fake subscribers, run step by step.

room = DeliveryHarness(database, clock)
await room.publish()                 # publish an event to its subscribers
await room.work()                    # attempt every due delivery
await room.transient(hours=1)        # advance the clock, attempting deliveries when they are due
"""

import json
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from gateway.config.live import Live
from gateway.config.loader import parse
from gateway.domain.event import Event, ThresholdFacts, new_event_id, threshold_crossed
from gateway.domain.units import epoch_ms
from gateway.ports import Database, Transaction
from gateway.services.events.deliver import Deliverer
from gateway.services.events.endpoints import EndpointAdmin
from gateway.services.events.publish import CALLBACK, EventPublisher
from gateway.services.events.replay import DeliveryReplay
from gateway.services.links import Links
from gateway.store import delivery_queries, events
from gateway.store.delivery_queries import AttemptRecord, DeliveryFilter, Shown
from gateway.telemetry.bundle import Telemetry
from gateway.workers.dispatcher import Dispatcher
from tests.fakes.clock import FakeClock
from tests.fakes.outbound import FakeOutbound
from tests.harness import merged, until

SECRET = "whsec_a-secret-of-the-farm"
FARM, AUDITOR = "https://farm.example/hook", "https://auditor.example/hook"

CONFIG: dict[str, Any] = {
    "upstreams": {"sandbox": {"base_url": "http://127.0.0.1:9/api/v1", "api_key": "k"}},
    "teams": {
        "growth": {"webhooks": [{"name": "farm", "url": FARM, "secret": SECRET, "events": ["*"]}]},
        "rivals": {},
    },
    "webhooks": [
        {"name": "auditor", "url": AUDITOR, "secret": "the-auditors-own-secret", "events": ["*"]}
    ],
}


class DeliveryHarness:
    """One delivering process."""

    def __init__(
        self,
        database: Database,
        clock: FakeClock,
        changes: Mapping[str, Any] | None = None,
        *,
        outbound: FakeOutbound | None = None,
    ) -> None:
        self.database = database
        self.clock = clock
        self.outbound = outbound or FakeOutbound(clock)
        self.telemetry = Telemetry()
        self.source = random.Random(11)
        self.live = Live(self.config(changes), "1")
        self.telemetry.metrics.allow_endpoints(
            s.endpoint for s in self.live.current.rules.subscriptions
        )
        links = Links(self.live, clock, b"k" * 32)
        self.publisher = EventPublisher(self.live, links, self.source)
        self.deliverer = Deliverer(
            database, clock, self.source, self.outbound, self.live, self.publisher, self.telemetry
        )
        self.dispatcher = Dispatcher(self.deliverer, clock, self.telemetry)
        self.redeliverer = DeliveryReplay(database, clock)
        self.subscribers = EndpointAdmin(database, clock, self.source, self.outbound, self.live)

    def config(self, changes: Mapping[str, Any] | None = None) -> Any:
        return parse(json.dumps(merged(CONFIG, changes or {})), {}, "test").config

    def reload(self, changes: Mapping[str, Any]) -> None:
        self.live.replace(self.config(changes), "2")

    async def publish(self, team: str | None = "growth") -> Event:
        """Publish an event of the team to its subscribers."""
        now = self.clock.now()
        facts = ThresholdFacts(team, "day", 0.8, 10, 8, 0, None)
        event = threshold_crossed(new_event_id(self.source), facts, now)
        await self.database.write(lambda tx: self.publisher.elsewhere(tx, event, "", now))
        return event

    async def callback(self, url: str, team: str = "growth") -> Event:
        """Publish an event to a client's callback URL only."""
        now = self.clock.now()
        facts = ThresholdFacts(team, "day", 0.8, 10, 8, 0, None)
        event = threshold_crossed(new_event_id(self.source), facts, now)

        def act(tx: Transaction) -> None:
            events.add(tx, event)
            name = new_event_id(self.source)
            events.owe(tx, name, event, CALLBACK, url, now=epoch_ms(now))

        await self.database.write(act)
        return event

    async def work(self) -> None:
        """Attempt every due delivery."""
        while True:
            await self.dispatcher.step()
            if not len(self.dispatcher):
                return
            await self.settled()

    async def settled(self) -> None:
        """Wait for the running attempts."""

        async def idle() -> bool:
            return not len(self.dispatcher)

        await until(idle)

    async def transient(self, **length: float) -> None:
        """Advance the clock and attempt each delivery when it is due."""
        until = self.clock.now() + timedelta(**length)
        await self.work()
        while (due := await self._next_due()) is not None and due <= epoch_ms(until):
            await self.clock.advance(max(0.001, due / 1000 - self.clock.now().timestamp() + 0.001))
            await self.work()
        await self.clock.advance(max(0.0, (until - self.clock.now()).total_seconds()))

    async def _next_due(self) -> int | None:
        row = await self.database.read(
            lambda tx: tx.fetchrow(
                "SELECT MIN(next_attempt_at) AS due FROM deliveries WHERE state = 'pending'"
            )
        )
        return None if row is None else row["due"]

    async def all(self, endpoint: str | None = None) -> Sequence[Shown]:
        """Return every delivery, oldest first."""
        wanted = DeliveryFilter(endpoint=endpoint)
        found = await self.database.read(lambda tx: delivery_queries.page(tx, wanted, 10_000))
        return found[::-1]

    async def only(self, endpoint: str) -> Shown:
        (shown,) = await self.all(endpoint)
        return shown

    async def attempts(self, shown: Shown) -> Sequence[AttemptRecord]:
        return await self.database.read(lambda tx: delivery_queries.attempts(tx, shown.id))

    def counted(self, name: str, *labels: str) -> float:
        """Return the sum of a metric's series with these labels."""
        page = self.telemetry.metrics.render()[0].decode()
        return sum(
            float(line.rpartition(" ")[2])
            for line in page.splitlines()
            if line.startswith(f"video_gateway_{name}") and all(label in line for label in labels)
        )

"""Write events and their deliveries in the transaction of the fact they report."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from gateway.config.live import Live
from gateway.config.rules import Subscription
from gateway.domain.event import (
    Event,
    ThresholdFacts,
    bill_disputed,
    job_ended,
    new_event_id,
    threshold_crossed,
    wants,
)
from gateway.domain.job import Cause, Job
from gateway.domain.units import epoch_ms, from_epoch_ms, usd_text
from gateway.ports import Transaction
from gateway.services.links import Links
from gateway.services.money.reserve import Crossing
from gateway.store import events
from gateway.telemetry.bundle import Telemetry

CALLBACK = "callback"
"""The endpoint name for every client's `callback_url`."""


@dataclass(frozen=True, slots=True)
class EventPublisher:
    """Writes events. `source` generates their ids; `links` builds the URLs in them."""

    live: Live
    links: Links
    source: random.Random

    def end(self, tx: Transaction, job: Job, now: datetime) -> None:
        """Write a job's terminal event and its deliveries; a second call writes nothing.

        A refusal that the client got as the response to its submit has no deliveries: as at
        OpenRouter, no job exists.
        """
        event = job_ended(self._id(), job, self.links.content_urls(job), now)
        if not events.add(tx, event):
            return
        if job.cause is Cause.REFUSED and not job.announced:
            return
        callbacks = events.subscribed(tx, job.id)
        self._owe(tx, event, has_callback=bool(callbacks), now=now)
        for url in callbacks:
            events.owe(tx, self._id(), event, CALLBACK, url, now=epoch_ms(now))

    def crossings(self, tx: Transaction, crossings: Sequence[Crossing], now: datetime) -> None:
        """Write one `budget.threshold` event for each threshold reached for the first time."""
        for crossing in crossings:
            event = threshold_crossed(self._id(), _facts(crossing), now)
            events.add(tx, event)
            self._owe(tx, event, has_callback=False, now=now)

    def disputed(self, tx: Transaction, job: Job, now: datetime) -> None:
        """Write the event that a cost far above its estimate needs an operator's decision."""
        event = bill_disputed(self._id(), job, now)
        events.add(tx, event)
        self._owe(tx, event, has_callback=False, now=now)

    def late_joiner(self, tx: Transaction, job: Job, url: str, now: datetime) -> None:
        """Deliver the existing terminal event to a callback that joins an ended job."""
        told = events.of_job(tx, job.id)
        if told is not None:
            events.owe(tx, self._id(), told, CALLBACK, url, now=epoch_ms(now))

    def elsewhere(self, tx: Transaction, event: Event, besides: str, now: datetime) -> None:
        """Write an event about the endpoint `besides`, and deliver it to the other endpoints."""
        events.add(tx, event)
        self._owe(tx, event, has_callback=False, now=now, besides=besides)

    def _owe(
        self,
        tx: Transaction,
        event: Event,
        *,
        has_callback: bool,
        now: datetime,
        besides: str | None = None,
    ) -> None:
        wanting = [
            subscription
            for subscription in self.live.current.rules.subscriptions
            if subscription.endpoint != besides and _wants(subscription, event, has_callback)
        ]
        if not wanting:
            return
        disabled = events.disabled_endpoints(tx)
        for subscription in wanting:
            if subscription.endpoint not in disabled:
                events.owe(tx, self._id(), event, subscription.endpoint, None, now=epoch_ms(now))

    def _id(self) -> str:
        return new_event_id(self.source)


def note_crossings(telemetry: Telemetry, crossings: Sequence[Crossing]) -> None:
    """Log and count each crossed threshold; call it after the transaction is durable."""
    for crossing in crossings:
        facts = _facts(crossing)
        telemetry.metrics.budget_threshold(facts.team or "organisation")
        telemetry.log.warning(
            "budget.threshold",
            budget=crossing.budget.id,
            team=facts.team,
            threshold=crossing.share,
            limit_usd=usd_text(facts.limit_micros),
            spent_usd=usd_text(facts.spent_micros),
            reserved_usd=usd_text(facts.reserved_micros),
        )


def _wants(subscription: Subscription, event: Event, has_callback: bool) -> bool:
    return wants(
        event,
        patterns=subscription.events,
        team=subscription.team,
        unless_callback=subscription.unless_callback,
        has_callback=has_callback,
    )


def _facts(crossing: Crossing) -> ThresholdFacts:
    budget, window = crossing.budget, crossing.window
    return ThresholdFacts(
        team=budget.team,
        period=budget.period.value,
        threshold=float(Decimal(crossing.share)),
        limit_micros=budget.limit_micros,
        spent_micros=window.spent,
        reserved_micros=window.reserved,
        resets_at=None if window.ends_at is None else from_epoch_ms(window.ends_at),
        models=budget.models,
        key=budget.key,
    )

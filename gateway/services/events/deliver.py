"""Claim a delivery, attempt it, and record the result with all its consequences."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from gateway.config.live import Live
from gateway.domain.delivery import (
    AttemptOutcome,
    ErrorKind,
    Judgement,
    after_failure,
    judge,
    next_attempt,
    signed_headers,
    without_secrets_of,
)
from gateway.domain.errors import StorageFailed
from gateway.domain.event import DisabledBecause, endpoint_disabled, new_event_id
from gateway.domain.job import new_token
from gateway.domain.network import CallbackPolicy
from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database, Outbound, Transaction
from gateway.services.events.publish import CALLBACK, EventPublisher
from gateway.store import callback_keys, deliveries, endpoints
from gateway.store.deliveries import Lease
from gateway.telemetry.bundle import Telemetry

_LEASE_FACTOR = (
    4  # a lease lasts much longer than an attempt's timeout (docs/reliability.md, section 0)
)
_AGAIN = 0.5  # seconds between attempts to record a result


@dataclass(frozen=True, slots=True)
class _Target:
    """The current URL, secrets and network policy of a delivery."""

    url: str
    secrets: Sequence[str]
    policy: CallbackPolicy | None
    headers: Mapping[str, str] = field(default_factory=dict)
    """The subscriber's own."""


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What was recorded of an attempt. `held` False: nothing, because the lease was lost."""

    held: bool
    state: str = "pending"
    disabled: DisabledBecause | None = None
    following: Lease | None = None  # the next due delivery of the same lane


class Deliverer:
    """Claims, attempts and records deliveries. The dispatcher decides how many run at once."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        source: random.Random,
        outbound: Outbound,
        live: Live,
        publisher: EventPublisher,
        telemetry: Telemetry,
    ) -> None:
        """Create a deliverer; `source` generates fencing tokens and jitter.

        `publisher` writes the events of disabled endpoints.
        """
        self._database = database
        self._clock = clock
        self._random = source
        self._outbound = outbound
        self._live = live
        self._publisher = publisher
        self._telemetry = telemetry

    @property
    def at_once(self) -> int:
        """How many attempts of one lane may run at once, over all replicas."""
        return self._live.config.delivery.max_in_flight_per_endpoint

    async def due_lanes(self, limit: int) -> Sequence[str]:
        """Return the lanes with claimable deliveries, longest waiting first."""
        now, at_once = self._now(), self.at_once
        return await self._database.read(
            lambda tx: deliveries.due_lanes(tx, now=now, at_once=at_once, limit=limit)
        )

    async def claim(self, wanted: dict[str, int]) -> list[Lease]:
        """Claim due deliveries of these lanes, at most the given number of each."""

        def act(tx: Transaction) -> list[Lease]:
            # Every process locks lanes in this order, which prevents deadlocks.
            return [x for lane in sorted(wanted) for x in self._claim(tx, lane, wanted[lane])]

        return await self._database.write(act)

    async def attempt(self, lease: Lease, may_go_on: Callable[[], bool]) -> Lease | None:
        """Attempt a delivery and record the result; return the lane's next one if `may_go_on`.

        Recording is retried until the lease expires. Without a record the delivery is sent again.
        """
        request_id = lease.request_id or lease.event.id
        with self._telemetry.work("delivery.attempt", request_id, lease.traceparent) as span:
            outcome = await self._try(lease)
            span.set(delivery=lease.id, endpoint=lease.endpoint, outcome=outcome_word(outcome))
            if judge(outcome) is not Judgement.DELIVERED:
                span.fail(outcome_word(outcome))
            recorded = await self._insist(lease, outcome, go_on=may_go_on())
            self._tell(lease, outcome, recorded)
        return recorded.following

    async def _try(self, lease: Lease) -> AttemptOutcome:
        target = self._target(lease)
        if target is None:
            words = f"the configuration has no subscriber {lease.endpoint}"
            return AttemptOutcome(None, 0, ErrorKind.UNCONFIGURED, words)
        headers = signed_headers(
            lease.event.body,
            event_id=lease.event.id,
            idempotency_key=lease.event.idempotency_key,
            secrets=target.secrets,
            now=int(self._clock.now().timestamp()),
        )
        headers = {**target.headers, **headers}
        outcome = await self._outbound.send(target.url, headers, lease.event.body, target.policy)
        return without_secrets_of(outcome, self._live.current.secrets)

    def _target(self, lease: Lease) -> _Target | None:
        """Return the target by the current configuration: the URL or the rules may have changed."""
        rules = self._live.current.rules
        if lease.url is not None:
            return _Target(lease.url, rules.callback_secrets(lease.event.team), rules.callbacks)
        subscription = rules.subscription(lease.endpoint)
        if subscription is None:
            return None
        config = subscription.config
        return _Target(config.url, config.secrets, None, config.own_headers)

    async def _insist(self, lease: Lease, outcome: AttemptOutcome, *, go_on: bool) -> _Recorded:
        while True:
            try:
                return await self._database.write(
                    lambda tx: self._record(tx, lease, outcome, go_on=go_on)
                )
            except StorageFailed as error:
                self._telemetry.log.error("delivery.write_failed", delivery=lease.id, error=error)
                if self._now() >= lease.until:
                    return _Recorded(held=False)
                await self._clock.sleep(_AGAIN)

    def _record(
        self, tx: Transaction, lease: Lease, outcome: AttemptOutcome, *, go_on: bool
    ) -> _Recorded:
        """Record the new state, the attempt and the endpoint's health; claim the next delivery."""
        now = self._now()
        judgement = judge(outcome)
        is_callback = lease.endpoint == CALLBACK
        health = endpoints.Health() if is_callback else endpoints.health(tx, lease.endpoint)
        if judgement is Judgement.DELIVERED:
            state, held = "delivered", deliveries.delivered(tx, lease, now=now)
        elif (at := self._next(lease, outcome, health)) is not None:
            state, held = "pending", deliveries.retry(tx, lease, at=at)
        else:
            state, held = "dead", deliveries.dead(tx, lease, now=now)
        if not held:
            return _Recorded(held=False)
        deliveries.note(tx, lease, outcome, now=now)
        if is_callback and state != "pending" and lease.event.job_id is not None:
            callback_keys.delete_unused(tx, lease.event.job_id)
        disabled = None if is_callback else self._health(tx, lease, outcome, health)
        following = self._claim(tx, lease.lane, 1) if go_on and disabled is None else []
        return _Recorded(True, state, disabled, following[0] if following else None)

    def _next(self, lease: Lease, outcome: AttemptOutcome, health: endpoints.Health) -> int | None:
        """Return when to retry a failed attempt; None: it was the last."""
        if judge(outcome) is Judgement.DISABLE or health.disabled_at is not None:
            return None
        at = next_attempt(
            self._live.config.delivery.retries,
            lease.attempts - lease.schedule_from + 1,
            outcome.retry_after,
            self._random.random(),
            self._clock.now(),
        )
        return None if at is None else epoch_ms(at)

    def _health(
        self, tx: Transaction, lease: Lease, outcome: AttemptOutcome, health: endpoints.Health
    ) -> DisabledBecause | None:
        """Update the endpoint's run of failures; return why it was disabled, if it was."""
        judgement, moment = judge(outcome), self._clock.now()
        if judgement is Judgement.DELIVERED:
            endpoints.recovered(tx, lease.endpoint)
            return None
        if outcome.error is ErrorKind.UNCONFIGURED:
            return None
        failing = after_failure(health.failing, moment)
        endpoints.failed(tx, lease.endpoint, failing)
        if judgement is Judgement.DISABLE:
            because = DisabledBecause.GONE
        elif failing.should_disable:
            because = DisabledBecause.FAILING
        else:
            return None
        if not endpoints.disable(tx, lease.endpoint, because, now=epoch_ms(moment)):
            return None
        deliveries.dead_letter(tx, lease.endpoint, now=epoch_ms(moment))
        subscription = self._live.current.rules.subscription(lease.endpoint)
        event = endpoint_disabled(
            new_event_id(self._random),
            lease.endpoint,
            None if subscription is None else subscription.team,
            because,
            failing.since,
            moment,
        )
        self._publisher.elsewhere(tx, event, lease.endpoint, moment)
        return because

    def _claim(self, tx: Transaction, lane: str, limit: int) -> list[Lease]:
        now, delivery = self._now(), self._live.config.delivery
        if endpoints.health(tx, lane).disabled_at is not None:
            deliveries.dead_letter(tx, lane, now=now)  # left behind by a crashed process
            return []
        return deliveries.claim(
            tx,
            lane,
            now=now,
            until=now + int(delivery.timeout.total_seconds() * _LEASE_FACTOR * 1000),
            token=new_token(self._random),
            at_once=self.at_once,
            limit=limit,
        )

    def _tell(self, lease: Lease, outcome: AttemptOutcome, recorded: _Recorded) -> None:
        metrics, log = self._telemetry.metrics, self._telemetry.log
        metrics.delivery_attempted(lease.endpoint, outcome_word(outcome), outcome.latency_ms / 1000)
        log.info(
            "delivery.attempted",
            delivery=lease.id,
            event_id=lease.event.id,
            event_type=lease.event.type,
            endpoint=lease.endpoint,
            team=lease.event.team,
            job=lease.event.job_id,
            attempt=lease.attempts + 1,
            status=outcome.status,
            error_kind=None if outcome.error is None else outcome.error.value,
            outcome=outcome_word(outcome),
            milliseconds=outcome.latency_ms,
            state=recorded.state if recorded.held else "lease lost",
        )
        if not recorded.held:
            metrics.lease_lost("dispatcher")
        elif recorded.state != "pending":
            waited = self._clock.now() - lease.event.created_at
            metrics.delivery_ended(
                lease.endpoint, recorded.state, max(waited, timedelta()).total_seconds()
            )
            if recorded.state == "dead":
                log.warning("delivery.dead", delivery=lease.id, endpoint=lease.endpoint)
        if recorded.disabled is not None:
            log.warning(
                "endpoint.disabled", endpoint=lease.endpoint, reason=recorded.disabled.value
            )

    def _now(self) -> int:
        return epoch_ms(self._clock.now())


def outcome_word(outcome: AttemptOutcome) -> str:
    """Return an attempt's outcome as one word, for metrics."""
    if outcome.status is None:
        return "unreachable" if outcome.error is None else _BROKEN.get(outcome.error, "unreachable")
    if outcome.status in _STATUSES:
        return _STATUSES[outcome.status]
    return _CLASSES.get(outcome.status // 100, "failed")


_BROKEN = {
    ErrorKind.TIMEOUT: "timeout",
    ErrorKind.BLOCKED_ADDRESS: "blocked",
    ErrorKind.RESET: "cut",
    ErrorKind.PROTOCOL: "cut",
}
_STATUSES = {410: "gone", 429: "throttled"}
_CLASSES = {2: "delivered", 3: "redirected", 4: "refused"}

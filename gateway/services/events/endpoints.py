"""Operator actions on configured endpoints: show their health, test them, enable them."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.config.live import Live
from gateway.config.rules import Subscription
from gateway.domain.audit import Actor, AuditedAct
from gateway.domain.delivery import AttemptOutcome, signed_headers, without_secrets_of
from gateway.domain.errors import Reason, Refused
from gateway.domain.event import new_event_id, ping
from gateway.ports import Clock, Database, Outbound, Transaction
from gateway.services import audit
from gateway.store import counts, endpoints
from gateway.store.endpoints import Health


@dataclass(frozen=True, slots=True)
class Owed:
    """The undelivered events of one endpoint. `oldest_pending` is in epoch ms."""

    pending: int = 0
    dead: int = 0
    oldest_pending: int | None = None


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """One endpoint. `subscription` is None if the configuration no longer has it."""

    endpoint: str
    subscription: Subscription | None
    health: Health
    owed: Owed


class EndpointAdmin:
    """Shows, tests and enables endpoints."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        source: random.Random,
        outbound: Outbound,
        live: Live,
    ) -> None:
        """Create the service; `outbound` sends the pings."""
        self._database = database
        self._clock = clock
        self._random = source
        self._outbound = outbound
        self._live = live

    async def standing(self) -> Sequence[EndpointStatus]:
        """Return every configured endpoint, and others with undelivered events."""
        subscriptions = {s.endpoint: s for s in self._live.current.rules.subscriptions}

        def act(tx: Transaction) -> list[EndpointStatus]:
            fares, owed = endpoints.every(tx), _owed(tx)
            names = dict.fromkeys((*subscriptions, *sorted({*fares, *owed})))
            return [
                EndpointStatus(
                    name, subscriptions.get(name), fares.get(name, Health()), owed.get(name, Owed())
                )
                for name in names
            ]

        return await self._database.read(act)

    async def enable(self, name: str, by: Actor) -> str:
        """Enable an endpoint and return its full name. Dead deliveries stay dead.

        Raises:
            Refused: NOT_FOUND; INVALID_REQUEST if it is not disabled.

        """
        endpoint, now = self._resolve(name).endpoint, self._clock.now()

        def act(tx: Transaction) -> bool:
            enabled = endpoints.enable(tx, endpoint)
            if enabled:
                audit.record(tx, AuditedAct.ENDPOINT_ENABLED, by, endpoint, now)
            return enabled

        if not await self._database.write(act):
            raise Refused(Reason.INVALID_REQUEST, f"{endpoint} is not disabled.")
        return endpoint

    async def test(self, name: str) -> tuple[str, AttemptOutcome]:
        """Send a signed ping now, also to a disabled endpoint, without filters or storage.

        Raises:
            Refused: NOT_FOUND.

        """
        subscription, now = self._resolve(name), self._clock.now()
        event = ping(new_event_id(self._random), subscription.endpoint, subscription.team, now)
        headers = signed_headers(
            event.body,
            event_id=event.id,
            idempotency_key=event.idempotency_key,
            secrets=subscription.config.secrets,
            now=int(now.timestamp()),
        )
        config = subscription.config
        headers = {**config.own_headers, **headers}
        outcome = await self._outbound.send(config.url, headers, event.body, None)
        return subscription.endpoint, without_secrets_of(outcome, self._live.current.secrets)

    def _resolve(self, name: str) -> Subscription:
        """Return the endpoint with this full name, or with this short name if it is unique."""
        rules = self._live.current.rules
        full = rules.subscription(name)
        short = [s for s in rules.subscriptions if s.config.name == name]
        if full is not None or len(short) == 1:
            return full or short[0]
        names = ", ".join(s.endpoint for s in short or rules.subscriptions)
        shown = f"subscriber {name[:200]!r}"
        if short:
            message = f"{shown} is ambiguous; use a full name: {names}"
        elif names:
            message = f"unknown {shown}; configured subscribers: {names}"
        else:
            message = f"unknown {shown}; no subscribers are configured"
        raise Refused(Reason.NOT_FOUND, message)


def _owed(tx: Transaction) -> Mapping[str, Owed]:
    """Return undelivered events by endpoint; endpoints without any are left out."""
    found: dict[str, Owed] = {}
    for row in counts.undelivered(tx):
        known = found.get(row.endpoint, Owed())
        if row.state == "pending":
            found[row.endpoint] = Owed(row.deliveries, known.dead, row.oldest)
        else:
            found[row.endpoint] = Owed(known.pending, row.deliveries, known.oldest_pending)
    return found

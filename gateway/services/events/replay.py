"""Operator actions on deliveries: list them, replay one, or replay all dead ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.audit import Actor, AuditedAct
from gateway.domain.errors import Reason, Refused
from gateway.domain.sealed_url import is_sealed
from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database, Transaction
from gateway.services import audit
from gateway.store import callback_keys, delivery_queries, endpoints
from gateway.store.delivery_queries import AttemptRecord, DeliveryFilter, Shown

_BATCH = 500  # deliveries replayed in one transaction


@dataclass(frozen=True, slots=True)
class Detail:
    """One delivery with its attempts."""

    shown: Shown
    attempts: Sequence[AttemptRecord]


class DeliveryReplay:
    """Each method is one query, or one act that the audit trail records."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Create the service. It only makes deliveries due; the dispatcher sends them."""
        self._database = database
        self._clock = clock

    async def page(self, wanted: DeliveryFilter, limit: int) -> Sequence[Shown]:
        """Return deliveries, newest first."""
        return await self._database.read(lambda tx: delivery_queries.page(tx, wanted, limit))

    async def show(self, delivery_id: str) -> Detail:
        """Return one delivery with its attempts.

        Raises:
            Refused: NOT_FOUND.

        """

        def act(tx: Transaction) -> Detail:
            shown = _found(tx, delivery_id)
            return Detail(shown, delivery_queries.attempts(tx, delivery_id))

        return await self._database.read(act)

    async def replay(self, delivery_id: str, by: Actor) -> Shown:
        """Replay a delivery in any state now, with the event's original idempotency key.

        Raises:
            Refused: NOT_FOUND; ENDPOINT_DISABLED; INVALID_REQUEST while an attempt is running.

        """
        now = self._clock.now()

        def act(tx: Transaction) -> Shown:
            before = _found(tx, delivery_id)
            if endpoints.health(tx, before.endpoint).disabled_at is not None:
                raise _disabled(before.endpoint)
            if before.url is not None and is_sealed(before.url):
                _check_readable(tx, before)
            if not delivery_queries.replay(tx, delivery_id, now=epoch_ms(now)):
                raise Refused(
                    Reason.INVALID_REQUEST, f"{delivery_id} is being sent now; try again later."
                )
            audit.record(
                tx,
                AuditedAct.DELIVERY_REPLAYED,
                by,
                delivery_id,
                now,
                endpoint=before.endpoint,
                was=before.state,
            )
            return _found(tx, delivery_id)

        return await self._database.write(act)

    async def replay_dead(self, since: int, endpoint: str | None, by: Actor) -> int:
        """Replay the dead deliveries of events since `since` (epoch ms); return how many.

        The endpoints' concurrency limits apply. Deliveries of disabled endpoints are left out.

        Raises:
            Refused: ENDPOINT_DISABLED if `endpoint` is disabled.

        """
        if endpoint is not None:
            health = await self._database.read(lambda tx: endpoints.health(tx, endpoint))
            if health.disabled_at is not None:
                raise _disabled(endpoint)
        now, total = self._clock.now(), 0

        def act(tx: Transaction) -> int:
            count = delivery_queries.replay_dead(
                tx, since=since, endpoint=endpoint, now=epoch_ms(now), limit=_BATCH
            )
            if count:
                subject = endpoint or "every endpoint"
                audit.record(
                    tx,
                    AuditedAct.DELIVERY_REPLAYED,
                    by,
                    subject,
                    now,
                    since=since,
                    deliveries=count,
                )
            return count

        while count := await self._database.write(act):
            total += count
        return total


def _found(tx: Transaction, delivery_id: str) -> Shown:
    shown = delivery_queries.find(tx, delivery_id)
    if shown is None:
        raise Refused(Reason.NOT_FOUND, f"There is no delivery {delivery_id[:100]}.")
    return shown


def _disabled(endpoint: str) -> Refused:
    return Refused(
        Reason.ENDPOINT_DISABLED,
        f"{endpoint} is disabled. Enable it first (`video-gateway endpoints enable {endpoint}`).",
        {"endpoint": endpoint},
    )


def _check_readable(tx: Transaction, shown: Shown) -> None:
    if shown.job_id is None or not callback_keys.has_key(tx, shown.job_id):
        raise Refused(
            Reason.INVALID_REQUEST,
            f"{shown.id} can't be replayed: its callback URL was deleted after the last attempt,"
            " because its team retains nothing.",
        )

"""Turn a decision into what is written and sent: ids, fingerprint, forwarded body."""

import asyncio
import hashlib
import random
from collections.abc import Mapping
from typing import Any

import orjson

from gateway.domain.data_url import splice
from gateway.domain.fingerprint import fingerprint
from gateway.domain.job import new_job_id, new_token
from gateway.domain.units import epoch_ms
from gateway.domain.video import VideoRequest
from gateway.ports import Clock, Upstream
from gateway.services.links import Links
from gateway.services.off_loop import OffLoop
from gateway.services.submission.call import Call
from gateway.services.submission.decide import Decision
from gateway.services.submission.decision_records import DecisionRecords
from gateway.services.submission.dedupe import DedupeResult, Identity, hash_idempotency_key
from gateway.services.submission.flight import Flight
from gateway.services.submission.open_job import Opening
from gateway.store import jobs

_LEASE_MARGIN = 30.0  # seconds beyond the submit timeout in which the outcome gets written
_LARGE = 256 * 1024  # bytes from which hashing a body would block other requests for too long


class Preparer:
    """Creates flights; reads and writes nothing."""

    def __init__(
        self,
        clock: Clock,
        source: random.Random,
        upstreams: Mapping[str, Upstream],
        links: Links,
        secret: bytes,
        off_loop: OffLoop,
    ) -> None:
        """Create a preparer; `secret` keys fingerprints, `source` is the system's randomness."""
        self._records = DecisionRecords(clock)
        self._clock = clock
        self._random = source
        self._upstreams = upstreams
        self._links = links
        self._secret = secret
        self._off_loop = off_loop

    async def prepare(self, call: Call, decision: Decision, upstream: str) -> Flight:
        """Return the flight of an accepting decision that routes to this upstream."""
        token = new_token(self._random)
        callback_url = self._links.callback_url(upstream, token)

        def compute() -> tuple[Identity, bytes]:
            identity = self._identity(call, decision, upstream)
            return identity, forwarded(call.request.body, callback_url, decision.previous)

        identity, body = await self._off_loop.run(compute) if call.size > _LARGE else compute()
        record = self._records.of(decision)
        submit = decision.in_force.config.upstreams[upstream].timeout.submit.total_seconds()
        loop = asyncio.get_running_loop()
        return Flight(
            call=call,
            upstream=self._upstreams[upstream],
            body=body,
            opening=Opening(
                job=self._new_job(
                    call, decision, upstream, identity, token, submit + _LEASE_MARGIN
                ),
                decision=decision,
                identity=identity,
                callback_url=decision.callback,
                record=record,
                record_is_stored=self._records.is_stored(record),
            ),
            deadline=self._clock.monotonic() + submit,
            opened=loop.create_future(),
            answer=loop.create_future(),
            hidden=_hidden(call.request, decision, callback_url, token),
        )

    def wrote(self, flight: Flight) -> None:
        """Note that the flight's job is in the database, and its decision record with it."""
        self._records.was_stored(flight.opening.record)

    def _identity(self, call: Call, decision: Decision, upstream: str) -> Identity:
        dedupe = decision.in_force.config.teams[call.principal.team].dedupe
        key, zdr = call.idempotency_key, bool(decision.zdr)
        return Identity(
            team=call.principal.team,
            fingerprint=fingerprint(self._secret, call.request.body, upstream=upstream, zdr=zdr),
            ttl_ms=int(dedupe.ttl.total_seconds() * 1000),
            bypass=call.fresh or not dedupe.enabled,
            key_hash=None if key is None else hash_idempotency_key(key),
        )

    def _new_job(
        self,
        call: Call,
        decision: Decision,
        upstream: str,
        identity: Identity,
        token: str,
        lease: float,
    ) -> jobs.NewJob:
        now = self._clock.now()
        return jobs.NewJob(
            id=new_job_id(int(now.timestamp()), self._random),
            team=call.principal.team,
            key=call.principal.key,
            upstream=upstream,
            model=decision.model,
            created_at=epoch_ms(now),
            estimate_micros=decision.estimate_micros,
            zdr=bool(decision.zdr),
            retain=decision.retain,
            fingerprint=identity.fingerprint,
            dedupe=DedupeResult.BYPASS if identity.bypass else DedupeResult.MISS,
            profile=decision.profile,
            token_hash=hashlib.sha256(token.encode()).hexdigest(),
            decision="{}",  # written with the job, when the budgets have been looked at
            config_version=decision.in_force.version,
            request_id=call.request_id,
            traceparent=call.traceparent,
            lease_token=new_token(self._random),
            lease_until=epoch_ms(now) + int(lease * 1000),
            canonical_slug=decision.canonical_slug,
            catalog_micros=decision.catalog_micros,
        )


def _hidden(
    request: VideoRequest, decision: Decision, callback_url: str | None, token: str
) -> dict[str, str]:
    previous = decision.previous
    hidden = {token: "...", **dict.fromkeys(decision.in_force.secrets, "...")}
    if callback_url is not None:
        hidden[callback_url] = request.callback_url or "callback_url"
    if previous is not None:
        hidden[previous] = request.previous_job_id or ""
    return hidden


def forwarded(body: Mapping[str, Any], callback_url: str | None, previous: str | None) -> bytes:
    """Return the forwarded body: the client's, except for two fields that the gateway replaces.

    The upstream never gets the client's `callback_url`, because the gateway calls it.
    """
    onward = {name: value for name, value in body.items() if name != "callback_url"}
    if callback_url is not None:
        onward["callback_url"] = callback_url
    if previous is not None:
        onward["previous_job_id"] = previous
    return splice(orjson.dumps(onward), onward)

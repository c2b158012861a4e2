"""Construct the use cases over the foundation."""

import asyncio
from dataclasses import dataclass

from gateway.adapters.blobs import open_blobs
from gateway.app.foundation import Foundation, setting
from gateway.services.access.authenticate import Authenticator
from gateway.services.catalog import Catalogs
from gateway.services.content.assemble import Content
from gateway.services.events.deliver import Deliverer
from gateway.services.events.publish import EventPublisher
from gateway.services.job_cache import JobCache
from gateway.services.jobs.track import Tracker
from gateway.services.links import Links
from gateway.services.money.learned_costs import LearnedCosts
from gateway.services.operations.snapshot import SnapshotReader
from gateway.services.submission.callback import CallbackCheck
from gateway.services.submission.decide import Decider
from gateway.services.submission.prepare import Preparer
from gateway.services.submission.refuse import Refusals
from gateway.services.submission.send import UpstreamSubmitter
from gateway.services.submission.submit import Submitter

# Replicas that share a PostgreSQL see each other's changes this much later, at most
# (docs/architecture.md).
_SHARED_MAX_AGE = 0.8


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases that handlers and workers share."""

    job_cache: JobCache
    links: Links
    publisher: EventPublisher
    learned_costs: LearnedCosts
    tracker: Tracker
    catalogs: Catalogs
    decider: Decider
    submitter: Submitter
    authenticator: Authenticator
    deliverer: Deliverer
    content: Content
    snapshots: SnapshotReader


async def build_services(base: Foundation) -> Services:
    """Construct the services, and load what they keep in memory: API keys and catalogs."""
    database, clock, live, telemetry = base.database, base.clock, base.live, base.telemetry
    job_cache = JobCache(database, clock, max_age=_SHARED_MAX_AGE if base.shared else None)
    links = Links(live, clock, base.signing_key.encode())
    publisher = EventPublisher(live, links, base.source)
    learned_costs = LearnedCosts(database, clock)
    tracker = Tracker(
        database, clock, job_cache, live, publisher, telemetry, booked=learned_costs.forget
    )
    catalogs = Catalogs(database, clock, base.upstreams, live, telemetry)
    callbacks = CallbackCheck(base.outbound)
    decider = Decider(learned_costs, live, job_cache, catalogs, callbacks)
    content = await _content(base, job_cache)
    authenticator = Authenticator(database, live)
    await authenticator.refresh()
    await catalogs.load()
    return Services(
        job_cache=job_cache,
        links=links,
        publisher=publisher,
        learned_costs=learned_costs,
        tracker=tracker,
        catalogs=catalogs,
        decider=decider,
        submitter=_submitter(base, job_cache, links, publisher, tracker, decider),
        authenticator=authenticator,
        deliverer=Deliverer(
            database, clock, base.source, base.outbound, live, publisher, telemetry
        ),
        content=content,
        snapshots=SnapshotReader(
            database, base.inspection, clock, live, catalogs, content.asset_store, telemetry
        ),
    )


def _submitter(
    base: Foundation,
    job_cache: JobCache,
    links: Links,
    publisher: EventPublisher,
    tracker: Tracker,
    decider: Decider,
) -> Submitter:
    database, clock, source = base.database, base.clock, base.source
    secret = base.installation_secret.encode()
    return Submitter(
        database,
        clock,
        base.live,
        job_cache,
        decider,
        Preparer(clock, source, base.upstreams, links, secret, base.off_loop),
        UpstreamSubmitter(database, clock, tracker),
        Refusals(database, clock, source, base.telemetry),
        publisher,
        base.tasks,
        base.telemetry,
    )


async def _content(base: Foundation, job_cache: JobCache) -> Content:
    """Open the content store, and construct what works on it. Mode passthrough creates none."""
    settings = base.config.content
    creates = settings.mode != "passthrough"
    blobs = await asyncio.to_thread(open_blobs, settings.url, create=creates)
    if blobs is not None:
        base.stack.push_async_callback(blobs.close)
    content = Content.over(
        blobs,
        base.database,
        base.clock,
        base.source,
        base.upstreams,
        job_cache,
        settings,
        base.telemetry,
        installation=await setting(base.database, "installation_id"),
        shared=base.shared,
    )
    base.stack.push_async_callback(content.fetches.close)
    return content

"""The services that the handlers use, and their typed key in an application."""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from gateway.api.body_budget import BodyBudget
from gateway.api.public.model_lists import ModelLists
from gateway.api.public.prefer import Waits
from gateway.config.live import Live
from gateway.domain.token_buckets import TokenBuckets
from gateway.ports import Clock, Database
from gateway.services.access.authenticate import Authenticator
from gateway.services.catalog import Catalogs
from gateway.services.content.download import Downloader
from gateway.services.job_cache import JobCache
from gateway.services.jobs.receive_webhook import WebhookIntake
from gateway.services.jobs.serialize import JobSerializer
from gateway.services.links import Links
from gateway.services.off_loop import OffLoop
from gateway.services.submission.decide import Decider
from gateway.services.submission.dry_run import DryRun
from gateway.services.submission.submit import Submitter
from gateway.telemetry.bundle import Telemetry


@dataclass(frozen=True, slots=True)
class Parts:
    """The services behind the team-facing API."""

    clock: Clock
    database: Database
    live: Live
    bodies: BodyBudget
    model_lists: ModelLists
    waits: Waits
    streams: Waits
    webhook_bodies: BodyBudget
    hints: TokenBuckets
    connection_room: int  # client connections that may be open at once
    off_loop: OffLoop
    authenticator: Authenticator
    submitter: Submitter
    dry_run: DryRun
    decider: Decider
    job_cache: JobCache
    serializer: JobSerializer
    links: Links
    downloader: Downloader
    catalogs: Catalogs
    webhook_intake: WebhookIntake
    stalled_after: float
    """Seconds in which a client must take a piece of a video, or its connection is cut.

    A stalled client would hold files and connections for ever. A slow one goes on.
    """
    draining: Callable[[], bool]
    readiness: Callable[[], dict[str, str]]  # part -> "ok" or what is wrong with it
    telemetry: Telemetry


PARTS = web.AppKey("PARTS", Parts)

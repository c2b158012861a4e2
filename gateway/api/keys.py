"""What the handlers are given, and the typed key under which an application holds it."""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from gateway.config.live import Live
from gateway.ports import Clock
from gateway.services.authenticate import Authenticator
from gateway.services.catalog import Catalogs
from gateway.services.decide import Decider
from gateway.services.download import Downloader
from gateway.services.intake import WebhookIntake
from gateway.services.links import Links
from gateway.services.present import Presenter
from gateway.services.preview import Previewer
from gateway.services.submit import Submitter
from gateway.services.views import JobViews
from gateway.telemetry.bundle import Telemetry


@dataclass(frozen=True, slots=True)
class Parts:
    """The services behind the team-facing API."""

    clock: Clock
    live: Live
    authenticator: Authenticator
    submitter: Submitter
    previewer: Previewer
    decider: Decider
    views: JobViews
    presenter: Presenter
    links: Links
    downloader: Downloader
    catalogs: Catalogs
    intake: WebhookIntake
    readiness: Callable[[], dict[str, str]]  # part -> "ok" or what is wrong with it
    telemetry: Telemetry


PARTS = web.AppKey("PARTS", Parts)

"""The services that the admin handlers use."""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from gateway.config.live import Live
from gateway.ports import Clock, Database
from gateway.services.access.api_keys import Keyring
from gateway.services.access.authenticate import Authenticator
from gateway.services.content.delete import AssetDeleter
from gateway.services.events.endpoints import EndpointAdmin
from gateway.services.events.replay import DeliveryReplay
from gateway.services.jobs.operate import JobOperator
from gateway.services.money.learned_costs import LearnedCosts
from gateway.services.operations.snapshot import SnapshotReader
from gateway.telemetry.bundle import Telemetry


@dataclass(frozen=True, slots=True)
class AdminParts:
    """The services behind the operators' API."""

    clock: Clock
    database: Database
    live: Live
    own_token: Callable[[], str]
    """The generated token; made when it is asked for the first time."""
    keyring: Keyring
    asset_deleter: AssetDeleter
    authenticator: Authenticator
    snapshots: SnapshotReader
    replay: DeliveryReplay
    endpoints: EndpointAdmin
    job_operator: JobOperator
    learned_costs: LearnedCosts
    telemetry: Telemetry


ADMIN = web.AppKey("ADMIN", AdminParts)

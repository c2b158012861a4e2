"""What the admin handlers are given."""

from dataclasses import dataclass

from aiohttp import web

from gateway.config.live import Live
from gateway.ports import Clock, Database
from gateway.services.authenticate import Authenticator
from gateway.services.keyring import Keyring
from gateway.services.observe import Observer
from gateway.services.redeliver import Redeliverer
from gateway.services.subscribers import Subscribers
from gateway.services.withdraw import Withdrawer
from gateway.telemetry.bundle import Telemetry


@dataclass(frozen=True, slots=True)
class AdminParts:
    """The services behind the operators' API."""

    clock: Clock
    database: Database
    live: Live
    keyring: Keyring
    withdrawer: Withdrawer
    authenticator: Authenticator
    observer: Observer
    redeliverer: Redeliverer
    subscribers: Subscribers
    telemetry: Telemetry


ADMIN = web.AppKey("ADMIN", AdminParts)

"""The sandbox as an aiohttp application and as a running server."""

import ipaddress
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Self

from aiohttp import web

from gateway.sandbox.bodies import API
from gateway.sandbox.catalog import Catalog
from gateway.sandbox.clock import Clock, SandboxClock
from gateway.sandbox.config import SandboxConfig
from gateway.sandbox.content import Content
from gateway.sandbox.control import CONTROL, Control
from gateway.sandbox.errors import ApiError
from gateway.sandbox.fault_injection import NoResponse
from gateway.sandbox.faults import Faults
from gateway.sandbox.jobs import Ending, Job
from gateway.sandbox.ledger import Ledger, WebhookAttempt
from gateway.sandbox.models import Models
from gateway.sandbox.responses import PREFLIGHT, error_response
from gateway.sandbox.state import Films, SandboxState
from gateway.sandbox.videos import Videos
from gateway.sandbox.webhooks import Manner

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Sandbox:
    """One emulated service. Run it with `start`, or serve `application()` yourself."""

    def __init__(self, config: SandboxConfig | None = None, clock: Clock | None = None) -> None:
        """`clock` None: real time."""
        self._state = SandboxState.create(config or SandboxConfig(), clock or SandboxClock())
        self._runner: web.AppRunner | None = None
        self._address = ""

    @classmethod
    async def start(
        cls,
        config: SandboxConfig | None = None,
        clock: Clock | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> Self:
        """Start a sandbox; port 0 picks a free port. Call `close` at the end."""
        sandbox = cls(config, clock)
        runner = web.AppRunner(
            sandbox.application(), access_log=None, shutdown_timeout=0.5, keepalive_timeout=75.0
        )
        try:
            await runner.setup()
            site = web.TCPSite(runner, host, port)
            await site.start()
        except BaseException:
            await runner.cleanup()
            raise
        sandbox._runner = runner
        sandbox._address = _origin(runner)
        return sandbox

    @property
    def origin(self) -> str:
        """Return the origin, `http://host:port`."""
        return self._address

    @property
    def url(self) -> str:
        """Return the base URL for clients, with `/api/v1`."""
        return f"{self._address}{API}"

    @property
    def api_key(self) -> str:
        """Return a valid API key."""
        return self._state.config.api_keys[0]

    @property
    def control_token(self) -> str:
        """Return the bearer token of its control API."""
        return self._state.control_token

    @property
    def config(self) -> SandboxConfig:
        """Return its configuration."""
        return self._state.config

    @property
    def faults(self) -> Faults:
        """Return the queue of faults."""
        return self._state.faults

    @property
    def ledger(self) -> Ledger:
        """Return the ledger of calls and webhooks."""
        return self._state.ledger

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Return every job, in the order of acceptance."""
        return self._state.jobs.all()

    @property
    def films(self) -> Films:
        """Return what replaces its videos, for tests."""
        return self._state.films

    @property
    def catalog(self) -> Catalog:
        """Return its models."""
        return self._state.catalog

    @property
    def charged(self) -> Decimal:
        """Return the US dollars charged for all ended jobs."""
        return self._state.charged

    def job(self, job_id: str) -> Job:
        """Return one job; KeyError if there is no such job."""
        return self._state.job(job_id)

    def end(
        self,
        job_id: str,
        ending: Ending = "completed",
        *,
        cost: Decimal | None = None,
        error: str | None = None,
    ) -> Job:
        """End an open job now and send its webhook; ValueError if it has already ended."""
        return self._state.end(job_id, ending, cost=cost, error=error)

    async def send_webhook(
        self, job_id: str, manner: Manner = "genuine", url: str | None = None
    ) -> WebhookAttempt:
        """Send a job's event once, now, genuine or as an attacker would."""
        return await self._state.send_webhook(job_id, manner, url)

    async def reset(self) -> None:
        """Remove all jobs, faults and ledger entries."""
        await self._state.reset()

    async def close(self) -> None:
        """Stop listening and cancel all tasks. Idempotent."""
        self._state.closing.set()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        await self._state.webhook_sender.close()

    def application(self) -> web.Application:
        """Create the aiohttp application; its cleanup cancels all tasks."""
        state = self._state
        app = web.Application(
            client_max_size=state.config.max_body_bytes, middlewares=[self._respond]
        )
        videos, content, models = Videos(state), Content(state), Models(state)
        app.router.add_get(f"{API}/videos/models", models.videos, allow_head=False)
        app.router.add_get(f"{API}/models", models.general, allow_head=False)
        app.router.add_post(f"{API}/videos", videos.submit)
        app.router.add_get(f"{API}/videos/{{job_id}}", videos.poll, allow_head=False)
        app.router.add_get(f"{API}/videos/{{job_id}}/content", content.download, allow_head=False)
        app.router.add_get(
            "/stored/{job_id}/{index:[0-9]{1,4}}.mp4", content.stored, allow_head=False
        )
        Control(state).add_routes(app)
        app.on_shutdown.append(self._on_shutdown)
        app.on_cleanup.append(self._on_cleanup)
        return app

    @web.middleware
    async def _respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer CORS preflights and unknown paths as the service does, and count calls."""
        if request.method == "OPTIONS" and request.path.startswith(API):
            return web.Response(status=204, headers=PREFLIGHT)
        try:
            answer = (
                await handler(request)
                if _has_valid_host(request)
                else error_response(_INVALID_HOST)
            )
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            answer = error_response(ApiError(404))
        if not request.path.startswith(CONTROL):
            status = "cut" if isinstance(answer, NoResponse) else answer.status
            self._state.ledger.counted(_route(request), status)
        return answer

    async def _on_shutdown(self, _: web.Application) -> None:
        self._state.closing.set()

    async def _on_cleanup(self, _: web.Application) -> None:
        await self._state.webhook_sender.close()


_INVALID_HOST = ApiError(400, "Invalid Host header")


def _has_valid_host(request: web.Request) -> bool:
    """Whether the Host header is valid; aiohttp parses it only on access to `url`."""
    try:
        return bool(request.url.host)
    except ValueError:
        return False


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical}" if resource is not None else "unknown"


def _origin(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    try:
        is_ipv6 = ipaddress.ip_address(host).version == 6
    except ValueError:
        is_ipv6 = False
    return f"http://[{host}]:{port}" if is_ipv6 else f"http://{host}:{port}"

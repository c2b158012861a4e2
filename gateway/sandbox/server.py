"""The sandbox as an aiohttp application, and as a running server for tests and demos."""

import ipaddress
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Self

from aiohttp import web

from gateway.sandbox.answers import PREFLIGHT, error_answer
from gateway.sandbox.clock import Clock, SandboxClock
from gateway.sandbox.config import SandboxConfig
from gateway.sandbox.content import Content
from gateway.sandbox.control import CONTROL, Control
from gateway.sandbox.courier import Manner
from gateway.sandbox.errors import ApiError
from gateway.sandbox.faults import Faults
from gateway.sandbox.jobs import Ending, Job
from gateway.sandbox.ledger import Ledger, SubmitAttempt
from gateway.sandbox.models import Models
from gateway.sandbox.spoil import Unanswered
from gateway.sandbox.videos import Videos
from gateway.sandbox.views import API
from gateway.sandbox.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Sandbox:
    """One emulated service. Start it with `start`, or mount `application()` yourself."""

    def __init__(self, config: SandboxConfig | None = None, clock: Clock | None = None) -> None:
        """`clock` None: real time."""
        self._world = World.made(config or SandboxConfig(), clock or SandboxClock())
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
        """A sandbox that listens; port 0 takes a free one. `close` it."""
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
        """`http://host:port` where it listens."""
        return self._address

    @property
    def url(self) -> str:
        """The base URL for clients, with `/api/v1`."""
        return f"{self._address}{API}"

    @property
    def api_key(self) -> str:
        """A key it takes."""
        return self._world.config.api_keys[0]

    @property
    def config(self) -> SandboxConfig:
        """What it was told."""
        return self._world.config

    @property
    def faults(self) -> Faults:
        """What shall go wrong next."""
        return self._world.faults

    @property
    def ledger(self) -> Ledger:
        """What it saw and did."""
        return self._world.ledger

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Every job, in the order of acceptance."""
        return self._world.jobs.all()

    @property
    def charged(self) -> Decimal:
        """US dollars that all jobs that are over have cost."""
        return self._world.charged

    def job(self, job_id: str) -> Job:
        """One job; KeyError if there is none of that id."""
        return self._world.job(job_id)

    def end(
        self,
        job_id: str,
        ending: Ending = "completed",
        *,
        cost: Decimal | None = None,
        error: str | None = None,
    ) -> Job:
        """End an open job now, and tell its callback; ValueError if it is over already."""
        return self._world.end(job_id, ending, cost=cost, error=error)

    async def send_webhook(
        self, job_id: str, manner: Manner = "genuine", url: str | None = None
    ) -> SubmitAttempt:
        """Send a job's event once, now, as it should be or as an attacker would."""
        return await self._world.send_webhook(job_id, manner, url)

    async def reset(self) -> None:
        """Forget jobs, faults and the ledger."""
        await self._world.reset()

    async def close(self) -> None:
        """Stop listening and end everything under way. May be called twice."""
        self._world.closing.set()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        await self._world.courier.close()

    def application(self) -> web.Application:
        """The routes, to run where you like; its cleanup ends what is under way."""
        world = self._world
        app = web.Application(
            client_max_size=world.config.max_body_bytes, middlewares=[self._answered]
        )
        videos, content, models = Videos(world), Content(world), Models(world)
        app.router.add_get(f"{API}/videos/models", models.videos, allow_head=False)
        app.router.add_get(f"{API}/models", models.general, allow_head=False)
        app.router.add_post(f"{API}/videos", videos.submit)
        app.router.add_get(f"{API}/videos/{{job_id}}", videos.poll, allow_head=False)
        app.router.add_get(f"{API}/videos/{{job_id}}/content", content.download, allow_head=False)
        app.router.add_get(
            "/stored/{job_id}/{index:[0-9]{1,4}}.mp4", content.stored, allow_head=False
        )
        Control(world).add_routes(app)
        app.on_shutdown.append(self._shutting_down)
        app.on_cleanup.append(self._cleaned_up)
        return app

    @web.middleware
    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Unknown paths are 404 in the service's words, preflights are 204, answers are counted."""
        if request.method == "OPTIONS" and request.path.startswith(API):
            return web.Response(status=204, headers=PREFLIGHT)
        try:
            answer = await handler(request) if _has_a_host(request) else error_answer(_BAD_HOST)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            answer = error_answer(ApiError(404))
        if not request.path.startswith(CONTROL):
            status = "cut" if isinstance(answer, Unanswered) else answer.status
            self._world.ledger.counted(_kind(request), status)
        return answer

    async def _shutting_down(self, _: web.Application) -> None:
        self._world.closing.set()

    async def _cleaned_up(self, _: web.Application) -> None:
        await self._world.courier.close()


_BAD_HOST = ApiError(400, "The Host header is not a host")


def _has_a_host(request: web.Request) -> bool:
    """aiohttp looks at the Host header only when the URL is asked for, and raises then."""
    try:
        return bool(request.url.host)
    except ValueError:
        return False


def _kind(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical}" if resource is not None else "unknown"


def _origin(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    try:
        six = ipaddress.ip_address(host).version == 6
    except ValueError:
        six = False
    return f"http://[{host}]:{port}" if six else f"http://{host}:{port}"

"""Whole gateways for tests: in this process, over real HTTP, before a sandbox upstream.

    async with Sandbox.start(...) as ...        # or the fixture `sandbox` of tests/api/conftest.py
    async with running_gateway(sandbox, database_url, clock=clock) as gateway:
        job = await gateway.job(prompt="a cat")             # POST /api/v1/videos, must be 202
        await gateway.ended(job)                            # the clock runs until it is over
        answer = await gateway.get(f"/videos/{job}")        # Answer(status, headers, body)

Two teams exist, `growth` and `rivals`, each with one key (`KEYS`). Two gateways may share one
PostgreSQL and one clock. Leaving the block fails if the gateway logged an error that the test did
not announce (`expected_errors`): no test passes over a hidden failure.
"""

import asyncio
import io
import json
import random
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import ClientSession, web
from multidict import CIMultiDictProxy

from gateway.adapters.admin_token import read_token, token_path
from gateway.adapters.clock import SystemClock
from gateway.adapters.database import open_database
from gateway.app import Gateway, Outside, open_gateway
from gateway.config.loader import parse
from gateway.domain.team import hash_key
from gateway.ports import Clock, Database, Transaction
from gateway.sandbox import Sandbox
from gateway.server import http_runner
from gateway.telemetry.bundle import Telemetry, open_telemetry
from tests.fakes.clock import FakeClock

KEYS = {"growth": "vg_" + "g" * 40, "rivals": "vg_" + "r" * 40}
"""Team -> its key, named `ci` in the configuration."""

GROK = {"model": "x-ai/grok-imagine-video", "prompt": "a lighthouse", "duration": 1}
"""A cheap request that is right in every way."""

_PATIENCE = 30.0  # real seconds that a test waits for what must come
_STEP = 0.25  # seconds by which a clock that stands still is moved while waiting


@dataclass(frozen=True)
class Answer:
    """A response, read whole."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """The gateway's own reason for refusing."""
        reason: str = self.json["error"]["metadata"]["gateway"]["reason"]
        return reason


@dataclass
class RunningGateway:
    """A gateway that serves, and a client of it."""

    gateway: Gateway
    origin: str  # http://127.0.0.1:port, also the configured public_url
    admin_url: str  # http://127.0.0.1:port of the operators' listener
    clock: Clock
    database: Database
    http: ClientSession
    telemetry: Telemetry
    log: io.StringIO

    @property
    def admin_token(self) -> str:
        """The generated token of the operators' API; none where the configuration has tokens."""
        config = self.gateway.live.config
        return "" if config.admin.tokens else read_token(token_path(config))

    @property
    def base(self) -> str:
        """What a client calls its base URL."""
        return f"{self.origin}/api/v1"

    async def call(
        self, method: str, path: str, *, team: str | None = "growth", **options: Any
    ) -> Answer:
        """One request. `path` below /api/v1, or a whole URL; `team` None sends no key."""
        url = path if path.startswith("http") else f"{self.base}{path}"
        headers = {} if team is None else {"Authorization": f"Bearer {KEYS[team]}"}
        if url.startswith(f"{self.admin_url}/admin/"):
            headers = {"Authorization": f"Bearer {self.admin_token}"}
        headers |= options.pop("headers", {})
        async with self.http.request(
            method, url, headers=headers, allow_redirects=False, **options
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, **options: Any) -> Answer:
        """GET; as `call`."""
        return await self.call("GET", path, **options)

    async def submit(self, *, team: str | None = "growth", **fields: Any) -> Answer:
        """POST /videos with a right request, changed by `fields`; None leaves a field out."""
        body = {name: value for name, value in {**GROK, **fields}.items() if value is not None}
        return await self.call("POST", "/videos", team=team, json=body)

    async def job(self, *, team: str = "growth", **fields: Any) -> str:
        """The id of a job that was taken."""
        answer = await self.submit(team=team, **fields)
        assert answer.status == 202, answer.body
        return str(answer.json["id"])

    async def status(self, job_id: str, *, team: str = "growth") -> str:
        """What a poll says."""
        return str((await self.get(f"/videos/{job_id}", team=team)).json["status"])

    async def ended(self, job_id: str, *, team: str = "growth") -> Any:
        """Let time pass until the job is over; its last poll."""

        async def over() -> Any:
            body = (await self.get(f"/videos/{job_id}", team=team)).json
            return body if body["status"] not in ("pending", "in_progress") else None

        return await self.until(over)

    async def completed(self, *, team: str = "growth", **fields: Any) -> str:
        """The id of a job that was taken and is done."""
        job_id = await self.job(team=team, **fields)
        body = await self.ended(job_id, team=team)
        assert body["status"] == "completed", body
        return job_id

    async def until(self, true: Callable[[], Awaitable[Any]]) -> Any:
        """Let time pass until `true` gives something, and give that."""
        return await until(true, self.clock)

    async def row(self, sql: str, **params: str | int) -> Mapping[str, Any]:
        """The first row of a query."""

        def act(tx: Transaction) -> Mapping[str, Any]:
            row = tx.fetchrow(sql, **params)
            assert row is not None, "no row"
            return dict(row)

        return await self.database.read(act)

    def lines(self) -> list[dict[str, Any]]:
        """What was logged so far, in order."""
        assert self.telemetry.pipe is not None
        assert self.telemetry.pipe.flush()
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def told(self, event: str) -> list[dict[str, Any]]:
        """The log lines of one kind."""
        return [line for line in self.lines() if line["event"] == event]


async def until(true: Callable[[], Awaitable[Any]], clock: Clock | None = None) -> Any:
    """Wait until `true` gives something; a clock that stands still is moved meanwhile.

    Raises:
        TimeoutError: it did not within thirty real seconds.

    """
    async with asyncio.timeout(_PATIENCE):
        while not (found := await true()):
            if isinstance(clock, FakeClock):
                await clock.advance(_STEP)
            await asyncio.sleep(0.002)
        return found


@asynccontextmanager
async def flowing(clock: FakeClock) -> AsyncIterator[None]:
    """Time passes by itself while the block runs, for clients that poll in their own way."""

    async def flow() -> None:
        while True:
            await clock.advance(_STEP)
            await asyncio.sleep(0.002)

    task = asyncio.create_task(flow())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def running_gateway(
    upstreams: Sandbox | Mapping[str, Sandbox],
    database_url: str,
    overrides: Mapping[str, Any] | None = None,
    *,
    clock: Clock | None = None,
    expected_errors: Collection[str] = (),
    wrap_database: Callable[[Database], Database] | None = None,
    await_catalog: bool = True,
    keepalive: float = 15.0,
    outside: Outside | None = None,
) -> AsyncIterator[RunningGateway]:
    """A gateway that serves while the block runs, its catalog loaded.

    `upstreams`: one sandbox, called `sandbox` in the configuration, or several by name.
    `overrides` are merged into the configuration, mappings deeply; `{"upstreams": {"*": ...}}`
    into every upstream. `clock` None is real time. `expected_errors` are log events of level error
    or above that the test provokes. `keepalive` is how many seconds a request's headers may take.
    `wrap_database` may put a fake around the real database, `outside` replaces other doors.
    """
    log = io.StringIO()
    if isinstance(upstreams, Sandbox):
        upstreams = {"sandbox": upstreams}
    with (
        socket.create_server(("127.0.0.1", 0)) as public,
        socket.create_server(("127.0.0.1", 0)) as admin,
        tempfile.TemporaryDirectory(prefix="gateway-content-") as folder,
    ):
        document = _document(upstreams, database_url, _origin(public), folder, overrides or {})
        loaded = parse(json.dumps(document), {}, "test")
        config = loaded.config
        telemetry = open_telemetry(
            config.telemetry.log_level,
            "json",
            teams=config.teams,
            upstreams=config.upstreams,
            otlp_endpoint=config.telemetry.otlp_endpoint,
            stream=log,
        )
        try:
            async with (
                open_gateway(
                    config,
                    loaded.version,
                    clock=clock or SystemClock(),
                    source=random.SystemRandom(),
                    telemetry=telemetry,
                    outside=_outside(outside or Outside(), wrap_database),
                ) as gateway,
                _serving(gateway.public, public, keepalive),
                _serving(gateway.admin, admin, keepalive),
                ClientSession() as http,
            ):
                running = RunningGateway(
                    gateway=gateway,
                    origin=_origin(public),
                    admin_url=_origin(admin),
                    clock=clock or SystemClock(),
                    database=gateway.database,
                    http=http,
                    telemetry=telemetry,
                    log=log,
                )
                if await_catalog:
                    await until(_ready(running))
                yield running
            _no_hidden_errors(running, expected_errors)
        finally:
            await asyncio.to_thread(telemetry.close)  # a collector may be on this loop


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, mappings deeply; a change to None removes the key."""
    result = dict(base)
    for name, value in changes.items():
        before = result.get(name)
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(before, Mapping):
            result[name] = merged(before, value)
        else:
            result[name] = value
    return result


def _document(
    upstreams: Mapping[str, Sandbox],
    database_url: str,
    origin: str,
    folder: str,
    overrides: Mapping[str, Any],
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "server": {"public_url": origin, "drain_seconds": 5},
        "database": {"url": database_url},
        "content": {"mode": "passthrough", "url": folder},
        "upstreams": {
            name: {
                "base_url": sandbox.url,
                "api_key": sandbox.api_key,
                "poll": {"first": "1s", "factor": "1", "max": "1s"},
            }
            for name, sandbox in upstreams.items()
        },
        "teams": {
            name: {"keys": [{"name": "ci", "hash": hash_key(key)}]} for name, key in KEYS.items()
        },
    }
    changes = dict(overrides)
    every = dict(changes.get("upstreams", {}))
    for_all = every.pop("*", {})
    if "upstreams" in changes:
        changes["upstreams"] = every
    for name in document["upstreams"]:
        document["upstreams"][name] = merged(document["upstreams"][name], for_all)
    return merged(document, changes)


@asynccontextmanager
async def _serving(
    app: web.Application, listening: socket.socket, keepalive: float
) -> AsyncIterator[None]:
    runner = http_runner(app, 1.0, keepalive=keepalive)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        yield
    finally:
        await runner.cleanup()


def _outside(outside: Outside, wrap: Callable[[Database], Database] | None) -> Outside:
    """Put a fake around every database that is opened."""
    if wrap is None:
        return outside

    async def opened(url: str, **options: Any) -> Any:
        return wrap(await open_database(url, **options))

    return replace(outside, open_database=opened)


def _ready(running: RunningGateway) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return (await running.get(f"{running.origin}/readyz", team=None)).status == 200

    return ready


def _no_hidden_errors(running: RunningGateway, expected: Collection[str]) -> None:
    # An exporter of spans of an earlier test in this process may still give up.
    exports = running.gateway.live.config.telemetry.otlp_endpoint is not None
    hidden = [
        line
        for line in running.lines()
        if line["level"] in ("error", "critical")
        and line["event"] not in expected
        and (exports or not str(line.get("logger", "")).startswith("opentelemetry"))
    ]
    assert not hidden, hidden


def _origin(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{host}:{port}"

"""/sandbox/v1: rehearse faults, move time, read the ledger.

No part of OpenRouter's API. Guarded by a token if there is one, else open to loopback peers only;
a POST must say that it is JSON, so that a web page in the same machine's browser can't send it.
"""

import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.sandbox.clock import Movable
from gateway.sandbox.faults import Fault
from gateway.sandbox.ledger import plain
from gateway.sandbox.world import World

CONTROL = "/sandbox/v1"

Dollars = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=10**9, allow_inf_nan=False)]
Command = Callable[[web.Request], Awaitable[Any]]


class _Wanted(BaseModel):
    """A control body: what it does not know is a mistake worth hearing of."""

    model_config = ConfigDict(extra="forbid")


class WantedFault(_Wanted):
    """Fields of Fault, with `on` for its target and `times` for how many calls it meets."""

    on: str
    action: str
    times: Annotated[int, Field(ge=1, le=10_000)] = 1
    accept: bool | None = None
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    message: str | None = None
    metadata: dict[str, Any] | None = None
    body: str | None = None
    headers: dict[str, str] = {}
    retry_after: Annotated[int, Field(ge=0)] | None = None
    location: str | None = None
    seconds: Seconds | None = None
    after_bytes: Annotated[int, Field(ge=0)] | None = None
    copies: Annotated[int, Field(ge=1, le=100)] = 2
    cost: Dollars | None = None
    outputs: Annotated[int, Field(ge=1, le=10)] | None = None
    is_byok: bool | None = None
    error: str | None = None
    model: str | None = None
    job_id: str | None = None


class WantedEnd(_Wanted):
    """How a job shall end."""

    status: Literal["completed", "failed", "cancelled", "expired"] = "completed"
    cost: Dollars | None = None
    error: str | None = None


class WantedWebhook(_Wanted):
    """How an event shall be sent, and where to if not to the job's own callback."""

    manner: Literal["genuine", "forge", "tamper", "stale", "unsigned"] = "genuine"
    url: str | None = None


class WantedTime(_Wanted):
    """How far to move the clock."""

    seconds: Seconds


WantedT = TypeVar("WantedT", bound=_Wanted)


class _Mistake(Exception):
    """What the caller did wrong, in words, and the status that says so."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class Control:
    """Handlers of the control routes."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add_routes(self, app: web.Application) -> None:
        """All of them."""
        app.router.add_get(f"{CONTROL}/health", self._health)
        app.router.add_get(f"{CONTROL}/faults", self._guarded(self._list_faults))
        app.router.add_post(f"{CONTROL}/faults", self._guarded(self._add_fault))
        app.router.add_delete(f"{CONTROL}/faults", self._guarded(self._clear_faults))
        app.router.add_get(f"{CONTROL}/ledger", self._guarded(self._ledger))
        app.router.add_post(f"{CONTROL}/reset", self._guarded(self._reset))
        app.router.add_post(f"{CONTROL}/advance", self._guarded(self._advance))
        app.router.add_post(f"{CONTROL}/jobs/{{job_id}}/end", self._guarded(self._end))
        app.router.add_post(f"{CONTROL}/jobs/{{job_id}}/webhook", self._guarded(self._webhook))

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _list_faults(self, _: web.Request) -> Any:
        return {"waiting": [_fault_view(fault) for fault in self._world.faults.waiting]}

    async def _add_fault(self, request: web.Request) -> Any:
        wanted = await _read(request, WantedFault)
        details = wanted.model_dump(exclude_unset=True, exclude={"on", "action", "times"})
        try:
            self._world.faults.put(Fault(wanted.on, wanted.action, **details), times=wanted.times)
        except ValueError as error:
            raise _Mistake(400, str(error)) from error
        return await self._list_faults(request)

    async def _clear_faults(self, request: web.Request) -> Any:
        self._world.faults.clear()
        return await self._list_faults(request)

    async def _ledger(self, _: web.Request) -> Any:
        return self._world.document()

    async def _reset(self, _: web.Request) -> Any:
        await self._world.reset()
        return self._world.document()

    async def _advance(self, request: web.Request) -> Any:
        wanted = await _read(request, WantedTime)
        clock = self._world.clock
        if not isinstance(clock, Movable):
            raise _Mistake(409, "this sandbox was given a clock that cannot be moved")
        await clock.advance(wanted.seconds)
        return {"elapsed_seconds": round(clock.monotonic(), 3)}

    async def _end(self, request: web.Request) -> Any:
        job_id = request.match_info["job_id"]
        wanted = await _read(request, WantedEnd)
        try:
            job = self._world.end(job_id, wanted.status, cost=wanted.cost, error=wanted.error)
        except (KeyError, ValueError) as error:
            raise _unfit(job_id, error) from error
        return self._world.job_view(job)

    async def _webhook(self, request: web.Request) -> Any:
        job_id = request.match_info["job_id"]
        wanted = await _read(request, WantedWebhook)
        try:
            attempt = await self._world.send_webhook(job_id, wanted.manner, wanted.url)
        except (KeyError, ValueError) as error:
            raise _unfit(job_id, error) from error
        return plain(asdict(attempt))

    def _guarded(self, act: Command) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            try:
                self._check_caller(request)
                return web.json_response(await act(request))
            except _Mistake as mistake:
                return web.json_response({"error": str(mistake)}, status=mistake.status)

        return handler

    def _check_caller(self, request: web.Request) -> None:
        token = self._world.config.control_token
        if token is not None:
            given = request.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
                raise _Mistake(401, "the control API wants its own bearer token")
        elif not _is_loopback(request.remote):
            raise _Mistake(403, "without a control token, the control API is for loopback only")
        elif not _is_own_name(request.headers.get("Host", "")):
            raise _Mistake(403, "without a control token, ask by localhost or a loopback address")
        if _from_another_page(request):
            raise _Mistake(403, "the request comes from another site's page")
        if request.method == "POST" and request.content_type != "application/json":
            raise _Mistake(415, "send JSON, and Content-Type: application/json")


def _is_own_name(given: str) -> bool:
    """Return whether a Host header names loopback: with DNS rebinding it names the page's site."""
    try:
        host = urlsplit(f"//{given}").hostname or ""
    except ValueError:
        return False
    return host == "localhost" or _is_loopback(host)


def _from_another_page(request: web.Request) -> bool:
    """Return whether a browser says that another site's page began the request."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None and site not in ("same-origin", "none"):
        return True
    return origin is not None and origin != f"http://{request.headers.get('Host', '')}"


async def _read(request: web.Request, kind: type[WantedT]) -> WantedT:
    try:
        return kind.model_validate(json.loads(await request.read() or b"{}"))
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise _Mistake(400, "; ".join(faults)) from error
    except (ValueError, RecursionError) as error:
        raise _Mistake(400, "the body is not JSON") from error


def _unfit(job_id: str, error: Exception) -> _Mistake:
    if isinstance(error, KeyError):
        return _Mistake(404, f"there is no job {job_id}")
    return _Mistake(409, str(error))


def _fault_view(fault: Fault) -> dict[str, Any]:
    view = plain({key: value for key, value in asdict(fault).items() if value is not None})
    return {"on": view.pop("target"), **view}


def _is_loopback(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False

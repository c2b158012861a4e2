"""The control API /sandbox/v1: inject faults, advance the clock, read the ledger.

It is not part of OpenRouter's API. It requires its token, which is random if none is configured.
The peer's address is no credential, because a web page in a browser on this machine has it, too.
"""

import asyncio
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

from gateway.sandbox.clock import AdvanceableClock
from gateway.sandbox.faults import Fault
from gateway.sandbox.ledger import plain
from gateway.sandbox.state import SandboxState

CONTROL = "/sandbox/v1"

Dollars = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=10**9, allow_inf_nan=False)]
Handler = Callable[[web.Request], Awaitable[Any]]


class _Command(BaseModel):
    """The body of a control request; it rejects unknown fields."""

    model_config = ConfigDict(extra="forbid")


class FaultCommand(_Command):
    """The fields of Fault, with `on` for its target and `times` for how many calls it affects."""

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


class EndCommand(_Command):
    """How to end a job."""

    status: Literal["completed", "failed", "cancelled", "expired"] = "completed"
    cost: Dollars | None = None
    error: str | None = None


class WebhookCommand(_Command):
    """How to send an event, and where to, by default the job's callback."""

    manner: Literal["genuine", "forge", "tamper", "stale", "unsigned"] = "genuine"
    url: str | None = None


class AdvanceCommand(_Command):
    """By how much to advance the clock."""

    seconds: Seconds


CommandT = TypeVar("CommandT", bound=_Command)


class _ControlError(Exception):
    """An invalid control request: the HTTP status and the message."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class Control:
    """Handlers of the control routes."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def add_routes(self, app: web.Application) -> None:
        """Add all control routes."""
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
        return {"waiting": [_fault_json(fault) for fault in self._state.faults.waiting]}

    async def _add_fault(self, request: web.Request) -> Any:
        command = await _read(request, FaultCommand)
        details = command.model_dump(exclude_unset=True, exclude={"on", "action", "times"})
        try:
            self._state.faults.put(
                Fault(command.on, command.action, **details), times=command.times
            )
        except ValueError as error:
            raise _ControlError(400, str(error)) from error
        return await self._list_faults(request)

    async def _clear_faults(self, request: web.Request) -> Any:
        self._state.faults.clear()
        return await self._list_faults(request)

    async def _ledger(self, _: web.Request) -> Any:
        return self._state.document()

    async def _reset(self, _: web.Request) -> Any:
        await self._state.reset()
        return self._state.document()

    async def _advance(self, request: web.Request) -> Any:
        command = await _read(request, AdvanceCommand)
        clock = self._state.clock
        if not isinstance(clock, AdvanceableClock):
            raise _ControlError(409, "the clock of this sandbox can't be advanced")
        await clock.advance(command.seconds)
        return {"elapsed_seconds": round(clock.monotonic(), 3)}

    async def _end(self, request: web.Request) -> Any:
        job_id = request.match_info["job_id"]
        command = await _read(request, EndCommand)
        try:
            job = self._state.end(job_id, command.status, cost=command.cost, error=command.error)
        except (KeyError, ValueError) as error:
            raise _job_error(job_id, error) from error
        return self._state.job_json(job)

    async def _webhook(self, request: web.Request) -> Any:
        job_id = request.match_info["job_id"]
        command = await _read(request, WebhookCommand)
        try:
            attempt = await self._state.send_webhook(job_id, command.manner, command.url)
        except (KeyError, ValueError) as error:
            raise _job_error(job_id, error) from error
        return plain(asdict(attempt))

    def _guarded(self, handle: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            try:
                self._check_caller(request)
                return web.json_response(await handle(request))
            except _ControlError as error:
                return web.json_response({"error": str(error)}, status=error.status)

        return handler

    def _check_caller(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._state.control_token}".encode()):
            raise _ControlError(
                401,
                "the control API requires the control token as a bearer token; the sandbox prints"
                " it at the start",
            )
        if _is_loopback(request.transport) and not _is_own_name(request.headers.get("Host", "")):
            raise _ControlError(403, "use localhost or a loopback address as the host")
        if _from_another_page(request):
            raise _ControlError(403, "the request comes from another site's page")
        if request.method == "POST" and request.content_type != "application/json":
            raise _ControlError(415, "send JSON with Content-Type: application/json")


def _is_own_name(given: str) -> bool:
    """Return whether a Host header names loopback: with DNS rebinding it names the page's site."""
    try:
        host = urlsplit(f"//{given}").hostname or ""
    except ValueError:
        return False
    return host == "localhost" or _is_loopback_address(host)


def _from_another_page(request: web.Request) -> bool:
    """Return whether a browser says that another site's page began the request."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None and site not in ("same-origin", "none"):
        return True
    return origin is not None and origin != f"http://{request.headers.get('Host', '')}"


async def _read(request: web.Request, kind: type[CommandT]) -> CommandT:
    try:
        return kind.model_validate(json.loads(await request.read() or b"{}"))
    except ValidationError as error:
        issues = (f"{'.'.join(map(str, issue['loc']))}: {issue['msg']}" for issue in error.errors())
        raise _ControlError(400, "; ".join(issues)) from error
    except (ValueError, RecursionError) as error:
        raise _ControlError(400, "the body is not JSON") from error


def _job_error(job_id: str, error: Exception) -> _ControlError:
    if isinstance(error, KeyError):
        return _ControlError(404, f"job {job_id} not found")
    return _ControlError(409, str(error))


def _fault_json(fault: Fault) -> dict[str, Any]:
    document = plain({key: value for key, value in asdict(fault).items() if value is not None})
    return {"on": document.pop("target"), **document}


def _is_loopback(transport: asyncio.BaseTransport | None) -> bool:
    """Return whether the listener of this connection has a loopback address."""
    name = None if transport is None else transport.get_extra_info("sockname")
    return isinstance(name, tuple) and _is_loopback_address(str(name[0]))


def _is_loopback_address(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False

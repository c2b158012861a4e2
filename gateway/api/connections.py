"""Limit connections, and answer what aiohttp rejects before the application.

aiohttp answers a malformed request, an unknown `Expect` and a failure below the middleware as
text, without an id, and repeats what the client sent. Here they get the error body.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from gateway.api.errors import refusal
from gateway.domain.errors import Reason, Refused
from gateway.domain.network import Network
from gateway.telemetry.bundle import Telemetry

HEADER_SECONDS = 10.0
"""The time from the first byte of a request to the end of its headers."""

_LOG_EVERY = 10.0  # seconds between two log lines about bad requests, which count the others

Hot = Callable[[web.BaseRequest], web.StreamResponse | None]
"""Answers at once, or leaves it to the application."""

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class ConnectionLimits:
    """Limits open connections. `most` is for all peers together, because descriptors are reserved.

    `header_seconds`: how long the headers of a request may take.
    """

    per_peer: Callable[[], int] = lambda: 256
    trusted: Callable[[], Sequence[Network]] = tuple
    most: int = 100_000
    header_seconds: float = HEADER_SECONDS
    _open: int = 0
    _unknown: Counter[str] = field(default_factory=Counter)

    def admit(self, peer: str) -> bool:
        """Count a new connection without a valid key; False if it must be closed."""
        if self._open >= self.most:
            return False
        if self._unknown[peer] >= self.per_peer() and not self._is_trusted(peer):
            return False
        self._open += 1
        self._unknown[peer] += 1
        return True

    def known(self, peer: str) -> None:
        """Stop counting a connection for its peer, after a request with a valid key."""
        self._unknown[peer] -= 1
        if self._unknown[peer] <= 0:
            del self._unknown[peer]

    def closed(self) -> None:
        """Count a closed connection."""
        self._open -= 1

    def _is_trusted(self, peer: str) -> bool:
        networks = self.trusted()
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in networks)


class BadRequestLog:
    """Counts malformed requests, and logs one line for many."""

    def __init__(self, telemetry: Telemetry, listener: str) -> None:
        """`listener` as in `request.ended`."""
        self._telemetry = telemetry
        self._listener = listener
        self._unlogged = 0
        self._quiet_until = 0.0

    def note(self, why: str, peer: str | None) -> None:
        """Count one; log it unless another one was logged within some seconds."""
        self._telemetry.metrics.bad_request(self._listener)
        now = asyncio.get_running_loop().time()
        if now < self._quiet_until:
            self._unlogged += 1
            return
        self._telemetry.log.warning(
            "http.bad_request",
            listener=self._listener,
            why=why,
            peer=peer,
            others_since=self._unlogged,
        )
        self._unlogged, self._quiet_until = 0, now + _LOG_EVERY


class BoundedServer(web.Server):
    """An aiohttp server whose connections are `Connection`s."""

    def __init__(
        self,
        app: web.Server,
        options: dict[str, Any],
        limits: ConnectionLimits,
        bad: BadRequestLog,
        hot: Hot | None = None,
    ) -> None:
        """`app` is aiohttp's server of an application with these options."""
        super().__init__(
            self._guarded(app.request_handler, hot), request_factory=app.request_factory, **options
        )
        self.limits = limits
        self.bad = bad
        self._options = options

    def __call__(self) -> RequestHandler:
        """Create the protocol of one connection."""
        return Connection(self, loop=asyncio.get_running_loop(), **self._options)

    def _guarded(self, app: Handler, hot: Hot | None) -> Handler:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            connection = request.protocol
            if isinstance(connection, Connection):
                connection.headers_came()
            expected = request.headers.get("Expect")
            if expected is not None and expected.lower() != "100-continue":
                self.bad.note("Expect", request.remote)
                return _answer("Expect is not supported, except for 100-continue.", "Expect")
            quick = None if hot is None else hot(request)
            return await app(request) if quick is None else quick

        return handle


class Connection(RequestHandler):
    """One connection, which is closed at once above a limit, and has a time limit for headers."""

    __slots__ = ("_admitted", "_bounded", "_header_timer", "_headers_began", "_peer")

    def __init__(self, server: BoundedServer, **options: Any) -> None:
        super().__init__(server, **options)
        self._bounded = server
        self._peer = ""
        self._admitted = False
        self._headers_began: float | None = None
        self._header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start, or close the connection if its peer has too many."""
        name = transport.get_extra_info("peername")
        self._peer = str(name[0]) if isinstance(name, tuple) else ""
        super().connection_made(transport)
        self._admitted = self._bounded.limits.admit(self._peer)
        if not self._admitted:
            self._peer = ""
            self._bounded.bad.note("too many connections", str(name[0]) if name else None)
            self.force_close()

    def data_received(self, data: bytes) -> None:
        """Receive bytes; the first ones of a request start the time limit for its headers."""
        if self._headers_began is None and self._current_request is None:
            loop = self._loop
            self._headers_began = loop.time()
            if self._header_timer is None:  # one timer serves many requests
                self._header_timer = loop.call_later(
                    self._bounded.limits.header_seconds, self._check_headers
                )
        super().data_received(data)

    def headers_came(self) -> None:
        """Stop the time limit: the headers of a request are complete."""
        self._headers_began = None

    def authenticated(self) -> None:
        """Note a request with a valid key."""
        if self._admitted and self._peer:
            self._bounded.limits.known(self._peer)
            self._peer = ""

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the timer, and count the end of the connection."""
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None
        if self._admitted:
            self.authenticated()
            self._bounded.limits.closed()
            self._admitted = False
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 aiohttp's signature; it quotes the client
    ) -> web.StreamResponse:
        """Return the error body for a request that did not reach the application."""
        self.headers_came()
        if request.writer.output_size > 0:
            raise ConnectionError("the response was begun and can't be replaced")
        if status >= 500:
            self.log_exception("request.failed_below_the_application", exc_info=exc)
            answer = _answer("The gateway failed.", None, Reason.INTERNAL)
        else:
            self._bounded.bad.note(type(exc).__name__, request.remote)
            answer = _answer("The request is not valid HTTP.", None)
        answer.force_close()
        return answer

    def _check_headers(self) -> None:
        """Close the connection if the headers of the present request are late."""
        self._header_timer = None
        if self._headers_began is None:
            return
        left = self._headers_began + self._bounded.limits.header_seconds - self._loop.time()
        if left > 0:
            self._header_timer = self._loop.call_later(left, self._check_headers)
            return
        self._bounded.bad.note("headers too slow", self._peer or None)
        self.force_close()


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of the connections to an application."""

    limits: ConnectionLimits
    bad: BadRequestLog
    hot: Hot | None = None


BOUNDS = web.AppKey("BOUNDS", Bounds)


class BoundedRunner(web.AppRunner):
    """Runs an application with `BOUNDS` behind `BoundedServer`."""

    __slots__ = ("_bounds", "_options")

    def __init__(self, app: web.Application, **options: Any) -> None:
        """`options` are those of `web.AppRunner`."""
        super().__init__(app, **options)
        self._bounds = app[BOUNDS]
        self._options = {k: v for k, v in options.items() if k != "shutdown_timeout"}

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        bounds = self._bounds
        return BoundedServer(made, self._options, bounds.limits, bounds.bad, bounds.hot)


def note_authenticated(request: web.BaseRequest) -> None:
    """Note a valid key: the connection no longer counts for its peer."""
    if isinstance(request.protocol, Connection):
        request.protocol.authenticated()


def _answer(
    message: str, field: str | None, reason: Reason = Reason.INVALID_REQUEST
) -> web.Response:
    details = {} if field is None else {"field": field}
    response = refusal(Refused(reason, message, details))
    response.headers["Server"] = "video-gateway"
    response.headers["X-Request-Id"] = f"req_{secrets.token_hex(12)}"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response

"""Send one HTTP POST to a subscriber, which may be hostile, within a time limit."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from gateway.adapters.guard import Blocked, Guard
from gateway.adapters.resolver import Lookup
from gateway.domain.callback import CallbackTarget, check_callback_url
from gateway.domain.delivery import AttemptOutcome, ErrorKind, parse_retry_after
from gateway.domain.network import BlockedAddress, CallbackPolicy
from gateway.ports import Clock

READ_LIMIT = 64 * 1024  # bytes of an answer that are read; a usual one is shorter
KEEP = 1024  # bytes of it that are kept for operators

_CONNECT_SECONDS = 5.0  # for one address, so that time is left for the next one
_DETAIL_LIMIT = 300


Check = Callable[[str, CallbackPolicy], CallbackTarget | BlockedAddress]


class OutboundSender:
    """Sends to subscribers. Every attempt has a session and a connection of its own.

    Attempts share no connection, cookie or DNS answer, so a stricter policy takes effect at once.
    Proxy variables and `.netrc` are not read, redirects are not followed, nothing is decompressed.
    The caller limits how many attempts run at once.
    """

    def __init__(
        self,
        clock: Clock,
        lookup: Lookup,
        strangers: Lookup | None = None,
        inspecting: Lookup | None = None,
        *,
        timeout: float = 15.0,
        user_agent: str = "video-gateway",
        ssl_context: ssl.SSLContext | None = None,
        check: Check = check_callback_url,
    ) -> None:
        """`strangers` looks up hosts that clients chose, so that their slow name servers delay no
        others; None: `lookup`. `inspecting` does the same for `inspect`, which clients can cause
        in any number; None: `strangers`. `timeout`: seconds for a whole attempt; a change applies
        to attempts that begin later. `check` judges the URLs of clients.
        """
        self._clock = clock
        self._lookup = lookup
        self._strangers = strangers or lookup
        self._inspecting = inspecting or self._strangers
        self.timeout = timeout
        self._user_agent = user_agent
        self._ssl = ssl_context
        self._check = check

    async def send(
        self, url: str, headers: Mapping[str, str], body: bytes, policy: CallbackPolicy | None
    ) -> AttemptOutcome:
        """POST the body once, and return the outcome, also of failures.

        `policy`: the current rules for a client's URL, which is checked again; None for an
        operator's own subscriber, which may have any address.
        """
        started = self._clock.monotonic()
        received = _Received()
        error: ErrorKind | None = None
        detail = ""
        try:
            async with asyncio.timeout(self.timeout):
                await self._exchange(url, headers, body, policy, received)
        except (aiohttp.ClientError, OSError) as failure:
            error, detail = _explain(failure)
        return AttemptOutcome(
            status=received.status,
            latency_ms=round((self._clock.monotonic() - started) * 1000),
            error=error,
            detail=detail,
            answer=_printable(bytes(received.answer)),
            retry_after=parse_retry_after(received.retry_after, self._clock.now()),
        )

    async def inspect(
        self, url: str, policy: CallbackPolicy, timeout: float = 2.0
    ) -> BlockedAddress | None:
        """Return why a client's URL is currently refused, without connecting; None if it is not.

        A host that can't be looked up within `timeout` seconds is not refused: every attempt
        checks it again.
        """
        target = self._check(url, policy)
        if isinstance(target, BlockedAddress):
            return target
        try:
            async with asyncio.timeout(timeout):
                if not target.literal:
                    await Guard(self._inspecting, policy).resolve(target.host)
        except Blocked as blocked:
            return blocked.refusal
        except OSError:
            return None
        return None

    async def _exchange(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        policy: CallbackPolicy | None,
        received: "_Received",
    ) -> None:
        target = _target(url, policy, self._check)
        guard = Guard(self._lookup if policy is None else self._strangers, policy)
        try:
            async with (
                self._session(guard) as session,
                session.post(target, data=body, headers=headers, allow_redirects=False) as response,
            ):
                received.status = response.status
                received.retry_after = response.headers.get("Retry-After")
                await _read(response, received.answer)
        except aiohttp.ClientError:
            if guard.blocked is not None:  # aiohttp raises any one of several failures
                raise guard.blocked from None
            raise
        finally:
            guard.hang_up()

    def _session(self, guard: Guard) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=guard,
            socket_factory=guard.open_socket,
            use_dns_cache=False,
            force_close=True,
            limit_per_host=1,
            ssl=self._ssl or True,
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )


@dataclass(slots=True)
class _Received:
    """The received part of an answer, which counts even if the rest never arrives."""

    status: int | None = None
    retry_after: str | None = None
    answer: bytearray = field(default_factory=bytearray)


def _target(url: str, policy: CallbackPolicy | None, check: Check) -> URL:
    if policy is None:
        return _own_target(url)
    target = check(url, policy)
    if isinstance(target, BlockedAddress):
        raise Blocked(target)
    return URL(target.url, encoded=True)


def _own_target(url: str) -> URL:
    """Return an operator's URL as it is written: quoting it again would change `%2F` to `/`."""
    try:
        quoted = URL(url)
    except ValueError as error:
        raise aiohttp.InvalidURL(url) from error
    needs_quoting = not url.isascii() or not url.isprintable() or " " in url
    return quoted if needs_quoting else URL(url, encoded=True)


async def _read(response: aiohttp.ClientResponse, answer: bytearray) -> None:
    """Read up to the limit and close; the beginning stays in `answer` if the rest fails."""
    count = 0
    try:
        while count < READ_LIMIT:
            piece = await response.content.read(READ_LIMIT - count)
            if not piece:
                return
            answer += piece[: max(0, KEEP - len(answer))]
            count += len(piece)
    finally:
        response.close()


# The first match counts, so subclasses come first.
_KINDS: tuple[tuple[type[Exception], ErrorKind], ...] = (
    (Blocked, ErrorKind.BLOCKED_ADDRESS),
    (TimeoutError, ErrorKind.TIMEOUT),
    (aiohttp.ClientConnectorDNSError, ErrorKind.DNS),
    (aiohttp.ClientSSLError, ErrorKind.TLS),
    (ssl.SSLError, ErrorKind.TLS),
    (aiohttp.ClientConnectorError, ErrorKind.CONNECT),
    (aiohttp.ServerDisconnectedError, ErrorKind.RESET),
    (OSError, ErrorKind.RESET),
    (Exception, ErrorKind.PROTOCOL),
)


def _explain(failure: Exception) -> tuple[ErrorKind, str]:
    """Return the failure's kind, and a text for operators with no part of the URL but its host."""
    kind = next(kind for error, kind in _KINDS if isinstance(failure, error))
    if kind is ErrorKind.TIMEOUT:
        words = "no complete answer in time"
    elif isinstance(failure, aiohttp.InvalidURL):
        words = "the URL can't be read"
    elif isinstance(failure, aiohttp.ClientResponseError):
        words = failure.message
    else:
        words = str(failure) or type(failure).__name__
    return kind, _printable(words.encode("utf-8", "replace"))[:_DETAIL_LIMIT]


def _printable(raw: bytes) -> str:
    """Return foreign bytes as text that is safe in a log, a terminal and a database."""
    text = raw.decode("utf-8", "replace")
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)

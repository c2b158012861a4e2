"""Follow redirects of video downloads to safe addresses only."""

import re
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from gateway.adapters.guard import Guard
from gateway.adapters.resolver import Lookup
from gateway.domain.callback import check_callback_url
from gateway.domain.network import BlockedAddress, CallbackPolicy
from gateway.domain.upstream import ContentFailed

MOST_REDIRECTS = 3
_STATUSES = frozenset({301, 302, 303, 307, 308})
_LONGEST = 4096  # characters of a signed URL
_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)


def redirect_target(response: aiohttp.ClientResponse, asked: str) -> str | None:
    """Return the URL that the answer redirects to, byte for byte; None without a redirect.

    Raises:
        ContentFailed: the target of the redirect is missing or malformed.

    """
    if response.status not in _STATUSES:
        return None
    location = response.headers.get("Location", "")
    if not location or not location.isascii() or not location.isprintable() or " " in location:
        raise ContentFailed(f"status {response.status} without a usable Location")
    return location if _ABSOLUTE.match(location) else urljoin(asked, location)


def same_origin(first: str, second: str) -> bool:
    """Return whether two URLs have scheme, host and port in common."""
    return _origin(first) == _origin(second)


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    return scheme, parts.hostname, port or {"http": 80, "https": 443}.get(scheme)


class PublicDownloads:
    """Opens URLs that an upstream redirects to: https on public addresses only, without the key.

    Every address is checked before connecting, as for a client's callback.
    """

    def __init__(
        self,
        lookup: Lookup,
        policy: CallbackPolicy = CallbackPolicy(),  # noqa: B008 frozen
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """`policy` may allow more networks than the public ones."""
        self._lookup = lookup
        self._policy = policy
        self._ssl = ssl_context

    async def get(
        self,
        url: str,
        headers: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,
        stack: AsyncExitStack,
    ) -> aiohttp.ClientResponse:
        """Send one request; the stack closes the connection.

        Raises:
            ContentFailed: the policy forbids the URL or its address.
            aiohttp.ClientError, TimeoutError, OSError: there was no answer.

        """
        target = check_callback_url(url, self._policy, longest=_LONGEST)
        if isinstance(target, BlockedAddress):
            raise ContentFailed(f"it redirects to where the gateway does not go: {target.message}")
        guard = Guard(self._lookup, self._policy)
        stack.callback(guard.hang_up)
        connector = aiohttp.TCPConnector(
            resolver=guard,
            socket_factory=guard.open_socket,
            use_dns_cache=False,
            force_close=True,
            ssl=self._ssl or True,
        )
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                connector=connector,
                headers={"User-Agent": "video-gateway", **headers},
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
            )
        )
        try:
            return await stack.enter_async_context(
                session.get(URL(target.url, encoded=True), timeout=timeout, allow_redirects=False)
            )
        except aiohttp.ClientError:
            if guard.blocked is not None:  # aiohttp raises any one of several failures
                raise ContentFailed("it redirects to an address that is not public") from None
            raise

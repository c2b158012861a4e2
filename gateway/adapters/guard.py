"""Check every address before an attempt connects to it."""

import socket
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.adapters.resolver import Lookup
from gateway.domain.network import BlockedAddress, CallbackPolicy, check_address

_DIAL_LIMIT = 8  # addresses of one host; with hundreds the gateway would scan ports


class Blocked(aiohttp.ClientError):
    """The policy forbids an address. Not an `OSError`, which aiohttp would wrap."""

    def __init__(self, refusal: BlockedAddress) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Guard(AbstractResolver):
    """Resolves one attempt's host and opens its sockets; without a policy it allows everything.

    Both hooks are needed: aiohttp calls no resolver for a literal address, and only the resolver
    sees all of a host's addresses. aiohttp connects to what `resolve` returned, without another
    lookup, which prevents DNS rebinding.
    """

    def __init__(self, lookup: Lookup, policy: CallbackPolicy | None) -> None:
        self._lookup = lookup
        self._policy = policy
        self.blocked: Blocked | None = None  # the original error, because aiohttp wraps it
        self._sockets: list[socket.socket] = []

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 aiohttp's signature
    ) -> list[ResolveResult]:
        """Return the host's addresses; a single forbidden one blocks the host.

        Raises:
            Blocked: an address is forbidden.
            OSError: there are no addresses.

        """
        addresses = await self._lookup.addresses(host)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no addresses")
        for address in addresses:
            self._check(address)
        return [_result(host, address, port) for address in addresses[:_DIAL_LIMIT]]

    def open_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """Return a socket for one address, after a last check, which can't be bypassed.

        Raises:
            Blocked: the address is forbidden.

        """
        family, kind, protocol, _, sockaddr = info
        self._check(str(sockaddr[0]))
        opened = socket.socket(family, kind, protocol)
        self._sockets.append(opened)
        return opened

    def hang_up(self) -> None:
        """End the attempt's connections now: asyncio would wait 30 s for a TLS shutdown."""
        for opened in self._sockets:
            with suppress(OSError):  # it is already closed
                opened.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        """Do nothing: no resource is open."""

    def _check(self, address: str) -> None:
        refusal = None if self._policy is None else check_address(address, self._policy)
        if refusal is not None:
            self.blocked = Blocked(refusal)
            raise self.blocked


def _result(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET,
        proto=0,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )

"""Between one attempt and the network: every address is judged before it is dialled."""

import socket
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.adapters.resolver import Lookup
from gateway.domain.network import BlockedAddress, CallbackPolicy, check_address

_DIAL_LIMIT = 8  # addresses of one host: a name with hundreds would make us a port scanner


class Blocked(aiohttp.ClientError):
    """The policy forbids it. Not an `OSError`: aiohttp would fold that into a connection error."""

    def __init__(self, refusal: BlockedAddress) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Guard(AbstractResolver):
    """Resolves one attempt's host and opens its sockets; with no policy, it lets everything pass.

    Both hooks are needed: aiohttp asks no resolver about a literal address, and only the resolver
    sees all of a host's addresses. What `resolve` returns is what is dialled, without another
    lookup, so DNS rebinding has nothing to gain.
    """

    def __init__(self, lookup: Lookup, policy: CallbackPolicy | None) -> None:
        self._lookup = lookup
        self._policy = policy
        self.blocked: Blocked | None = None  # what was raised, whatever aiohttp made of it
        self._sockets: list[socket.socket] = []

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 aiohttp's signature
    ) -> list[ResolveResult]:
        """The host's addresses; one that may not be dialled condemns the host.

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
        """A socket for one address about to be dialled: the last and surest judgement.

        Raises:
            Blocked: the address is forbidden.

        """
        family, kind, protocol, _, sockaddr = info
        self._check(str(sockaddr[0]))
        opened = socket.socket(family, kind, protocol)
        self._sockets.append(opened)
        return opened

    def hang_up(self) -> None:
        """End the attempt's connections now: asyncio would give TLS 30 s for the peer's goodbye."""
        for opened in self._sockets:
            with suppress(OSError):  # it is closed already
                opened.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        """Nothing is held."""

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

"""The sockets on which an application accepts connections; they close without losing one."""

import asyncio
import errno
import socket
from collections.abc import Iterable

from aiohttp import web

from gateway.config.addresses import Listen

_BACKLOG = 128  # connections that the kernel accepts before the gateway does


class Listeners:
    """Accepts connections for one application, on one or more addresses."""

    def __init__(self, runner: web.AppRunner) -> None:
        """Listen on nothing yet; the runner's `cleanup` closes everything."""
        self._runner = runner
        self._sites: list[tuple[web.SockSite, socket.socket]] = []

    async def open(self, addresses: Iterable[Listen]) -> str:
        """Listen on every address; return the URL of the first.

        `[::]` accepts IPv4, too, where the system allows it.

        Raises:
            OSError: an address can't be bound; the message names it.

        """
        await self._runner.setup()
        for address in addresses:
            for listening in await _sockets(address):
                site = web.SockSite(self._runner, listening, backlog=_BACKLOG)
                await site.start()
                self._sites.append((site, listening))
        return _url(self._sites[0][1])

    async def stop_accepting(self) -> None:
        """Close the sockets, and serve the connections that the kernel has accepted before.

        Closing a socket resets the connections in its backlog, so they are taken out first, and
        nothing is awaited between the last one and the close.
        """
        loop = asyncio.get_running_loop()
        waiting: list[socket.socket] = []
        for site, listening in self._sites:
            waiting += _accept_all(listening)
            await site.stop()
        self._sites.clear()
        for connection in waiting:
            await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        server = self._runner.server
        if server is None:
            raise RuntimeError("the runner was cleaned up while it accepted connections")
        return server()


async def _sockets(address: Listen) -> list[socket.socket]:
    found = await asyncio.get_running_loop().getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return [
        _socket(family, str(place[0]), int(place[1]), address)
        for family, _, _, _, place in dict.fromkeys(found)
    ]


def _socket(family: int, host: str, port: int, address: Listen) -> socket.socket:
    dual = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
    try:
        listening = socket.create_server(
            (host, port),
            family=family,
            backlog=_BACKLOG,
            dualstack_ipv6=dual,
        )
    except OSError as error:
        code = error.errno or errno.EADDRNOTAVAIL
        raise OSError(code, f"can't listen on {address}: {error.strerror}") from error
    listening.setblocking(False)
    return listening


def _accept_all(listening: socket.socket) -> list[socket.socket]:
    """Return the connections in the backlog, at most as many as it holds."""
    accepted: list[socket.socket] = []
    while len(accepted) <= 2 * _BACKLOG:
        try:
            connection, _ = listening.accept()
        except OSError:  # none is left, or no descriptor is
            break
        connection.setblocking(False)
        accepted.append(connection)
    return accepted


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"

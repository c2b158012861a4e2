"""Look up host names by the system's resolver, in dedicated threads."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol


class Lookup(Protocol):
    """Looks up host names, without a cache."""

    async def addresses(self, host: str) -> Sequence[str]:
        """Return all addresses of the host, IPv4 and IPv6, in the order in which to try them.

        Raises:
            OSError: there are none, or no name server answered.

        """


class ClosableLookup(Lookup, Protocol):
    """A lookup with threads that `close` ends."""

    def close(self) -> None:
        """Accept no more lookups."""


def look_up(host: str) -> Sequence[str]:
    """Ask the system's resolver for all addresses of the host, and block meanwhile.

    Raises:
        OSError: there are none, or no name server answered.

    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except UnicodeError as error:  # a label that is empty or too long for DNS
        raise socket.gaierror(socket.EAI_NONAME, f"{host!r} is no DNS name") from error
    return list(dict.fromkeys(str(sockaddr[0]) for _, _, _, _, sockaddr in found))


class SystemLookup:
    """Runs `getaddrinfo`, which can't be cancelled, in threads.

    A slow name server blocks one thread. If slow lookups use all threads, the next one waits, so
    names that clients chose get a `SystemLookup` of their own.
    """

    def __init__(
        self, threads: int = 16, *, look_up: Callable[[str], Sequence[str]] = look_up
    ) -> None:
        """`threads`: how many lookups may run at once. `look_up` blocks its thread."""
        self._look_up = look_up
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="lookup")

    async def addresses(self, host: str) -> Sequence[str]:
        """Return all addresses of the host.

        Raises:
            OSError: there are none, or no name server answered.

        """
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._look_up, host)

    def close(self) -> None:
        """Accept no more lookups; running ones end by themselves."""
        self._executor.shutdown(wait=False, cancel_futures=True)

"""Looking names up: the system's resolver, in threads of its own."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol


class Lookup(Protocol):
    """Where names are looked up; a fresh answer each time."""

    async def addresses(self, host: str) -> Sequence[str]:
        """All addresses of the host, IPv4 and IPv6, in the order in which to try them.

        Raises:
            OSError: there are none, or nobody answered.

        """


class ClosableLookup(Lookup, Protocol):
    """A lookup that holds threads until it is closed."""

    def close(self) -> None:
        """Take no more lookups."""


def look_up(host: str) -> Sequence[str]:
    """Ask the system's resolver for all addresses of the host, and block meanwhile.

    Raises:
        OSError: there are none, or nobody answered.

    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except UnicodeError as error:  # a label that is empty or too long for DNS
        raise socket.gaierror(socket.EAI_NONAME, f"{host!r} is no DNS name") from error
    return list(dict.fromkeys(str(sockaddr[0]) for _, _, _, _, sockaddr in found))


class SystemLookup:
    """`getaddrinfo`, which can't be cancelled: a slow name server costs its thread, not the others.

    With all threads taken by slow names the next lookup waits. So strangers' names get a
    `SystemLookup` apart from the operator's.
    """

    def __init__(
        self, threads: int = 16, *, look_up: Callable[[str], Sequence[str]] = look_up
    ) -> None:
        """`threads`: how many lookups may hang at once. `look_up` blocks its thread."""
        self._look_up = look_up
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="lookup")

    async def addresses(self, host: str) -> Sequence[str]:
        """All addresses of the host.

        Raises:
            OSError: there are none, or nobody answered.

        """
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._look_up, host)

    def close(self) -> None:
        """Take no more lookups; those under way end by themselves."""
        self._executor.shutdown(wait=False, cancel_futures=True)

"""A response whose bytes are ready: written as they are, in one piece."""

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter


class ReadyAnswer(web.StreamResponse):
    """An answer to a request on a connection that stays open (HTTP/1.1).

    The status line and the headers are bytes that were put together once; aiohttp builds, checks
    and joins them anew for every response, which costs more than everything else of a poll.
    """

    __slots__ = ("_bytes",)

    def __init__(self, head: bytes, body: bytes, request_id: str, status: int) -> None:
        """`head`: status line and headers without id, length and date, as `head_of` makes it."""
        super().__init__(status=status)
        length = b"" if status == HTTPStatus.NOT_MODIFIED else b"Content-Length: %d\r\n" % len(body)
        self._bytes = b"%sX-Request-Id: %s\r\n%sDate: %s\r\n\r\n%s" % (
            head,
            request_id.encode(),
            length,
            _date(int(time.time())),
            body,
        )

    @property
    def keep_alive(self) -> bool | None:
        """The connection stays open."""
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write everything.

        Raises:
            ConnectionResetError: the client has left.

        """
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        transport.write(self._bytes)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything was written by `prepare`."""


def head_of(status: int, headers: dict[str, str]) -> bytes:
    """Return the status line and the headers as they are sent; none may come from a client."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, ""]).encode("ascii")


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    """Return the value of the Date header (RFC 9110, section 6.6.1)."""
    return formatdate(second, usegmt=True).encode()

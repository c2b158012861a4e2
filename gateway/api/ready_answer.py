"""A response of prepared bytes, written at once."""

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter


class ReadyAnswer(web.StreamResponse):
    """A response on a connection that stays open (HTTP/1.1).

    Status line and headers are prepared bytes. aiohttp would build and check them for every
    response, which takes more time than the rest of a poll.
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
        """True: the connection stays open."""
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write the whole response.

        Raises:
            ConnectionResetError: the client has closed the connection.

        """
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has closed the connection")
        transport.write(self._bytes)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: `prepare` has written everything."""


def head_of(status: int, headers: dict[str, str]) -> bytes:
    """Return the status line and the headers as they are sent; none may come from a client."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, ""]).encode("ascii")


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    """Return the value of the Date header (RFC 9110, section 6.6.1)."""
    return formatdate(second, usegmt=True).encode()

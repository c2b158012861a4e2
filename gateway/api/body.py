"""Reading a request's body: bounded in size and in time, whatever the client does."""

import asyncio

from aiohttp import web

from gateway.domain.errors import Reason, Refused

# A stalled or dripping body is never timed out by aiohttp itself (docs/reliability.md, section 0).
_IDLE = 15.0  # seconds between two pieces
_TOTAL = 60.0  # seconds for the whole; 64 MB in that time needs 9 Mbit/s


async def read_body(
    request: web.Request, limit: int, *, idle: float = _IDLE, total: float = _TOTAL
) -> bytes:
    """The whole body, at most `limit` bytes (after any Content-Encoding was undone).

    Raises:
        Refused: BODY_TOO_LARGE (413) or BODY_TIMEOUT (408); the connection is then closed.

    """
    announced = request.content_length
    if announced is not None and announced > limit:
        raise _too_large(announced, limit)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(total):
            while True:
                async with asyncio.timeout(idle):
                    part = await request.content.readany()
                if not part:
                    return b"".join(parts)
                size += len(part)
                if size > limit:
                    raise _too_large(size, limit)
                parts.append(part)
    except TimeoutError:
        raise Refused(
            Reason.BODY_TIMEOUT,
            f"The body did not arrive in time: at most {idle:.0f} s between two pieces,"
            f" {total:.0f} s in all.",
        ) from None
    except web.RequestPayloadError as error:
        raise Refused(Reason.INVALID_REQUEST, "The body could not be read.") from error


def _too_large(size: int, limit: int) -> Refused:
    return Refused(
        Reason.BODY_TOO_LARGE,
        f"The body is larger than {limit} bytes. Give images by URL instead of inside the body.",
        {"field": "body", "value": f"{size} bytes or more", "allowed": f"at most {limit} bytes"},
    )

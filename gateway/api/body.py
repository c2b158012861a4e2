"""Read a request's body within limits of size and time."""

import asyncio

from aiohttp import web

from gateway.domain.errors import Reason, Refused

# aiohttp itself has no time limit for a body (docs/reliability.md, section 0).
_IDLE = 15.0  # seconds between two pieces
_TOTAL = 60.0  # seconds for the whole body; 64 MB in that time need 9 Mbit/s


async def read_body(
    request: web.Request, limit: int, *, idle: float = _IDLE, total: float = _TOTAL
) -> bytes | bytearray:
    """Return the whole body, at most `limit` bytes.

    Raises:
        Refused: BODY_TOO_LARGE (413), BODY_TIMEOUT (408), UNSUPPORTED_MEDIA_TYPE (415) for a body
            with a Content-Encoding, because a few compressed bytes may need any memory.

    """
    refuse_encoding(request)
    announced = request.content_length
    if announced is not None and announced > limit:
        raise _too_large(announced, limit)
    # It grows in place: joining the pieces of a large body would block the event loop, and need
    # its size twice.
    body = bytearray()
    try:
        async with asyncio.timeout(total):
            while True:
                async with asyncio.timeout(idle):
                    part = await request.content.readany()
                if not part:
                    return body
                if len(body) + len(part) > limit:
                    raise _too_large(len(body) + len(part), limit)
                body += part
    except TimeoutError:
        raise Refused(
            Reason.BODY_TIMEOUT,
            f"The body did not arrive in time: at most {idle:.0f} s between two pieces,"
            f" {total:.0f} s in all.",
        ) from None
    except web.RequestPayloadError as error:
        raise Refused(Reason.INVALID_REQUEST, "The body could not be read.") from error


def announced_size(request: web.Request, limit: int) -> int:
    """Return the largest size of the body that its headers allow, in bytes."""
    announced = request.content_length
    if announced is None:
        return limit if request.body_exists else 0
    return min(announced, limit)


def refuse_encoding(request: web.Request) -> None:
    """Refuse a body that is compressed.

    Raises:
        Refused: UNSUPPORTED_MEDIA_TYPE (415).

    """
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise Refused(
            Reason.UNSUPPORTED_MEDIA_TYPE,
            "The body has a Content-Encoding; send it without one.",
            {"field": "Content-Encoding", "value": encoding[:60], "allowed": "none"},
        )


def _too_large(size: int, limit: int) -> Refused:
    return Refused(
        Reason.BODY_TOO_LARGE,
        f"The body is larger than {limit} bytes. Give images by URL instead of inside the body.",
        {"field": "body", "value": f"{size} bytes or more", "allowed": f"at most {limit} bytes"},
    )

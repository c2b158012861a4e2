"""Keep the large data URLs of a request as raw bytes instead of parsing them.

Decoding, parsing, hashing and serialising a request with a 60 MB image would block every other
request. `lift` replaces such strings in the JSON text by short placeholders before parsing;
`splice` puts the original bytes back into the JSON that the gateway forwards.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

LIFTED = 16 * 1024
"""The minimum size in bytes of a data URL that is replaced by a placeholder."""

_START = b'"data:'
# Bytes that are searched, copied or hashed at a time. Python switches threads only between such
# steps, so a single one over 60 MB would block the event loop even from another thread.
_CHUNK = 256 * 1024
_SPACES = (b"\n", b" ", b"\r", b"\t")
_NOT_PLAIN = (b"\\", b"\n", b"\r", b"\t", b"\0")
_HEAD = re.compile(rb"data:([^,]{0,200}),", re.IGNORECASE)


class DataUrl(str):
    """A placeholder for a data URL; `raw` is the whole URL as the client sent it, unescaped."""

    raw: memoryview

    @property
    def decoded_size(self) -> int:
        """The approximate size in bytes of the decoded content."""
        return len(self.raw) * 3 // 4


@dataclass(frozen=True, slots=True)
class Lifted:
    """A JSON text with placeholders, and the data URLs they replace, in order."""

    text: bytes
    urls: Sequence[DataUrl]


def lift(text: bytes | bytearray) -> Lifted:
    """Replace every large data URL of the JSON text by a placeholder that occurs nowhere else."""
    spans = list(_spans(text))
    if not spans:
        return Lifted(bytes(text), ())
    view = memoryview(text)
    pieces = [view[a:b] for a, b in _gaps(spans, len(text))]
    rest = b"".join(pieces)
    mark = "data:,@"
    while mark.encode() in rest:
        mark += "@"
    urls = [_stand_in(f"{mark}{n}", view[a:b]) for n, (a, b) in enumerate(spans)]
    joined: list[Any] = [pieces[0]]
    for url, piece in zip(urls, pieces[1:], strict=True):
        joined += [url.encode(), piece]
    return Lifted(b"".join(joined), urls)


def splice(text: bytes, body: Any) -> bytes:
    """Put the bytes of every `DataUrl` in `body` back into its JSON text."""
    for url in data_urls(body):
        before, found, after = text.partition(b'"' + url.encode() + b'"')
        if not found:
            raise ValueError("the placeholder of a data URL is missing from the text")
        text = b"".join((before, b'"', url.raw, b'"', after))
    return text


def data_urls(value: Any) -> Iterator[DataUrl]:
    """Return every lifted data URL in a parsed body."""
    return (url for _, url in placed_data_urls(value))


def placed_data_urls(value: Any, path: str = "") -> Iterator[tuple[str, DataUrl]]:
    """Yield every lifted data URL in a parsed body with its path, like `frame_images[0].url`."""
    if isinstance(value, DataUrl):
        yield path, value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from placed_data_urls(member, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from placed_data_urls(item, f"{path}[{index}]")


def content_digest(raw: bytes | memoryview) -> tuple[str, str] | None:
    """Return the media type and a digest of a base64 data URL's content; None for another text.

    White space and padding make no difference. The digest covers the base64 text: decoding an image
    would cost more than all other steps together.
    """
    head = _HEAD.match(raw[:300])
    if head is None:
        return None
    described = head[1].decode("utf-8", "replace").replace(" ", "").lower()
    media_type, _, encoding = described.rpartition(";")
    if encoding != "base64":
        return None
    content = raw[head.end() :]
    if any(_has(content, space) for space in _SPACES):
        content = b"".join(bytes(content).split())
    tail = bytes(content[-2:])
    padding = len(tail) - len(tail.rstrip(b"="))
    sha = hashlib.sha256()
    for start in range(0, len(content) - padding, _CHUNK):
        sha.update(content[start : min(start + _CHUNK, len(content) - padding)])
    return media_type, sha.hexdigest()


def _stand_in(text: str, raw: memoryview) -> DataUrl:
    url = DataUrl(text)
    url.raw = raw
    return url


def _spans(text: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Yield the spans of large data URLs without their quotes: plain ASCII, nothing escaped."""
    position = 0
    while (quote := _find(text, _START, position)) >= 0:
        start = quote + 1
        end = _find(text, b'"', start)
        if end < 0:
            return
        position = end + 1
        if _is_escaped(text, quote):
            position = start
        elif end - start >= LIFTED and _is_plain(text, start, end):
            yield start, end


def _find(text: bytes | bytearray, wanted: bytes, position: int) -> int:
    """Return the first place of `wanted` from `position` on, or -1; chunk by chunk."""
    while position < len(text):
        found = text.find(wanted, position, position + _CHUNK + len(wanted) - 1)
        if found >= 0:
            return found
        position += _CHUNK
    return -1


def _has(text: bytes | memoryview, wanted: bytes) -> bool:
    """Return whether the single byte `wanted` occurs; chunk by chunk."""
    return any(
        wanted in bytes(text[start : start + _CHUNK]) for start in range(0, len(text), _CHUNK)
    )


def _is_escaped(text: bytes | bytearray, quote: int) -> bool:
    """Return whether the quote is inside a string: after an odd number of backslashes."""
    slashes = 0
    while slashes < quote and text[quote - 1 - slashes] == 0x5C:
        slashes += 1
    return slashes % 2 == 1


def _is_plain(text: bytes | bytearray, start: int, end: int) -> bool:
    """Return whether the span is ASCII without an escape or a line end, which JSON forbids."""
    for position in range(start, end, _CHUNK):
        chunk = text[position : min(position + _CHUNK, end)]
        if not chunk.isascii() or any(c in chunk for c in _NOT_PLAIN):
            return False
    return True


def _gaps(spans: Sequence[tuple[int, int]], length: int) -> Iterator[tuple[int, int]]:
    position = 0
    for start, end in spans:
        yield position, start
        position = end
    yield position, length

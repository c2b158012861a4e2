"""Stored videos: file names, byte ranges, conditional requests and what to evict."""

import random
import re
import string
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Removed = Literal["retention", "space", "operator", "missing"]
"""Why a stored video was removed."""

KeepFailure = Literal["full", "io", "cut", "mismatch", "missed"]
"""Why a video was not stored: no space, the store failed, the upstream's response ended early, the
stored bytes differ from the written ones, or the upstream deleted it before it was fetched."""


class BlobMissing(Exception):
    """The store is available and does not have the blob."""


class BlobFailed(Exception):
    """A store operation failed. `why` is for operators."""

    def __init__(self, reason: KeepFailure, why: str) -> None:
        """Create the error; `reason` is the label under which the failure is counted."""
        super().__init__(why)
        self.reason = reason
        self.why = why


class TooLarge(BlobFailed):
    """One video is larger than the store's limit; the store itself works."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One stored output of a job. Times are epoch milliseconds; `name` is its name in the store."""

    name: str
    job_id: str
    output: int
    store: str
    team: str
    size: int
    sha256: str
    stored_at: int
    last_used_at: int


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes from `start` (inclusive) to `stop` (exclusive)."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """The number of bytes."""
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        """Return the value of `Content-Range` in a 206 response."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"


class OutOfRange(Exception):
    """The requested range contains no byte of the video (416). `size` is None if unknown."""

    def __init__(self, size: int | None) -> None:
        """Create the error for a video of `size` bytes."""
        super().__init__(f"the range has no byte of {size}")
        self.size = size

    @property
    def content_range(self) -> str | None:
        """Return the value of `Content-Range` in a 416 response; None if the size is unknown."""
        return None if self.size is None else f"bytes */{self.size}"


@dataclass(frozen=True, slots=True)
class RangeRequest:
    """One range as a client requests it (RFC 9110 section 14.1.2).

    `start` None: the last `last` bytes; `last` (inclusive) None: everything from `start`.
    """

    start: int | None
    last: int | None

    @property
    def header(self) -> str:
        """Return the value of `Range`."""
        start, last = ("" if part is None else part for part in (self.start, self.last))
        return f"bytes={start}-{last}"

    def within(self, size: int) -> ByteRange:
        """Return the bytes of a video of `size` bytes.

        Raises:
            OutOfRange: it has none of them.

        """
        if self.start is None:
            suffix = min(self.last or 0, size)
            if suffix == 0:
                raise OutOfRange(size)
            return ByteRange(size - suffix, size)
        if self.start >= size:
            raise OutOfRange(size)
        return ByteRange(self.start, size if self.last is None else min(self.last + 1, size))


_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.ASCII | re.IGNORECASE)


def parse_range(header: str | None) -> RangeRequest | None:
    """Return the one requested range; None for the whole video.

    Several ranges, other units and malformed headers get the whole video, which RFC 9110 section
    14.2 allows.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or not (match[1] or match[2]):
        return None
    start = int(match[1]) if match[1] else None
    last = int(match[2]) if match[2] else None
    if start is not None and last is not None and last < start:
        return None
    return RangeRequest(start, last)


_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.ASCII)


def parse_content_range(header: str | None) -> tuple[ByteRange, int] | None:
    """Return the bytes and the whole size that a 206 response states; None if it states neither."""
    match = _CONTENT_RANGE.fullmatch((header or "").strip())
    if match is None:
        return None
    start, last, size = (int(number) for number in match.groups())
    return (ByteRange(start, last + 1), size) if start <= last < size else None


def etag(sha256: str) -> str:
    """Return the strong ETag of a video: equal bytes have equal ETags."""
    return f'"{sha256}"'


_TAGS = re.compile(r'(W/)?("[^"]*")')


def none_match_fails(header: str | None, tag: str) -> bool:
    """Return whether If-None-Match contains `tag`: the response is then 304 (weak comparison)."""
    if header is None:
        return False
    return header.strip() == "*" or any(found[2] == tag for found in _TAGS.finditer(header))


def if_range_holds(header: str | None, tag: str | None) -> bool:
    """Return whether a Range request may get a partial response: `tag` matches, or no If-Range.

    `tag` None: the video has no ETag yet. A date never matches: the time of storage does not tell
    which bytes the client has.
    """
    return header is None or header.strip() == tag


def file_name(job_id: str, index: int) -> str:
    """Return the file name that a download suggests to the client."""
    return f"{job_id}.mp4" if index == 0 else f"{job_id}-{index}.mp4"


def blob_name(job_id: str, index: int, installation: str, source: random.Random) -> str:
    """Return a name for one write of an output; every write gets a different one."""
    salt = "".join(source.choices(string.ascii_lowercase + string.digits, k=12))
    return f"{job_id}-{index}-{_tag(installation)}-{salt}.mp4"


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,180}\.mp4")


def is_blob_name(name: str) -> bool:
    """Return whether a gateway may have created this name; it ignores all other files."""
    return _NAME.fullmatch(name) is not None


def is_of(installation: str, name: str) -> bool:
    """Return whether this installation created the name: several may share one store."""
    return is_blob_name(name) and name.split("-")[-2:-1] == [_tag(installation)]


def _tag(installation: str) -> str:
    return installation[:12]


_UNTYPED = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/mp4"})
_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"})
_STARTS = (b"\x1aE\xdf\xa3", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"OggS")

SNIFFED = 12
"""Bytes that are needed to recognise a video by its beginning."""


def may_be_video(content_type: str, start: bytes, *, inside: bool = False) -> bool:
    """Return whether an upstream's 200 contains a video, by its type or else its first bytes.

    `start` has at least `SNIFFED` bytes unless the whole body is shorter. `inside`: it is not the
    beginning of the video, so only the type counts. Recognised are MP4 and
    QuickTime boxes (ISO 14496-12), Matroska and WebM, MPEG, AVI and Ogg.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _UNTYPED:
        return kind.startswith("video/")
    if inside:
        return True
    is_avi = start.startswith(b"RIFF") and start[8:12] == b"AVI "
    return start[4:8] in _BOXES or start.startswith(_STARTS) or is_avi


def make_room(by_use: Iterable[Asset], excess: int) -> list[Asset]:
    """Return the least recently used assets that together have at least `excess` bytes."""
    chosen: list[Asset] = []
    for asset in by_use:
        if excess <= 0:
            break
        chosen.append(asset)
        excess -= asset.size
    return chosen


_RETRY_FIRST_MS, _RETRY_MAX_MS = 5_000, 600_000


def next_try(attempts: int, now: int, give_up_at: int) -> int | None:
    """Return when to retry fetching an output, in epoch ms; None: give up.

    Waits grow, but to at most half of the remaining time, so that retries become more frequent
    towards the deadline.
    """
    if now >= give_up_at:
        return None
    delay = min(_RETRY_FIRST_MS << min(attempts, 20), _RETRY_MAX_MS)
    return now + max(min(delay, (give_up_at - now) // 2), 1_000)

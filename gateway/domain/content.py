"""Stored videos: what they are called, which part of one is asked for, which must make room."""

import random
import re
import string
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Removed = Literal["retention", "space", "operator", "missing"]
"""Why a stored video is no more."""

KeepFailure = Literal["full", "io", "cut", "mismatch", "missed"]
"""Why a video was not stored: no room, the store failed, the upstream broke off, what came back
was not what was written, or the upstream let go of it before it could be fetched."""


class BlobMissing(Exception):
    """The store answers, and does not have it."""


class BlobFailed(Exception):
    """The store did not do what it was asked to. `why` is for operators."""

    def __init__(self, reason: KeepFailure, why: str) -> None:
        """`reason`: under which the failure is counted."""
        super().__init__(why)
        self.reason = reason
        self.why = why


class TooLarge(BlobFailed):
    """One video alone has more bytes than the store may hold; the store itself is well."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One stored output of a job. Times are epoch milliseconds; `name` is the store's."""

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
    """Bytes from `start` up to but without `stop`."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        """As the header of a 206 says it."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"


class OutOfRange(ValueError):
    """No byte of the video is in the range that was asked for (416)."""


_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.ASCII | re.IGNORECASE)


def read_range(header: str | None, size: int) -> ByteRange | None:
    """The one range that is asked for; None for the whole.

    Several ranges, other units and nonsense are answered with the whole, as RFC 9110 section 14.2
    allows: a client must be ready for that.

    Raises:
        OutOfRange: a sound range that has no byte of the video in it.

    """
    match = _RANGE.fullmatch(header or "")
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        suffix = min(int(match[2]), size)
        if suffix == 0:
            raise OutOfRange(header)
        return ByteRange(size - suffix, size)
    start, last = int(match[1]), int(match[2]) if match[2] else size - 1
    if match[2] and last < start:
        return None
    if start >= size:
        raise OutOfRange(header)
    return ByteRange(start, min(last + 1, size))


def etag(sha256: str) -> str:
    """The strong validator of a video: the same wherever its bytes are the same."""
    return f'"{sha256}"'


_TAGS = re.compile(r'(W/)?("[^"]*")')


def none_match_fails(header: str | None, tag: str) -> bool:
    """Whether If-None-Match holds our tag, so that the answer is 304 (weak comparison)."""
    if header is None:
        return False
    return header.strip() == "*" or any(found[2] == tag for found in _TAGS.finditer(header))


def if_range_holds(header: str | None, tag: str) -> bool:
    """Whether a Range may be answered with a part: our strong tag, or no If-Range at all.

    A date never holds: when a video was stored says nothing of which bytes the client has.
    """
    return header is None or header.strip() == tag


def file_name(job_id: str, index: int) -> str:
    """What a download is called on the client's disk."""
    return f"{job_id}.mp4" if index == 0 else f"{job_id}-{index}.mp4"


def blob_name(job_id: str, index: int, installation: str, source: random.Random) -> str:
    """A name for one writing of an output; no other writing ever has it."""
    salt = "".join(source.choices(string.ascii_lowercase + string.digits, k=12))
    return f"{job_id}-{index}-{_tag(installation)}-{salt}.mp4"


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,180}\.mp4")


def is_blob_name(name: str) -> bool:
    """Whether a gateway could have given this name; nothing else in a store is its business."""
    return _NAME.fullmatch(name) is not None


def is_of(installation: str, name: str) -> bool:
    """Whether this installation gave the name: several may use one store."""
    return is_blob_name(name) and name.split("-")[-2:-1] == [_tag(installation)]


def _tag(installation: str) -> str:
    return installation[:12]


_UNTYPED = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/mp4"})
_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"})
_STARTS = (b"\x1aE\xdf\xa3", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"OggS")

SNIFFED = 12
"""Bytes that are needed to tell a video by its beginning."""


def may_be_video(content_type: str, start: bytes) -> bool:
    """Return whether an upstream's 200 holds a video, by its type or, without one, its beginning.

    `start` has at least `SNIFFED` bytes unless the whole is shorter. MP4 and QuickTime boxes (ISO
    14496-12), Matroska and WebM, MPEG, AVI and Ogg are known.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _UNTYPED:
        return kind.startswith("video/")
    is_avi = start.startswith(b"RIFF") and start[8:12] == b"AVI "
    return start[4:8] in _BOXES or start.startswith(_STARTS) or is_avi


def make_room(by_use: Iterable[Asset], excess: int) -> list[Asset]:
    """The least recently used that together are at least `excess` bytes, in that order."""
    chosen: list[Asset] = []
    for asset in by_use:
        if excess <= 0:
            break
        chosen.append(asset)
        excess -= asset.size
    return chosen


_RETRY_FIRST_MS, _RETRY_MAX_MS = 5_000, 600_000


def next_try(attempts: int, now: int, give_up_at: int) -> int | None:
    """When an output that could not be fetched is tried again, epoch ms; None: not any more.

    Waits grow, but never past half of the time that is left: the closer the end, the more tries.
    """
    if now >= give_up_at:
        return None
    delay = min(_RETRY_FIRST_MS << min(attempts, 20), _RETRY_MAX_MS)
    return now + max(min(delay, (give_up_at - now) // 2), 1_000)

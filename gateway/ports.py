"""What the inside asks of the outside: the clock, the database, the upstream's answers.

An adapter implements each once; tests use fakes that behave (`tests/fakes`).
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Protocol, TypeVar

from gateway.domain.content import ByteRange, RangeRequest
from gateway.domain.delivery import AttemptOutcome
from gateway.domain.network import BlockedAddress, CallbackPolicy
from gateway.domain.upstream import CatalogOutcome, PollOutcome, SubmitOutcome

Value = str | int | None
"""What a SQL parameter may be. TEXT and BIGINT only: money in micro-dollars, times in epoch ms."""

Row = Mapping[str, Any]
"""One row, by column name. A column holds `str`, `int` or None."""

T = TypeVar("T")


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never run backwards; only differences are meaningful."""

    async def sleep(self, seconds: float) -> None:
        """Wait; returns at once for zero or less."""


class Transaction(Protocol):
    """One open transaction, handed to an act. It can neither be committed nor kept by the act.

    SQL is written once for both databases: named parameters (`:name`, lower-case), no `::` casts,
    no colon inside a string literal, and no parameter whose type PostgreSQL can't infer from its
    place (`:x IS NULL`).
    """

    @property
    def skip_locked(self) -> str:
        """`FOR UPDATE SKIP LOCKED` where the database has it, else an empty string."""

    @property
    def for_share(self) -> str:
        """`FOR SHARE` where the database locks rows, else an empty string."""

    @property
    def for_update(self) -> str:
        """`FOR UPDATE` where the database locks rows, else an empty string."""

    def execute(self, sql: str, **params: Value) -> int:
        """Run one statement; the number of rows it touched."""

    def changed(self, sql: str, **params: Value) -> bool:
        """Run one statement; return whether it changed exactly one row."""

    def fetch(self, sql: str, **params: Value) -> Sequence[Row]:
        """Run one statement; return all its rows."""

    def fetchrow(self, sql: str, **params: Value) -> Row | None:
        """Run one statement; its first row, None if there is none."""


class Database(Protocol):
    """Where acts run. An act is a plain function over a `Transaction` with no other effect:
    it may be run again (PostgreSQL repeats it after a serialization failure or a deadlock).
    """

    async def write(self, act: Callable[[Transaction], T]) -> T:
        """Run the act in one transaction; durable when this returns.

        What the act raises is raised here, and nothing of the act remains. Cancelling the caller
        never leaves an act half done, but does not tell whether it was done: treat it as unknown.

        Raises:
            StorageFailed: the database did not take it, or it is not known whether it did.

        """

    async def read(self, act: Callable[[Transaction], T]) -> T:
        """Run the act on one snapshot. It must not write; a write raises.

        Raises:
            StorageFailed: the database did not answer.

        """

    async def close(self) -> None:
        """Finish what was accepted, then let go. Later calls raise StorageFailed."""


class ContentStream(Protocol):
    """The bytes of one output, as they come."""

    @property
    def content_type(self) -> str:
        """What the upstream calls it; `video/mp4` as a rule."""

    @property
    def size(self) -> int | None:
        """The bytes of the whole output as the upstream announces them; None: it does not."""

    @property
    def part(self) -> ByteRange | None:
        """The part of the output that this is; None: the whole of it."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Chunks, bounded in size. Raises ContentFailed when the stream breaks."""


class Upstream(Protocol):
    """One OpenRouter-shaped API. No method raises for what the upstream does; each says it."""

    @property
    def name(self) -> str:
        """Its name in the configuration."""

    async def submit(
        self, body: bytes, headers: Mapping[str, str], *, timeout: float
    ) -> SubmitOutcome:
        """Send one submit, once, for at most `timeout` seconds."""

    async def poll(self, upstream_id: str) -> PollOutcome:
        """Poll a job."""

    def content(
        self, upstream_id: str, index: int, wanted: RangeRequest | None = None
    ) -> AbstractAsyncContextManager[ContentStream]:
        """Open one output for reading, or the wanted range of it where the upstream has ranges.

        Raises:
            ContentFailed: on entering, if the upstream does not return the output.
            OutOfRange: on entering, if the output has no byte of the wanted range.

        """

    async def models(self) -> CatalogOutcome:
        """Return the catalog's entries as the upstream lists them, or why they can't be had."""


class Draft(Protocol):
    """A video on its way into a store: nothing of it is there until it is kept.

    What was written can be read at once, by many, until `close`; also after it was kept or
    discarded. No method but `close` may be called after `close`.
    """

    @property
    def name(self) -> str:
        """What it will be called in the store."""

    @property
    def size(self) -> int:
        """Bytes written so far."""

    @property
    def sha256(self) -> str:
        """The digest of the bytes written so far, in hexadecimal."""

    async def write(self, chunk: bytes) -> None:
        """Append.

        Raises:
            BlobFailed: it can't be kept any more; what was written before can still be read.

        """

    async def read(self, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`; fewer only at the end of what was written.

        Raises:
            BlobFailed: the bytes could not be read back.

        """

    async def keep(self) -> None:
        """Put it into the store under its name, whole and durable, or not at all.

        Raises:
            BlobFailed: the store does not have it.

        """

    async def discard(self) -> None:
        """Leave nothing of it in the store; nothing is raised, for nothing can be done."""

    def close(self) -> None:
        """Let go of what was held for reading it back."""


class Blob(Protocol):
    """One stored video, opened: it can be read to its end even if it is removed meanwhile, where
    the store is a folder.
    """

    @property
    def size(self) -> int:
        """How many bytes it has."""

    @property
    def file(self) -> IO[bytes] | None:
        """The open file that it is, for the kernel to send; None where it is none."""

    def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """These bytes, in bounded chunks. Raises BlobFailed when the store fails on the way."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something that lies in a store."""

    name: str
    modified: datetime


class Blobs(Protocol):
    """Where videos are kept: a folder, or a bucket. What is kept never changes."""

    @property
    def store(self) -> str:
        """Which store this is: the same for everybody who sees the same videos."""

    async def draft(self, name: str) -> Draft:
        """Begin to write a video.

        Raises:
            BlobFailed: there is no room for it, or the store does not work.

        """

    def open(self, name: str) -> AbstractAsyncContextManager[Blob]:
        """Open a video.

        Raises:
            BlobMissing: on entering, when the store works and does not have it.
            BlobFailed: on entering, when the store does not work.

        """

    async def delete(self, name: str) -> None:
        """Remove a video; one that is not there is no error.

        Raises:
            BlobFailed: it may still be there.

        """

    def found(self) -> AsyncIterator[Found]:
        """Every video in the store, of whomever. Raises BlobFailed."""

    async def close(self) -> None:
        """Let go of what is held."""


class Outbound(Protocol):
    """How subscribers are reached: one HTTP POST at a time, to whoever it may be."""

    async def send(
        self, url: str, headers: Mapping[str, str], body: bytes, policy: CallbackPolicy | None
    ) -> AttemptOutcome:
        """POST the body once, ended in time. Whatever happens out there is an outcome.

        `policy`: the rules for a client's URL, judged anew; None for an operator's own subscriber.
        """

    async def inspect(
        self, url: str, policy: CallbackPolicy, timeout: float
    ) -> BlockedAddress | None:
        """Whether a client's URL is refused as things stand; nothing is connected to.

        A host that can't be looked up within `timeout` seconds is not refused here.
        """

"""The way of a log line out of the process: a bounded queue and one thread that writes.

Who logs never waits: a reader that stops reading costs lines, never time. Lines that found the
queue full, or whose write failed, are counted, and the count is told by a line of its own as soon
as the way is free again.
"""

import os
import select
import threading
import time
from collections.abc import Callable, Mapping
from io import TextIOBase, UnsupportedOperation
from queue import Empty, SimpleQueue
from typing import IO, Any, Final, Protocol

CAPACITY: Final = 8192  # lines that wait: some MB, and seconds of the busiest gateway
_BATCH_BYTES: Final = 65536  # what Linux's pipe takes in one write
_GATHER_SECONDS: Final = 0.005  # a wake-up of the writer costs more than making a line
_CLOSE_SECONDS: Final = 5.0  # what a stuck reader may cost a shutdown


class Sink(Protocol):
    """Where bytes go. Used by the writer's thread only."""

    def write(self, data: bytes) -> None:
        """Write all of it, however long that takes; raises OSError or ValueError if it can't be."""

    def close(self) -> None:
        """Let go."""


class LogPipe:
    """Takes lines from any thread, writes them in order from one.

    `sink`: where bytes go. `report`: makes the line that tells how many lines were lost.
    """

    def __init__(
        self, sink: Sink, *, report: Callable[[int], bytes], capacity: int = CAPACITY
    ) -> None:
        self._sink = sink
        self._report = report
        self._capacity = capacity
        # SimpleQueue.put may interrupt itself: a finalizer that logs while we log can't deadlock.
        self._queue: SimpleQueue[bytes | threading.Event | None] = SimpleQueue()
        self._lock = threading.RLock()
        self._dropped = 0
        self._reported = 0
        self._closed = False
        self._on_close: list[Callable[[], None]] = []
        self.trusted_line: Callable[[str, Mapping[str, Any]], bytes] | None = None
        """Makes a line that needs no redaction; empty where its level is not logged."""
        # A daemon: a reader that never reads must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Lines lost since the start."""
        return self._dropped

    def put(self, line: bytes) -> None:
        """Hand over one line, newline included. Never blocks; a line too many is dropped."""
        if self._closed or self._queue.qsize() >= self._capacity:
            self._drop(1)
        else:
            self._queue.put(line)

    def put_trusted(self, event: str, facts: Mapping[str, Any]) -> bool:
        """Make the line of trusted facts and hand it over; False where nobody makes lines."""
        if self.trusted_line is None:
            return False
        line = self.trusted_line(event, facts)
        if line:
            self.put(line)
        return True

    def flush(self, timeout: float = _CLOSE_SECONDS) -> bool:
        """Block until what was put before is written; False if that took longer."""
        if not self._thread.is_alive():
            return self._queue.empty()
        written = threading.Event()
        self._queue.put(written)
        return written.wait(timeout)

    def on_close(self, callback: Callable[[], None]) -> None:
        """What to undo first when the pipe closes, so that nothing logs into a closed one."""
        self._on_close.append(callback)

    def close(self, timeout: float = _CLOSE_SECONDS) -> bool:
        """Write what waits, then stop; False if the reader did not take it in time. Idempotent.

        Blocks the calling thread: the last thing before the process ends.
        """
        while self._on_close:
            self._on_close.pop()()
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _drop(self, lines: int) -> None:
        with self._lock:
            self._dropped += lines

    def _run(self) -> None:
        more = True
        while more:
            lines, flushed, more = self._next_batch()
            self._tell_losses()
            self._write(lines)
            for event in flushed:
                event.set()
        self._drop(self._queue.qsize())  # put by others in the moment of closing
        self._tell_losses()
        self._sink.close()

    def _next_batch(self) -> tuple[list[bytes], list[threading.Event], bool]:
        """What waits, up to one write's worth; waits for the first. False at the end."""
        lines: list[bytes] = []
        flushed: list[threading.Event] = []
        size = 0
        item = self._queue.get()
        if isinstance(item, bytes) and not self._closed:
            time.sleep(_GATHER_SECONDS)
        while item is not None:
            if isinstance(item, bytes):
                lines.append(item)
                size += len(item)
            else:
                flushed.append(item)
            if size >= _BATCH_BYTES:
                return lines, flushed, True
            try:
                item = self._queue.get_nowait()
            except Empty:
                return lines, flushed, True
        return lines, flushed, False

    def _tell_losses(self) -> None:
        lost = self._dropped - self._reported
        if lost:
            self._reported += lost
            if not self._write([self._report(lost)]):
                self._reported -= lost

    def _write(self, lines: list[bytes]) -> bool:
        if not lines:
            return True
        try:
            self._sink.write(b"".join(lines))
        except (OSError, ValueError):  # the reader is gone, the disk is full, the file is closed
            self._drop(len(lines))
            return False
        return True


def sink_of(stream: IO[Any]) -> Sink:
    """The sink for an open stream: its file descriptor where it has one, else its `write`."""
    try:
        descriptor = stream.fileno()
    except (OSError, UnsupportedOperation, AttributeError):
        return _StreamSink(stream)
    stream.flush()
    return _DescriptorSink(descriptor)


class _DescriptorSink:
    """Writes past Python's buffers: a daemon thread stuck inside one aborts the interpreter's exit.

    On a duplicate of the descriptor: should the stream be closed, its number may become another
    file's.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = os.dup(descriptor)

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # somebody who shares the terminal made it non-blocking
                self._wait()

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        poll.poll(1000)

    def close(self) -> None:
        os.close(self._descriptor)


class _StreamSink:
    def __init__(self, stream: IO[Any]) -> None:
        self._stream = stream
        self._text = isinstance(stream, TextIOBase)

    def write(self, data: bytes) -> None:
        self._stream.write(data.decode() if self._text else data)
        self._stream.flush()

    def close(self) -> None:
        """The stream belongs to who opened it."""

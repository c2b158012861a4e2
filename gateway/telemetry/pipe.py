"""Write log lines from a bounded queue, in one thread.

Logging never blocks: a slow reader loses lines and delays nothing. Lines that the queue did not
accept or that could not be written are counted, and a line reports the count as soon as writing
works again.
"""

import os
import select
import threading
import time
from collections.abc import Callable, Mapping
from io import TextIOBase, UnsupportedOperation
from queue import Empty, SimpleQueue
from typing import IO, Any, Final, Protocol

CAPACITY: Final = 8192  # queued lines: some MB, and seconds of a busy gateway
_BATCH_BYTES: Final = 65536  # the size of a pipe's buffer on Linux
_GATHER_SECONDS: Final = 0.005  # waking the writer costs more than formatting a line
_CLOSE_SECONDS: Final = 5.0  # the longest wait for a stuck reader at a shutdown


class Sink(Protocol):
    """The destination of bytes. Only the writer's thread uses it."""

    def write(self, data: bytes) -> None:
        """Write all of it, for as long as that takes; raises OSError or ValueError."""

    def close(self) -> None:
        """Close it."""


class LogPipe:
    """Accepts lines from any thread, and writes them in order in one thread.

    `sink`: the destination. `report` formats the line with the number of lost lines.
    """

    def __init__(
        self, sink: Sink, *, report: Callable[[int], bytes], capacity: int = CAPACITY
    ) -> None:
        self._sink = sink
        self._report = report
        self._capacity = capacity
        # SimpleQueue.put is reentrant: a finalizer that logs during a log call can't deadlock.
        self._queue: SimpleQueue[bytes | threading.Event | None] = SimpleQueue()
        self._lock = threading.RLock()
        self._dropped = 0
        self._reported = 0
        self._closed = False
        self._on_close: list[Callable[[], None]] = []
        self.trusted_line: Callable[[str, Mapping[str, Any]], bytes] | None = None
        """Formats a line that needs no redaction; empty if its level is not logged."""
        # A daemon: a reader that never reads must not block the end of the process.
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Lines lost since the start."""
        return self._dropped

    def put(self, line: bytes) -> None:
        """Queue one line with its newline. Never blocks; a full queue drops the line."""
        if self._closed or self._queue.qsize() >= self._capacity:
            self._drop(1)
        else:
            self._queue.put(line)

    def put_trusted(self, event: str, facts: Mapping[str, Any]) -> bool:
        """Format a line of trusted facts and queue it; False without a formatter."""
        if self.trusted_line is None:
            return False
        line = self.trusted_line(event, facts)
        if line:
            self.put(line)
        return True

    def flush(self, timeout: float = _CLOSE_SECONDS) -> bool:
        """Block until all queued lines are written; False after `timeout`."""
        if not self._thread.is_alive():
            return self._queue.empty()
        written = threading.Event()
        self._queue.put(written)
        return written.wait(timeout)

    def on_close(self, callback: Callable[[], None]) -> None:
        """Add a function that `close` calls first, to stop logging into the pipe."""
        self._on_close.append(callback)

    def close(self, timeout: float = _CLOSE_SECONDS) -> bool:
        """Write the queued lines, then stop; False if the reader was too slow. Idempotent.

        Blocks the calling thread; call it at the end of the process.
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
            self._report_losses()
            self._write(lines)
            for event in flushed:
                event.set()
        self._drop(self._queue.qsize())  # queued by other threads during closing
        self._report_losses()
        self._sink.close()

    def _next_batch(self) -> tuple[list[bytes], list[threading.Event], bool]:
        """Wait for a line; return the queued lines for one write. False at the end."""
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

    def _report_losses(self) -> None:
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
        except (OSError, ValueError):  # for example a closed pipe or a full disk
            self._drop(len(lines))
            return False
        return True


def sink_of(stream: IO[Any]) -> Sink:
    """Return the sink for a stream: its file descriptor if it has one, otherwise its `write`."""
    try:
        descriptor = stream.fileno()
    except (OSError, UnsupportedOperation, AttributeError):
        return _StreamSink(stream)
    stream.flush()
    return _DescriptorSink(descriptor)


class _DescriptorSink:
    """Writes without Python's buffers, which a blocked daemon thread would keep locked at the exit.

    It uses a duplicate of the descriptor, because the number of a closed stream may be reused.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = os.dup(descriptor)

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # another process has made the terminal non-blocking
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
        """Do nothing: the caller owns the stream."""

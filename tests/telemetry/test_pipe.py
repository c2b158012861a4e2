"""The pipe: order kept, nothing lost while it flows, nothing waiting while it does not."""

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.telemetry.pipe import LogPipe, sink_of


def report(lost: int) -> bytes:
    return b"lost %d\n" % lost


class Gate:
    """A sink that takes nothing until it is opened, and may fail."""

    def __init__(self, *, open_: bool = True) -> None:
        self.taken = b""
        self.closed = False
        self.failing = False
        self._open = threading.Event()
        if open_:
            self._open.set()

    def open(self) -> None:
        self._open.set()

    def write(self, data: bytes) -> None:
        self._open.wait()
        if self.failing:
            raise BrokenPipeError
        self.taken += data

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate(open_=False)
    yield gate
    gate.open()


def numbers(data: bytes) -> list[int]:
    return [int(line) for line in data.splitlines() if not line.startswith(b"lost")]


def test_closing_writes_everything_in_order() -> None:
    sink = Gate()
    pipe = LogPipe(sink, report=report)
    for number in range(5000):
        pipe.put(b"%d\n" % number)

    assert pipe.close()

    assert numbers(sink.taken) == list(range(5000))
    assert pipe.dropped == 0
    assert sink.closed


def test_flush_returns_when_what_was_put_is_written() -> None:
    sink = Gate()
    pipe = LogPipe(sink, report=report)
    pipe.put(b"1\n")

    assert pipe.flush()
    assert sink.taken == b"1\n"

    pipe.close()
    assert pipe.flush()


def test_a_stuck_reader_costs_lines_and_never_time(gate: Gate) -> None:
    pipe = LogPipe(gate, report=report, capacity=100)

    started = time.perf_counter()
    for number in range(10_000):
        pipe.put(b"%d\n" % number)
    spent = time.perf_counter() - started

    assert spent < 1  # 10,000 puts; a single wait for the reader would last until the test's end
    assert pipe.dropped > 0
    assert not pipe.flush(timeout=0.01)
    assert not pipe.close(timeout=0.01)


def test_every_line_is_either_written_or_counted_and_told(gate: Gate) -> None:
    pipe = LogPipe(gate, report=report, capacity=100)

    def shout() -> None:
        for number in range(500):
            pipe.put(b"%d\n" % number)

    threads = [threading.Thread(target=shout) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gate.open()

    assert pipe.close()

    told = sum(int(line.split()[1]) for line in gate.taken.splitlines() if b"lost" in line)
    assert pipe.dropped > 0
    assert told == pipe.dropped
    assert len(numbers(gate.taken)) + pipe.dropped == 8 * 500


def test_losses_are_told_as_soon_as_the_way_is_free(gate: Gate) -> None:
    pipe = LogPipe(gate, report=report, capacity=2)
    for number in range(50):
        pipe.put(b"%d\n" % number)
    lost = pipe.dropped
    gate.open()
    pipe.flush()
    pipe.put(b"99\n")
    pipe.flush()

    assert b"lost %d\n" % lost in gate.taken
    assert gate.taken.endswith(b"99\n")
    pipe.close()


def test_a_failed_write_is_counted_and_told_when_the_reader_is_back() -> None:
    sink = Gate()
    pipe = LogPipe(sink, report=report)
    sink.failing = True
    pipe.put(b"1\n")
    pipe.flush()
    assert pipe.dropped >= 1

    sink.failing = False
    pipe.put(b"2\n")
    pipe.close()

    assert sink.taken == b"lost %d\n2\n" % pipe.dropped


def test_a_line_after_closing_is_counted_not_kept() -> None:
    sink = Gate()
    pipe = LogPipe(sink, report=report)
    pipe.close()

    pipe.put(b"late\n")

    assert pipe.dropped == 1
    assert pipe.close()


def test_what_is_to_be_undone_is_undone_once_last_first() -> None:
    undone: list[str] = []
    pipe = LogPipe(Gate(), report=report)
    pipe.on_close(lambda: undone.append("first"))
    pipe.on_close(lambda: undone.append("second"))

    pipe.close()
    pipe.close()

    assert undone == ["second", "first"]


def test_a_full_operating_system_pipe_blocks_the_writer_alone() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        pipe = LogPipe(sink_of(stream), report=report, capacity=50)
    line = b"x" * 4095 + b"\n"

    for _ in range(200):  # 800 kB: far past what the system's pipe and our queue hold
        pipe.put(line)
    assert pipe.dropped > 0

    taken = b""
    closer = threading.Thread(target=pipe.close)
    closer.start()
    while chunk := os.read(reading, 65536):  # ends when the pipe has let go of its end
        taken += chunk
    closer.join()
    os.close(reading)
    assert taken.count(line) + pipe.dropped == 200


def test_a_non_blocking_descriptor_still_gets_whole_lines() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(writing, "wb") as stream:
        pipe = LogPipe(sink_of(stream), report=report)
    lines = b"".join(b"%06d\n" % number for number in range(40_000))
    pipe.put(lines)

    closer = threading.Thread(target=pipe.close)
    closer.start()
    taken = b""
    while chunk := os.read(reading, 4096):
        taken += chunk
    closer.join()
    os.close(reading)

    assert taken == lines


def test_a_stream_closed_by_another_never_sends_lines_into_a_strangers_file(tmp_path: Path) -> None:
    stream = (tmp_path / "log").open("w")
    pipe = LogPipe(sink_of(stream), report=report)
    stream.close()
    with (tmp_path / "stranger").open("w"):  # takes the descriptor's number
        pipe.put(b"line\n")
        pipe.close()

    assert (tmp_path / "stranger").read_bytes() == b""
    assert (tmp_path / "log").read_bytes() == b"line\n"


@pytest.mark.parametrize("stream", [io.StringIO(), io.BytesIO()])
def test_a_stream_without_a_descriptor_is_written_through_its_own_door(
    stream: io.StringIO | io.BytesIO,
) -> None:
    pipe = LogPipe(sink_of(stream), report=report)
    pipe.put("é\n".encode())
    pipe.close()

    told = stream.getvalue()
    assert told == ("é\n" if isinstance(told, str) else "é\n".encode())


def test_a_process_with_a_stuck_reader_still_ends() -> None:
    """The writer is stuck in the middle of a write when the interpreter goes down."""
    script = (
        "import sys\n"
        "from gateway.telemetry.pipe import LogPipe, sink_of\n"
        "pipe = LogPipe(sink_of(sys.stderr), report=lambda n: b'')\n"
        "for _ in range(100): pipe.put(b'x' * 65536)\n"
        "pipe.close(timeout=0.05)\n"
        "print('ended', flush=True)\n"
    )
    reading, writing = os.pipe()
    ended = subprocess.run(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=writing,
        timeout=60,
        check=False,
    )
    os.close(writing)
    os.close(reading)

    assert (ended.returncode, ended.stdout) == (0, b"ended\n")

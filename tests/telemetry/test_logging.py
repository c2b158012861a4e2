"""Logging: every line of the process takes one way, and nothing secret goes along."""

import asyncio
import io
import json
import logging
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.telemetry.context import log_context
from gateway.telemetry.logging import Format, Level, configure_logging, get_logger
from gateway.telemetry.pipe import LogPipe

CANARY = "cAnaRyCaNaryCAnary0123456789"


class Log:
    """The log of one test: read it after `close`, or at once after a flush."""

    def __init__(self, level: Level = "info", form: Format = "json") -> None:
        self._stream = io.StringIO()
        self.pipe: LogPipe = configure_logging(level, form, self._stream)

    @property
    def text(self) -> str:
        assert self.pipe.flush()
        return self._stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def only(self) -> dict[str, Any]:
        (line,) = self.lines
        return line


@pytest.fixture
def open_log() -> Iterator[Callable[..., Log]]:
    opened: list[Log] = []

    def open_one(level: Level = "info", form: Format = "json") -> Log:
        opened.append(Log(level, form))
        return opened[-1]

    yield open_one
    for one in reversed(opened):
        assert one.pipe.close()


@pytest.fixture
def log(open_log: Callable[..., Log]) -> Log:
    return open_log()


def test_a_fact_is_one_json_line(log: Log) -> None:
    get_logger(team="growth").info("job.submitted", job="j", attempts=2)

    line = log.only
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "event": "job.submitted",
        "team": "growth",
        "job": "j",
        "attempts": 2,
    }


def test_what_is_below_the_level_is_not_told(open_log: Callable[..., Log]) -> None:
    log = open_log("warning")
    get_logger().info("job.submitted")
    get_logger().warning("job.slow")
    logging.getLogger("library").info("chatter")

    assert log.only["event"] == "job.slow"


def test_the_console_form_is_for_people(open_log: Callable[..., Log]) -> None:
    log = open_log("info", "console")
    get_logger().info("job.submitted", team="growth")

    assert "info     job.submitted" in log.text
    assert "team=growth" in log.text
    assert "\x1b" not in log.text  # no terminal, no colour


async def test_the_context_follows_into_tasks_and_ends_with_its_block(log: Log) -> None:
    async def background() -> None:
        get_logger().info("inside")

    with log_context(request_id="r1", trace_id="t1"):
        task = asyncio.create_task(background())
    get_logger().info("outside")
    await task

    by_event = {line["event"]: line for line in log.lines}
    assert by_event["inside"]["request_id"] == "r1"
    assert by_event["inside"]["trace_id"] == "t1"
    assert "request_id" not in by_event["outside"]


async def test_a_thousand_tasks_never_mix_their_contexts(log: Log) -> None:
    async def one(number: int) -> None:
        with log_context(request_id=f"r{number}"):
            await asyncio.sleep(0)
            get_logger().info("request.served", number=number)

    await asyncio.gather(*(one(number) for number in range(1000)))

    assert len(log.lines) == 1000
    assert all(line["request_id"] == f"r{line['number']}" for line in log.lines)


@pytest.mark.parametrize("form", ["json", "console"])
def test_canaries_in_every_place_stay_inside(open_log: Callable[..., Log], form: Format) -> None:
    log = open_log("debug", form)
    logger = get_logger()

    logger.info("request.served", prompt=CANARY, url=f"https://h.example/x?sig={CANARY}")
    logger.info(f"said vg_{CANARY}", note=f"Bearer {CANARY}", nested={"deep": [{"body": CANARY}]})
    logger.info("bound %s", f"whsec_{CANARY}")
    with log_context(request_id=f"sk-or-v1-{CANARY}"):
        logger.warning("odd", error=ValueError(CANARY), raw=CANARY.encode())
    try:
        json.loads(f"{{{CANARY}")
    except ValueError:
        logger.exception("request.broken")
    for name in ("aiohttp.server", "asyncio", "psycopg", "anything"):
        logging.getLogger(name).error("failed: %s", ValueError(CANARY), exc_info=ValueError(CANARY))
        logging.getLogger(name).error("wants %s", f"postgresql://u:{CANARY}@h/d")
    logging.getLogger("aiohttp.server").error("Bad line %r", CANARY)
    logging.getLogger("asyncio").error(f"Exception in callback f('{CANARY}')\nhandle: {CANARY}")
    logging.getLogger("psycopg").warning(f"row is wrong\nDETAIL: Failing row contains ({CANARY})")
    logging.getLogger("aiosqlite").debug("executing %s", CANARY)

    assert CANARY not in log.text
    assert "said [redacted]" in log.text
    assert "Exception in callback f" in log.text
    assert log.text.count("failed: ValueError") == 4


def test_a_library_is_named_and_its_exception_told_by_kind_and_place(log: Log) -> None:
    try:
        raise KeyError(CANARY)
    except KeyError:
        logging.getLogger("psycopg.pool").exception("error connecting in %r", "pool-1")

    line = log.only
    assert line["logger"] == "psycopg.pool"
    assert (line["level"], line["event"]) == ("error", "error connecting in 'pool-1'")
    assert line["error"] == "KeyError"
    assert "tests/telemetry/test_logging.py:" in line["stack"][0]


def test_a_library_whose_message_does_not_fit_its_arguments_is_still_told(
    open_log: Callable[..., Log],
) -> None:
    log = open_log()
    logging.getLogger("library").warning("%d of %s", "x")
    logging.getLogger("library").warning("%(a)s and %(b)d", {"a": "x", "b": 2})

    assert [line["event"] for line in log.lines] == ["%d of %s", "x and 2"]


async def test_an_exception_nobody_awaited_is_told_without_its_words(log: Log) -> None:
    async def fail(prompt: str) -> None:
        raise ValueError(prompt)

    task = asyncio.create_task(fail(CANARY))
    await asyncio.wait([task])
    del task
    asyncio.get_running_loop().call_soon(lambda prompt: 1 / 0, CANARY)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert {line["error"] for line in log.lines} == {"ValueError", "ZeroDivisionError"}
    assert CANARY not in log.text


async def test_a_malformed_request_is_told_without_a_piece_of_it(log: Log) -> None:
    async with TestServer(web.Application()) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(f"GET / HTTP/1.1\r\nHost: x\r\nprompt {CANARY}\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()

    assert answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
    assert log.only["logger"] == "aiohttp.server"
    assert CANARY not in log.text


async def test_aiohttps_own_access_line_with_its_query_is_silent(log: Log) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_get("/", answer)
    logging.getLogger("aiohttp.access").info("GET /?sig=%s", CANARY)
    async with TestServer(app) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"GET /?sig=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await reader.read()
        writer.close()

    assert log.lines == []


async def test_a_reader_that_never_reads_does_not_delay_the_loop() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        pipe = configure_logging("info", "json", stream, capacity=500)
    slowest, last = 0.0, time.perf_counter()
    for _ in range(5_000):
        get_logger().info("request.served", note="word " * 60)
        await asyncio.sleep(0)
        now = time.perf_counter()
        slowest, last = max(slowest, now - last), now

    assert pipe.dropped > 0
    assert slowest < 1.0  # one wait for the reader would never end

    os.set_blocking(reading, False)
    taken = b""
    while not await asyncio.to_thread(pipe.flush, 0.01) or _readable(reading):
        taken += _drain(reading)
    await asyncio.to_thread(pipe.close)
    taken += _drain(reading)
    os.close(reading)
    told = [json.loads(line) for line in taken.splitlines()]
    lost = sum(line["lines"] for line in told if line["event"] == "log.lines_dropped")
    assert lost == pipe.dropped
    assert lost + sum(line["event"] == "request.served" for line in told) == 5_000


def _readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])


def _drain(descriptor: int) -> bytes:
    taken = b""
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except BlockingIOError:
            return taken
        if not chunk:
            return taken
        taken += chunk


def test_a_finalizer_that_logs_while_we_log_does_not_deadlock(log: Log) -> None:
    class Noisy:
        def __init__(self) -> None:
            self.circle = self  # freed by the collector alone, at a moment of its choosing

        def __del__(self) -> None:
            get_logger().info("finalized")

    for _ in range(3000):
        Noisy()
        get_logger().info("request.served", numbers=[[n] for n in range(40)])

    events = [line["event"] for line in log.lines]
    assert events.count("request.served") == 3000
    assert "finalized" in events


def test_a_process_that_ends_without_closing_still_tells_its_last_lines() -> None:
    program = (
        "from gateway.telemetry.logging import configure_logging, get_logger\n"
        "configure_logging('info', 'json')\n"
        "for n in range(2000): get_logger().info('last', n=n)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=60, check=True
    )

    assert len(ended.stderr.splitlines()) == 2000


def test_closing_puts_back_what_was_before() -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, structlog.get_config()["processors"])
    outer = Log()
    inner = Log()

    get_logger().info("inner")
    assert inner.only["event"] == "inner"
    inner.pipe.close()
    get_logger().info("outer")
    logging.getLogger("library").warning("outer too")
    assert [line["event"] for line in outer.lines] == ["outer", "outer too"]
    outer.pipe.close()

    assert (root.handlers, root.level) == before[:2]
    assert not structlog.is_configured()

"""Run the gateway as a process: two listeners, signals, drain, reload."""

import asyncio
import gc
import logging
import random
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.adapters.clock import SystemClock
from gateway.adapters.descriptors import raise_limit
from gateway.api.connections import BoundedRunner
from gateway.api.listeners import Listeners
from gateway.app import Gateway, open_gateway
from gateway.config.loader import Loaded
from gateway.config.mistakes import ConfigError
from gateway.config.schema import Config
from gateway.domain.errors import StorageFailed
from gateway.telemetry.bundle import Telemetry
from gateway.telemetry.lag import watch_event_loop

# aiohttp's AppRunner waits 3,630 s for the next request on a connection; this is the limit
# here (docs/reliability.md, section 0).
_KEEPALIVE = 15.0
# Seconds for which a busy thread keeps the interpreter's lock while the event loop waits for it.
# The default of 5 ms is paid after each system call of the loop while a large body is parsed.
_SWITCH = 0.0005
_GC_THRESHOLD = 20_000  # objects made and not freed between two collections of the youngest
_LOOK_EVERY = 0.05  # seconds between two looks for open connections
_MAX_HEADER = 8190  # bytes of one header field, and of the request line


@dataclass(frozen=True, slots=True)
class Listening:
    """The actual addresses of the two applications (port 0 becomes a free port)."""

    public: str
    admin: str


async def serve(
    config: Config,
    version: str,
    telemetry: Telemetry,
    *,
    load: Callable[[], Loaded] | None = None,
    on_listening: Callable[[Listening], None] | None = None,
) -> int:
    """Run until SIGTERM or SIGINT, drain, and return the exit code; SIGHUP calls `load`.

    The code is 0 after a drain, 1 if the database had to stop for good.

    Raises:
        UnusableDatabase, SchemaRefused, StorageFailed, OSError: nothing was started.

    """
    before, now = raise_limit()
    if now != before:
        telemetry.log.info("server.descriptors", limit=now, before=before)
    stop, hurry = asyncio.Event(), asyncio.Event()
    failures: list[StorageFailed] = []

    def fail_stop(error: StorageFailed) -> None:
        telemetry.log.critical("database.failed_for_good", error=error)
        failures.append(error)
        loop.call_soon_threadsafe(stop.set)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: (hurry if stop.is_set() else stop).set())
    loop.add_signal_handler(signal.SIGINT, _set_all, stop, hurry)
    # A SIGHUP before the start is complete must not end the process.
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    async with open_gateway(
        config,
        version,
        clock=SystemClock(),
        source=random.SystemRandom(),
        telemetry=telemetry,
        on_failure=fail_stop,
    ) as gateway:
        if load is not None:
            loop.add_signal_handler(signal.SIGHUP, reload, gateway, load, telemetry)
        keepalive = config.server.keepalive.total_seconds()
        public = http_runner(gateway.public, config.server.drain_seconds, keepalive=keepalive)
        admin = http_runner(gateway.admin, 1.0, keepalive=keepalive)
        try:
            listeners = Listeners(public)
            listening = Listening(
                await listeners.open(config.server.listen),
                await Listeners(admin).open([config.server.admin_listen]),
            )
            telemetry.log.info(
                "server.started",
                public=listening.public,
                admin=listening.admin,
                config_version=version,
                teams=len(config.teams),
                upstreams=list(config.upstreams),
            )
            if on_listening is not None:
                on_listening(listening)
            _settle_memory()
            sys.setswitchinterval(_SWITCH)
            lag = asyncio.create_task(watch_event_loop(telemetry.metrics.event_loop_lag))
            await stop.wait()
            lag.cancel()
            gateway.draining = True
            if not failures:
                lame = config.server.lame_duck.total_seconds()
                await _be_lame(lame, hurry, telemetry)
                await listeners.stop_accepting()
                await _answer_last_requests(public, lame, hurry)
            # Without a database nothing can be finished.
            seconds = 0.0 if failures else config.server.drain_seconds
            await _drain(gateway, public, seconds, telemetry)
        finally:
            await public.cleanup()
            await admin.cleanup()
    telemetry.log.info("server.stopped")
    return 1 if failures else 0


def _settle_memory() -> None:
    """Exclude the objects of the start from garbage collection, and collect less often.

    A submit creates some thousand objects, nearly all of which are freed without a collection.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 20, 50)


def reload(gateway: Gateway, load: Callable[[], Loaded], telemetry: Telemetry) -> None:
    """Put the present file in force; a bad file changes nothing and is logged and counted."""
    try:
        found = load()
    except ConfigError as error:
        telemetry.metrics.config_reloaded(ok=False)
        telemetry.log.error(
            "config.reload_refused",
            running_version=gateway.live.current.version,
            mistakes=str(error).splitlines(),
        )
        return
    changes = gateway.reload(found.config, found.version)
    telemetry.metrics.config_reloaded(ok=True)
    telemetry.log.info("config.reloaded", config_version=found.version, changes=changes)
    for warning in found.warnings:
        telemetry.log.warning("config.warning", warning=warning)


def http_runner(
    app: web.Application, shutdown: float, *, keepalive: float = _KEEPALIVE
) -> web.AppRunner:
    """Return the runner of an application; `shutdown`: seconds for running requests at the end.

    `keepalive`: seconds in which the next request on a connection must begin.
    """
    return BoundedRunner(
        app,
        auto_decompress=False,  # a few compressed bytes may need any memory
        access_log=None,  # the middleware logs every request
        logger=_ServerLog(logging.getLogger("aiohttp.server")),
        keepalive_timeout=keepalive,
        shutdown_timeout=shutdown,
        max_line_size=_MAX_HEADER,
        max_field_size=_MAX_HEADER,
    )


class _ServerLog(logging.LoggerAdapter[logging.Logger]):
    """aiohttp's log: malformed requests and closed connections are not errors."""

    def exception(self, msg: object, *args: object, exc_info: Any = True, **kwargs: Any) -> None:
        level = logging.INFO if isinstance(exc_info, _OF_CLIENTS) else logging.ERROR
        self.log(level, msg, *args, exc_info=exc_info, **kwargs)


_OF_CLIENTS = (HttpProcessingError, ConnectionError)


def _set_all(*events: asyncio.Event) -> None:
    for event in events:
        event.set()


async def _be_lame(seconds: float, hurry: asyncio.Event, telemetry: Telemetry) -> None:
    """Go on accepting for so long, so that balancers see that the gateway is not ready any more.

    A second signal, or Ctrl-C, ends it.
    """
    telemetry.log.info("server.stopping", lame_duck_seconds=seconds)
    with suppress(TimeoutError):
        await asyncio.wait_for(hurry.wait(), seconds)


async def _answer_last_requests(
    public: web.AppRunner, seconds: float, hurry: asyncio.Event
) -> None:
    """Close each open connection with the answer to its next request.

    A connection that is closed while it is idle may have a request on its way, which then fails. So
    only those are cut that stay idle for so many seconds.
    """
    end = asyncio.get_running_loop().time() + seconds
    while public.server is not None and public.server.connections:
        left = end - asyncio.get_running_loop().time()
        if left <= 0 or hurry.is_set():
            return
        await asyncio.sleep(min(left, _LOOK_EVERY))


async def _drain(
    gateway: Gateway, public: web.AppRunner, seconds: float, telemetry: Telemetry
) -> None:
    """Stop accepting, and finish running requests and submits within `seconds`."""
    telemetry.log.info("server.draining", seconds=seconds, submits=len(gateway.tasks))
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    async with asyncio.TaskGroup() as group:
        group.create_task(public.cleanup())
        cut = group.create_task(gateway.drain(seconds))
    # A request that was decided in the meantime may have started another submit; none starts from
    # here on.
    cut_off = cut.result() + await gateway.drain(max(0.0, end - clock()))
    telemetry.log.info("server.drained", cut_off=cut_off)

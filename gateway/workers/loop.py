"""A task that does one step again and again, and never dies of one that failed."""

import asyncio
from collections.abc import Awaitable, Callable

from gateway.ports import Clock
from gateway.telemetry.bundle import Telemetry

_AFTER_FAILURE = 1.0  # seconds; a failing database is asked no more often than that


class Loop:
    """Runs `step` until stopped; `step` says how many seconds to wait before the next."""

    def __init__(
        self,
        name: str,
        step: Callable[[], Awaitable[float]],
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        """Nothing runs before `start`."""
        self.name = name
        self.step = step
        self._clock = clock
        self._telemetry = telemetry
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the first step runs at once."""
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """Cancel and wait; whatever a step held by lease is free when the lease runs out."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                wait = await self.step()
            except Exception as error:
                # The loop must outlive whatever a step meets; the line tells an operator of it.
                self._telemetry.metrics.worker_failed(self.name)
                self._telemetry.log.exception("worker.step_failed", worker=self.name, error=error)
                wait = _AFTER_FAILURE
            await self._clock.sleep(wait)

"""A task that repeats a step, also after a failure."""

import asyncio
from collections.abc import Awaitable, Callable

from gateway.ports import Clock
from gateway.telemetry.bundle import Telemetry

_AFTER_FAILURE = 1.0  # seconds until the next step after a failure


class Loop:
    """Runs `step` until stopped; `step` returns the seconds until the next one."""

    def __init__(
        self,
        name: str,
        step: Callable[[], Awaitable[float]],
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        """Create a loop; `start` starts it."""
        self.name = name
        self.step = step
        self._clock = clock
        self._telemetry = telemetry
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start; the first step runs at once."""
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """Cancel the step and wait for its end; its leases expire by themselves."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                wait = await self.step()
            except Exception as error:
                # The loop must continue after any failure; the log line reports it.
                self._telemetry.metrics.worker_failed(self.name)
                self._telemetry.log.exception("worker.step_failed", worker=self.name, error=error)
                wait = _AFTER_FAILURE
            await self._clock.sleep(wait)

"""Measure the lag of the event loop, the first thing to check when everything is slow."""

import asyncio
from collections.abc import Callable
from typing import Final

EVERY: Final = 0.5  # seconds between samples


async def watch_event_loop(tell: Callable[[float], None], every: float = EVERY) -> None:
    """Report each sample's lag in seconds (`Metrics.event_loop_lag`), until cancelled.

    It uses the loop's own clock, because the lag is real time.
    """
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + every
        await asyncio.sleep(every)
        tell(max(0.0, loop.time() - due))

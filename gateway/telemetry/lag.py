"""How late the event loop runs what is due: the first thing to look at when everything is slow."""

import asyncio
from collections.abc import Callable
from typing import Final

EVERY: Final = 0.5  # seconds between samples: fine enough for an alert, cheap enough to forget


async def watch_event_loop(tell: Callable[[float], None], every: float = EVERY) -> None:
    """Tell each sample's lateness in seconds (`Metrics.event_loop_lag`), until cancelled.

    By the loop's own clock, not the gateway's: what is measured is real time.
    """
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + every
        await asyncio.sleep(every)
        tell(max(0.0, loop.time() - due))

"""The loop's lag, measured on a loop that is really held up."""

import asyncio
import time

from gateway.telemetry.lag import watch_event_loop


async def test_a_loop_that_is_held_up_shows_it() -> None:
    samples: list[float] = []
    sampled = asyncio.Event()

    def tell(seconds: float) -> None:
        samples.append(seconds)
        sampled.set()

    watching = asyncio.create_task(watch_event_loop(tell, every=0.01))
    await asyncio.sleep(0)
    time.sleep(0.15)  # noqa: ASYNC251 - blocking the loop is what is measured
    await sampled.wait()
    watching.cancel()
    await asyncio.wait([watching])

    assert samples[0] >= 0.1
    assert watching.cancelled()

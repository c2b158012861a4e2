"""Run functions that would block the event loop in dedicated threads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_THREADS = 2  # this work holds the GIL most of the time, so more threads would only compete


class OffLoop:
    """Runs functions in dedicated threads, so that host name lookups never wait for them."""

    def __init__(self) -> None:
        """Create the threads; `close` ends them."""
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="off-loop")

    async def run(self, work: Callable[[], T]) -> T:
        """Run the function and return its result; cancelling the caller does not stop it."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Accept no more work and cancel waiting work; running functions finish by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

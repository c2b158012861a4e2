"""Work that would block the event loop, in threads of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_THREADS = 2  # such work holds the interpreter most of the time: more threads would only compete


class OffLoop:
    """Runs functions in threads that nothing else uses, least of all lookups of host names."""

    def __init__(self) -> None:
        """Close it with `close`."""
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="off-loop")

    async def run(self, work: Callable[[], T]) -> T:
        """Run the function and return what it returns; cancelling the caller does not stop it."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Take no more work; what runs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

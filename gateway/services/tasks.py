"""Background tasks that may outlive the request that started them."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Tasks:
    """Runs and owns named background tasks."""

    def __init__(self, on_failure: Callable[[str, BaseException], None]) -> None:
        """Create an owner; `on_failure(name, error)` is called for each task that fails."""
        self._running: set[asyncio.Task[Any]] = set()
        self._on_failure = on_failure

    def __len__(self) -> int:
        return len(self._running)

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start the work now; its failure is reported and affects no other task."""
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def drain(self, seconds: float) -> int:
        """Wait for running tasks, then cancel the rest; return how many were cancelled.

        It also waits for tasks that start in the meantime, as long as any task is running.
        """
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        while self._running and (left := end - clock()) > 0:
            await asyncio.wait(set(self._running), timeout=left)
        late = set(self._running)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        return len(late)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(task.get_name(), error)

"""Interrupt work at every await, one after another, by a kill or a cancellation.

A step is one resumption of one coroutine. All work happens between two steps, so interrupting at
each step in turn covers every place.
"""

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_counted: ContextVar[bool] = ContextVar("counted", default=False)


class Steps:
    """Counts the steps of tasks started inside `counting`, and of the tasks these start.

    At step `at` it calls `then`, and throws the returned exception, if any, into the coroutine.
    """

    def __init__(self, at: int, then: Callable[[], BaseException | None]) -> None:
        self.taken = 0
        self._at = at
        self._then = then

    @contextmanager
    def counting(self) -> Generator[None]:
        """Count the steps of tasks started inside the `with` block."""
        loop = asyncio.get_running_loop()
        before = loop.get_task_factory()
        loop.set_task_factory(self._task)  # type: ignore[arg-type]
        token = _counted.set(True)
        try:
            yield
        finally:
            _counted.reset(token)
            loop.set_task_factory(before)

    def _task(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **more: Any
    ) -> "asyncio.Task[Any]":
        wrapped = self._wrapped(work) if _counted.get() else work
        return asyncio.Task(wrapped, loop=loop, **more)

    async def _wrapped(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await self._stepping(work)

    @types.coroutine
    def _stepping(self, work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
        value: Any = None
        error: BaseException | None = None
        while True:
            self.taken += 1
            if self.taken == self._at:
                error = self._then() or error
            try:
                waiting = work.send(value) if error is None else work.throw(error)
            except StopIteration as end:
                return end.value
            value = error = None
            try:
                value = yield waiting
            except BaseException as thrown:  # noqa: BLE001 - passed into the work
                error = thrown

"""Run waiting acts together: one call of a thread and one commit for all of them."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from gateway.domain.errors import StorageFailed
from gateway.ports import Transaction

Act = Callable[[Transaction], Any]
Lane = TypeVar("Lane")


@dataclass(frozen=True, slots=True)
class ActResult:
    """The result of one act of a group: its value or its exception."""

    value: Any = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class _Waiting:
    act: Act
    future: asyncio.Future[Any]
    since: float


class Group(Generic[Lane]):
    """A queue of acts for one or more lanes (connections), each of which runs many at once.

    `run(lane, acts)` returns one result for each act, in order, or raises for all of them.
    `between(lane)` is awaited after the results were delivered, before the lane takes more acts.
    An act is not run if its caller was cancelled before, or if it waited longer than `wait_limit`
    seconds; its caller then gets StorageFailed.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        run: Callable[[Lane, Sequence[Act]], Awaitable[Sequence[ActResult]]],
        *,
        size: int,
        wait_limit: float,
        between: Callable[[Lane], Awaitable[None]] | None = None,
    ) -> None:
        self._idle = list(lanes)
        self._run = run
        self._size = size
        self._wait_limit = wait_limit
        self._between = between
        self._waiting: deque[_Waiting] = deque()
        self._working: set[asyncio.Task[None]] = set()

    def submit(self, act: Act) -> asyncio.Future[Any]:
        """Queue the act; the future is done when its group is committed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(_Waiting(act, future, loop.time()))
        self._start()
        return future

    async def drain(self) -> None:
        """Wait until every submitted act has its result."""
        while self._working:
            await asyncio.wait(self._working)

    def _start(self) -> None:
        """Start an idle lane in the loop's next iteration; more acts can be queued before."""
        if self._idle:
            lane = self._idle.pop()
            task = asyncio.create_task(self._work(lane))
            self._working.add(task)
            task.add_done_callback(lambda done: self._rest(lane, done))

    def _rest(self, lane: Lane, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        self._idle.append(lane)
        if task.cancelled():  # the loop ends, so queued acts will never run
            while self._waiting:
                _fail(self._waiting.popleft().future, StorageFailed("the gateway is stopping"))
            return
        if self._waiting:
            self._start()
        task.result()  # reports a bug in this class to the loop's exception handler

    async def _work(self, lane: Lane) -> None:
        while group := self._take():
            await self._cross(lane, group)
            if self._between is not None:
                await self._between(lane)

    def _take(self) -> list[_Waiting]:
        """Return the next group: acts whose callers still wait, oldest first, at most `size`."""
        oldest = asyncio.get_running_loop().time() - self._wait_limit
        group: list[_Waiting] = []
        while self._waiting and len(group) < self._size:
            waiting = self._waiting.popleft()
            if waiting.future.done():
                continue
            if waiting.since < oldest:
                waiting.future.set_exception(StorageFailed("the database was busy too long"))
                continue
            group.append(waiting)
        return group

    async def _cross(self, lane: Lane, group: Sequence[_Waiting]) -> None:
        try:
            outcomes = await self._run(lane, [waiting.act for waiting in group])
        except BaseException as error:
            for waiting in group:
                _fail(waiting.future, _as_failure(error))
            if not isinstance(error, StorageFailed):
                raise
        else:
            for waiting, outcome in zip(group, outcomes, strict=True):
                _answer(waiting.future, outcome)


def _answer(future: asyncio.Future[Any], outcome: ActResult) -> None:
    if outcome.error is not None:
        _fail(future, outcome.error)
    elif not future.done():
        future.set_result(outcome.value)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _as_failure(error: BaseException) -> StorageFailed:
    """Return an exception of its own for each caller: each adds its traceback."""
    if isinstance(error, StorageFailed):
        failure, cause = StorageFailed(str(error)), error.__cause__
    else:
        failure, cause = StorageFailed("it is not known whether the act was kept"), error
    failure.__cause__ = cause
    return failure

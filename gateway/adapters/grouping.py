"""Acts that wait together run together: one crossing into a thread, one commit for all of them."""

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
    """What one act of a group came to: its value, or what it raised."""

    value: Any = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class _Waiting:
    act: Act
    future: asyncio.Future[Any]
    since: float


class Group(Generic[Lane]):
    """A line of acts in front of one or more lanes (connections), each of which takes many at once.

    `run(lane, acts)` answers with one outcome for each act, in order, or raises for all of them.
    `between(lane)` is awaited after the acts were answered, before the lane takes more.
    An act whose caller has gone before its turn is not run; one that waited longer than
    `wait_limit` seconds isn't either, and its caller gets StorageFailed.
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
        """Put the act in line; the future is done when its group is committed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(_Waiting(act, future, loop.time()))
        self._start()
        return future

    async def drain(self) -> None:
        """Wait until every act that was submitted has its answer."""
        while self._working:
            await asyncio.wait(self._working)

    def _start(self) -> None:
        """A lane that is free begins in the loop's next turn, when others have joined the line."""
        if self._idle:
            lane = self._idle.pop()
            task = asyncio.create_task(self._work(lane))
            self._working.add(task)
            task.add_done_callback(lambda done: self._rest(lane, done))

    def _rest(self, lane: Lane, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        self._idle.append(lane)
        if task.cancelled():  # the loop is ending: nobody will run what still waits
            while self._waiting:
                _fail(self._waiting.popleft().future, StorageFailed("the gateway is stopping"))
            return
        if self._waiting:
            self._start()
        task.result()  # a bug in here is told to the loop's exception handler, never lost

    async def _work(self, lane: Lane) -> None:
        while group := self._take():
            await self._cross(lane, group)
            if self._between is not None:
                await self._between(lane)

    def _take(self) -> list[_Waiting]:
        """The next group: those still wanted, oldest first, at most `size` of them."""
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
    """One exception for each caller: a shared one would grow a traceback per caller."""
    if isinstance(error, StorageFailed):
        failure, cause = StorageFailed(str(error)), error.__cause__
    else:
        failure, cause = StorageFailed("it is not known whether the act was kept"), error
    failure.__cause__ = cause
    return failure

"""Sends what subscribers are owed, each lane by itself: the slow hold up nobody but themselves."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from gateway.domain.errors import StorageFailed
from gateway.ports import Clock
from gateway.services.events.deliver import Deliverer
from gateway.services.events.publish import CALLBACK
from gateway.store.deliveries import Lease
from gateway.telemetry.bundle import Telemetry

_IDLE = 0.25  # seconds between looks for what is due
_LANES = 5_000  # looked at in one step: a team that names many hosts must not hide the others

# Attempts under way in one process, by who chose the URL. Each holds a socket, for the seconds of
# `delivery.timeout` at most. Clients' URLs get their own share, and each team a part of that: hosts
# that hang, however many somebody names, delay neither operators' subscribers nor other teams.
OWN_AT_ONCE = 256
CALLBACKS = 256
CALLBACKS_OF_A_TEAM = 64


class Dispatcher:
    """Runs the attempts. Each lane goes on by itself as long as something is due in it."""

    def __init__(self, deliverer: Deliverer, clock: Clock, telemetry: Telemetry) -> None:
        """`step` is run by a Loop; `drain` ends the attempts that it began."""
        self._deliverer = deliverer
        self._clock = clock
        self._telemetry = telemetry
        self._under_way: Counter[str] = Counter()  # by share
        self._tasks: set[asyncio.Task[None]] = set()
        self._crowded: set[str] = set()  # shares in which a lane waits: none goes on by itself
        self._draining = False

    def __len__(self) -> int:
        """How many attempts are under way."""
        return len(self._tasks)

    async def step(self) -> float:
        """Begin what is due and has a place; seconds until the next look."""
        if self._draining:
            return _IDLE
        lanes = await self._deliverer.due_lanes(_LANES)
        wanted = self._places(lanes)
        if wanted:
            for lease in await self._deliverer.claim(wanted):
                self._begin(lease)
        return _IDLE

    async def drain(self, seconds: float) -> int:
        """Begin nothing more and wait for what is under way; how many had to be cut off.

        What is cut off is sent again when its lease runs out.
        """
        self._draining = True
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)
        late = set(self._tasks)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        return len(late)

    def _places(self, lanes: Sequence[str]) -> dict[str, int]:
        """How many each lane may begin; places go to those that wait longest."""
        taken = self._under_way.copy()
        wanted: dict[str, int] = {}
        self._crowded = set()
        for lane in lanes:
            shares = _shares(lane)
            places = min(self._deliverer.at_once, *(most - taken[name] for name, most in shares))
            if places <= 0:
                self._crowded.update(name for name, most in shares if taken[name] >= most)
                continue
            wanted[lane] = places
            taken.update({name: places for name, _ in shares})
        return wanted

    def _begin(self, lease: Lease) -> None:
        shares = [share for share, _ in _shares(lease.lane)]
        self._under_way.update(shares)
        task = asyncio.create_task(self._run(lease), name=f"delivery {lease.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self._under_way.subtract(shares))

    async def _run(self, lease: Lease) -> None:
        """One attempt after the other, until the lane has nothing due."""

        def may_go_on() -> bool:
            return not self._draining and self._crowded.isdisjoint(shares)

        shares = [name for name, _ in _shares(lease.lane)]
        following: Lease | None = lease
        while following is not None:
            lease = following
            try:
                following = await self._deliverer.attempt(lease, may_go_on)
            except StorageFailed as error:
                self._telemetry.log.error("delivery.failed", delivery=lease.id, error=error)
                return
            except Exception as error:
                # One that can't be sent at all must not end the others; it is due again when its
                # lease runs out.
                self._telemetry.metrics.worker_failed("dispatcher")
                self._telemetry.log.exception("delivery.failed", delivery=lease.id, error=error)
                return


def _shares(lane: str) -> list[tuple[str, int]]:
    """What a lane's attempts count against, and how many of each there may be."""
    kind, _, rest = lane.partition(" ")
    if kind != CALLBACK:
        return [("own", OWN_AT_ONCE)]
    team = rest.partition(" ")[0]
    return [("callbacks", CALLBACKS), (f"callbacks of {team}", CALLBACKS_OF_A_TEAM)]

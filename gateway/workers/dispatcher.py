"""Send due deliveries in lanes, so that a slow endpoint delays no other."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from gateway.domain.errors import StorageFailed
from gateway.ports import Clock
from gateway.services.events.deliver import Deliverer
from gateway.services.events.publish import CALLBACK
from gateway.store.deliveries import Lease
from gateway.telemetry.bundle import Telemetry

_IDLE = 0.25  # seconds between two checks for due deliveries
_LANES = 5_000  # lanes read in one step: a team with many hosts must not hide the others

# Running attempts of one process, by who chose the URL. Each one has a socket, for at most
# `delivery.timeout`. Clients' URLs have a share of their own, and each team a part of it, so that
# hanging hosts of a client delay neither operators' subscribers nor other teams.
OWN_AT_ONCE = 256
CALLBACKS = 256
CALLBACKS_OF_A_TEAM = 64


class Dispatcher:
    """Runs attempts. Each lane continues by itself while deliveries are due."""

    def __init__(self, deliverer: Deliverer, clock: Clock, telemetry: Telemetry) -> None:
        """A Loop runs `step`; `drain` ends its attempts."""
        self._deliverer = deliverer
        self._clock = clock
        self._telemetry = telemetry
        self._under_way: Counter[str] = Counter()  # by share
        self._tasks: set[asyncio.Task[None]] = set()
        self._crowded: set[str] = set()  # shares in which a lane waits; others pause
        self._draining = False

    def __len__(self) -> int:
        """The number of running attempts."""
        return len(self._tasks)

    async def step(self) -> float:
        """Start due attempts if there is room; return the seconds until the next check."""
        if self._draining:
            return _IDLE
        lanes = await self._deliverer.due_lanes(_LANES)
        wanted = self._places(lanes)
        if wanted:
            for lease in await self._deliverer.claim(wanted):
                self._begin(lease)
        return _IDLE

    async def drain(self, seconds: float) -> int:
        """Start nothing more, wait for running attempts, and return how many were cut off.

        Those are sent again after their leases expire.
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
        """Return how many attempts each lane may start; lanes that wait longest come first."""
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
        """Run one attempt after the other, until nothing is due in the lane."""

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
                # One that can't be sent must not end the others; it is due again after its
                # lease expires.
                self._telemetry.metrics.worker_failed("dispatcher")
                self._telemetry.log.exception("delivery.failed", delivery=lease.id, error=error)
                return


def _shares(lane: str) -> list[tuple[str, int]]:
    """Return the shares that a lane's attempts count in, and their limits."""
    kind, _, rest = lane.partition(" ")
    if kind != CALLBACK:
        return [("own", OWN_AT_ONCE)]
    team = rest.partition(" ")[0]
    return [("callbacks", CALLBACKS), (f"callbacks of {team}", CALLBACKS_OF_A_TEAM)]

"""How often a peer may do something that needs no key."""

from collections import OrderedDict

_PEERS = 10_000  # remembered; the one that was seen last stays longest


class PeerRate:
    """A token bucket for each peer: `per_minute` at once, refilled evenly."""

    def __init__(self, per_minute: int) -> None:
        """Nothing is remembered across restarts, nor shared by replicas."""
        self._per_second = per_minute / 60
        self._most = float(per_minute)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, peer: str, now: float) -> float | None:
        """Take one token; None if there was one, else the seconds until there is.

        `now` is a monotonic time in seconds.
        """
        left, at = self._buckets.pop(peer, (self._most, now))
        left = min(self._most, left + (now - at) * self._per_second)
        allowed = left >= 1
        self._buckets[peer] = (left - 1 if allowed else left, now)
        while len(self._buckets) > _PEERS:
            self._buckets.popitem(last=False)
        return None if allowed else (1 - left) / self._per_second

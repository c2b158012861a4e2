"""Rate limiting with one token bucket per name: a key, a team or an address."""

from collections import OrderedDict

_REMEMBERED = 10_000  # names; the least recently used are dropped


class TokenBuckets:
    """Buckets of `per_minute` tokens, refilled evenly. They are in this process's memory only."""

    def __init__(self, per_minute: int) -> None:
        """Create the buckets; each one starts full."""
        self.per_minute = per_minute
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, now: float) -> bool:
        """Take one token; False if there is none. `now` is in monotonic seconds."""
        left = self._left(name, now)
        self._put(name, left - 1 if left >= 1 else left, now)
        return left >= 1

    def wait(self, name: str, now: float) -> float:
        """Return the seconds until a token is available; 0 if one is."""
        return max(0.0, (1 - self._left(name, now)) * 60 / self.per_minute)

    def _left(self, name: str, now: float) -> float:
        left, at = self._buckets.get(name, (float(self.per_minute), now))
        return min(float(self.per_minute), left + (now - at) * self.per_minute / 60)

    def _put(self, name: str, left: float, now: float) -> None:
        self._buckets[name] = (left, now)
        self._buckets.move_to_end(name)
        while len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)

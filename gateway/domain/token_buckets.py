"""How often a key, a team or an address may do something: a bucket of tokens for each."""

from collections import OrderedDict

_REMEMBERED = 10_000  # names; what was seen last stays longest


class TokenBuckets:
    """`per_minute` at once for each name, refilled evenly. In memory, of one process."""

    def __init__(self, per_minute: int) -> None:
        """Every bucket begins full."""
        self.per_minute = per_minute
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, now: float) -> bool:
        """Take one token; False if there was none. `now`: monotonic seconds."""
        left = self._left(name, now)
        self._put(name, left - 1 if left >= 1 else left, now)
        return left >= 1

    def wait(self, name: str, now: float) -> float:
        """Return the seconds until there is a token; 0 where there is one."""
        return max(0.0, (1 - self._left(name, now)) * 60 / self.per_minute)

    def _left(self, name: str, now: float) -> float:
        left, at = self._buckets.get(name, (float(self.per_minute), now))
        return min(float(self.per_minute), left + (now - at) * self.per_minute / 60)

    def _put(self, name: str, left: float, now: float) -> None:
        self._buckets[name] = (left, now)
        self._buckets.move_to_end(name)
        while len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)

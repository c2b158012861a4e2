"""Limit the bytes of request bodies in memory, in total and for each owner."""

from collections import Counter
from collections.abc import Callable

from gateway.domain.errors import Reason, Refused

_RETRY_AFTER = 2  # seconds in which a body is usually forwarded


class BodyLease:
    """A body's bytes, counted until `release`; a second release has no effect."""

    def __init__(self, budget: "BodyBudget", owner: str, size: int) -> None:
        """Created by `BodyBudget.take`."""
        self._budget = budget
        self._owner = owner
        self._size = size
        self.transferred = False
        """Whether work that outlives the request releases it."""

    def release(self) -> None:
        """Stop counting the body: it is no longer in memory."""
        size, self._size = self._size, 0
        self._budget.give_back(self._owner, size)


class BodyBudget:
    """Limits the bytes of bodies in memory: a total, and a share of it for each owner."""

    def __init__(self, total: Callable[[], int], share: float = 0.5) -> None:
        """`total` returns the limit in bytes, which a reload may change."""
        self._total = total
        self._share = share
        self._in_use = 0
        self._by_owner: Counter[str] = Counter()

    @property
    def in_use(self) -> int:
        """The bytes that are counted now."""
        return self._in_use

    def take(self, owner: str, size: int) -> BodyLease:
        """Count a body before it is read.

        A single body always fits: its own size has another limit.

        Raises:
            Refused: OVERLOADED (429) with Retry-After.

        """
        total = self._total()
        mine = self._by_owner[owner]
        if (self._in_use and self._in_use + size > total) or (
            mine and mine + size > total * self._share
        ):
            raise Refused(
                Reason.OVERLOADED,
                "Too many large request bodies are being handled at once; send this one again in"
                f" {_RETRY_AFTER} s.",
                {"limit_bytes": total, "in_use_bytes": self._in_use},
                retry_after=_RETRY_AFTER,
            )
        self._in_use += size
        self._by_owner[owner] += size
        return BodyLease(self, owner, size)

    def give_back(self, owner: str, size: int) -> None:
        """Called by `BodyLease.release`."""
        self._in_use -= size
        self._by_owner[owner] -= size
        if self._by_owner[owner] <= 0:
            del self._by_owner[owner]

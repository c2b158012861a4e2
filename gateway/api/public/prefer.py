"""`Prefer: wait=30` (RFC 7240, section 4.3) on a poll: answer when the status changes."""

import re
from collections import Counter

LONGEST = 60
"""Seconds that a poll waits at most."""

_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?=$|[,;])", re.IGNORECASE)


def wanted_wait(header: str | None) -> int | None:
    """Return the seconds that the client wants to wait, at most `LONGEST`; None: it does not."""
    match = _WAIT.search(header or "")
    return None if match is None else min(int(match[1]), LONGEST)


class Waits:
    """Limits how many polls or event streams wait at once; each one holds a connection."""

    def __init__(self, per_team: int = 200, together: int = 1000) -> None:
        """Create the limit; nothing waits."""
        self.per_team = per_team
        self.together = together
        self._waiting: Counter[str] = Counter()

    def enter(self, team: str) -> bool:
        """Begin to wait; False if the limit is reached."""
        if self._waiting[team] >= self.per_team or self._waiting.total() >= self.together:
            return False
        self._waiting[team] += 1
        return True

    def leave(self, team: str) -> None:
        """Stop waiting."""
        self._waiting[team] -= 1
        if not self._waiting[team]:
            del self._waiting[team]

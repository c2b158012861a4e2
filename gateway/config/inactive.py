"""What may be configured and is not enforced yet: said at start, so that nobody believes in it.

One entry per feature; whoever makes a feature work deletes its entry. There is none now: everything
that the file may say is in force. A default counts as configured only where an operator would rely
on it without having written it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.config.schema import Config


@dataclass(frozen=True, slots=True)
class Inactive:
    """A feature of the configuration that this build does not enforce."""

    words: str
    """What an operator must not believe in; begins with the keys."""
    configured: Callable[[Config], bool]


ENTRIES: tuple[Inactive, ...] = ()


def inactive_features(config: Config, entries: Iterable[Inactive] = ENTRIES) -> list[str]:
    """The configured features that are not active yet, in words; empty when all are."""
    return [entry.words for entry in entries if entry.configured(config)]

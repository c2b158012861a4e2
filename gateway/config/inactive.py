"""What may be configured and is not enforced yet: said at start, so that nobody believes in it.

One entry per feature; whoever makes a feature work deletes its entry. A default counts as
configured only where an operator would rely on it without having written it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.config.schema import Callbacks, Config


@dataclass(frozen=True, slots=True)
class Inactive:
    """A feature of the configuration that this build does not enforce."""

    words: str
    """What an operator must not believe in; begins with the keys."""
    configured: Callable[[Config], bool]


def inactive_features(config: Config) -> list[str]:
    """The configured features that are not active yet, in words; empty when all are."""
    return [entry.words for entry in ENTRIES if entry.configured(config)]


def _subscribers(config: Config) -> Iterator[object]:
    yield from config.webhooks
    for team in config.teams.values():
        yield from team.webhooks


ENTRIES: tuple[Inactive, ...] = (
    Inactive(
        "webhooks: subscribers get no events",
        lambda config: any(True for _ in _subscribers(config)),
    ),
    Inactive(
        "callbacks: a request's callback_url is not called, and these rules are not applied",
        lambda config: config.callbacks != Callbacks(),
    ),
    Inactive(
        "upstreams.*.webhook_secrets: upstream webhooks are not taken in; jobs are polled",
        lambda config: any(upstream.webhook_secrets for upstream in config.upstreams.values()),
    ),
)

"""When an open job is polled next: often; seldom where verified webhooks tell of the ends.

Webhooks *work* for an upstream from the moment one was verified until one is missed, that is, until
a poll found an end that no webhook told of within `store.inbox`'s grace. The guarantee stays with
the polls: relaxed, they come every two `poll.max`, so that a webhook that stops coming delays the
jobs then open by a minute, and the next ones by nothing.
"""

from dataclasses import dataclass

from gateway.config.live import Live
from gateway.domain.job import poll_delay
from gateway.ports import Transaction
from gateway.services.links import Links
from gateway.store import inbox

_RELAXED = 2  # times poll.max; RELIABILITY asks for every end within poll.max and a minute
_UNCONFIGURED = 60.0  # seconds; its operators may put the upstream back at any reload


@dataclass(frozen=True, slots=True)
class PollSchedule:
    """The schedule of polls. Jitter is the poller's."""

    live: Live
    links: Links

    def expects_webhooks(self, upstream: str) -> bool:
        """Whether the upstream is given a callback URL, and signs what it sends there."""
        config = self.live.config.upstreams.get(upstream)
        if config is None or not config.webhook_secrets:
            return False
        return self.links.callback_url(upstream, "") is not None

    def delay(self, tx: Transaction, upstream: str, polls: int) -> float:
        """Seconds until the next poll of a job that was polled `polls` times."""
        config = self.live.config.upstreams.get(upstream)
        if config is None:
            return _UNCONFIGURED
        schedule = config.poll
        longest = schedule.max.total_seconds()
        if self.expects_webhooks(upstream) and inbox.working(tx, upstream):
            return longest * _RELAXED
        return poll_delay(polls, schedule.first.total_seconds(), schedule.factor, longest)

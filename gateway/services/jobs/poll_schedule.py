"""When an open job is polled next: often, or rarely if verified webhooks report the ends.

An upstream's webhooks *work* from the first verified one until one is missed, that is, until a poll
finds an end that no webhook reported in time. Polls still guarantee every end: with working
webhooks they run every two `poll.max`. If webhooks stop, the jobs open at that time are delayed by
a minute, and later jobs are not delayed.
"""

from dataclasses import dataclass

from gateway.config.live import Live
from gateway.domain.job import poll_delay
from gateway.ports import Transaction
from gateway.services.links import Links
from gateway.store import inbox

_RELAXED = 2  # times poll.max; every end must be found within poll.max and a minute
_UNCONFIGURED = 60.0  # seconds; a reload may configure the upstream again


@dataclass(frozen=True, slots=True)
class PollSchedule:
    """The schedule of polls, without jitter, which the poller adds."""

    live: Live
    links: Links

    def expects_webhooks(self, upstream: str) -> bool:
        """Return whether the upstream gets a callback URL and signs its webhooks."""
        config = self.live.config.upstreams.get(upstream)
        if config is None or not config.webhook_secrets:
            return False
        return self.links.callback_url(upstream, "") is not None

    def delay(self, tx: Transaction, upstream: str, polls: int) -> float:
        """Return the seconds until the next poll of a job that was polled `polls` times."""
        config = self.live.config.upstreams.get(upstream)
        if config is None:
            return _UNCONFIGURED
        schedule = config.poll
        longest = schedule.max.total_seconds()
        if self.expects_webhooks(upstream) and inbox.working(tx, upstream):
            return longest * _RELAXED
        return poll_delay(polls, schedule.first.total_seconds(), schedule.factor, longest)

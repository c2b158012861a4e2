"""What may be configured and is not enforced yet: said at start, so that nobody believes in it.

One entry per feature; whoever makes a feature work deletes its entry. A default counts as
configured where an operator would rely on it without having written it: `content.mode: cache`
(videos are kept), `dedupe.enabled` (repeats of a finished job are free), `pricing.unpriced: refuse`
(nothing of unknown price is bought). Other defaults promise nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.config.schema import Callbacks, Config
from gateway.config.team import Limits, Lists, Team


@dataclass(frozen=True, slots=True)
class Inactive:
    """A feature of the configuration that this build does not enforce."""

    words: str
    """What an operator must not believe in; begins with the keys."""
    configured: Callable[[Config], bool]


def inactive_features(config: Config) -> list[str]:
    """The configured features that are not active yet, in words; empty when all are."""
    return [entry.words for entry in ENTRIES if entry.configured(config)]


def _any_team(holds: Callable[[Team], bool]) -> Callable[[Config], bool]:
    return lambda config: any(holds(team) for team in config.teams.values())


def _subscribers(config: Config) -> Iterator[object]:
    yield from config.webhooks
    for team in config.teams.values():
        yield from team.webhooks


ENTRIES: tuple[Inactive, ...] = (
    Inactive(
        "budgets: limits and alerts are not enforced; nothing is reserved or refused",
        lambda config: bool(config.budgets) or _any_team(lambda team: bool(team.budgets))(config),
    ),
    Inactive(
        "teams.*.models: allow and deny are not enforced",
        _any_team(lambda team: team.models != Lists()),
    ),
    Inactive(
        "teams.*.providers: allow and deny are not enforced",
        _any_team(lambda team: team.providers != Lists()),
    ),
    Inactive(
        "teams.*.limits: not enforced",
        _any_team(lambda team: team.limits != Limits()),
    ),
    Inactive(
        "zdr: require and routing by ZDR are not enforced; requests may reach an upstream that "
        "keeps data",
        lambda config: (
            _any_team(lambda team: team.zdr == "require")(config)
            or any(rule.when.zdr is not None for rule in config.routing)
        ),
    ),
    Inactive(
        "routing[].when: teams and models are not looked at; the first rule serves every request",
        lambda config: any(rule.when.teams or rule.when.models for rule in config.routing),
    ),
    Inactive(
        "teams.*.retain: false is not enforced; request bodies are kept in the database",
        _any_team(lambda team: not team.retain),
    ),
    Inactive(
        "teams.*.dedupe: only requests whose job is still open share it; a finished job is paid "
        "for again",
        _any_team(lambda team: team.dedupe.enabled),
    ),
    Inactive(
        "teams.*.dedupe.enabled: false does not keep open jobs from being shared",
        _any_team(lambda team: not team.dedupe.enabled),
    ),
    Inactive(
        "content: mode cache and archive keep nothing; videos pass through, and are gone when the "
        "upstream drops them",
        lambda config: config.content.mode != "passthrough",
    ),
    Inactive(
        "pricing: no price is computed, so unpriced models are neither refused nor reserved for",
        lambda config: bool(config.pricing.unpriced),  # always: its default is a promise, too
    ),
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
    Inactive(
        "telemetry.otlp_endpoint: no traces are exported",
        lambda config: config.telemetry.otlp_endpoint is not None,
    ),
    Inactive(
        "admin.tokens: not looked at; the admin API answers loopback peers only",
        lambda config: bool(config.admin.tokens),
    ),
)

"""Converts the configuration into domain types, once per configuration."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.config.schema import Config
from gateway.config.team import BudgetConfig, Lists, SubscriberConfig, Team
from gateway.domain.budget import Budget, Period
from gateway.domain.defaults import Defaults
from gateway.domain.network import CallbackPolicy
from gateway.domain.policy import Globs, TeamPolicy
from gateway.domain.routing import Rule


@dataclass(frozen=True, slots=True)
class Subscription:
    """A configured subscriber with its full name: `team/growth/render-farm`."""

    endpoint: str
    team: str | None  # None: a subscriber of the organisation
    config: SubscriberConfig

    @property
    def events(self) -> tuple[str, ...]:
        """Return the patterns of its event types."""
        return self.config.events

    @property
    def unless_callback(self) -> bool:
        """Whether it gets no event of jobs whose request has a callback_url."""
        return self.config.unless_callback


@dataclass(frozen=True, slots=True)
class Rules:
    """Policies by team, budgets by id, routes in order, subscribers, and allowed callback URLs."""

    policies: Mapping[str, TeamPolicy]
    defaults: Mapping[str, Defaults]
    budgets: Mapping[str, Budget]
    routes: tuple[Rule, ...]
    subscriptions: tuple[Subscription, ...]
    callbacks: CallbackPolicy

    def callback_secrets(self, team: str | None) -> tuple[str, ...]:
        """Return the secrets that sign deliveries to a team's callback_urls; empty: unsigned.

        A callback_url replaces the team's `unless_callback` subscriber, as OpenRouter's replaces
        the workspace's default, and is signed with the same secret. The organisation's secret is
        never used: anyone who can verify with a secret can also sign with it.
        """
        for subscription in self.subscriptions:
            if team is not None and subscription.team == team and subscription.unless_callback:
                return subscription.config.secrets
        return ()

    def subscription(self, endpoint: str) -> Subscription | None:
        """Return the subscriber of this name; None if the configuration no longer has it."""
        return next((s for s in self.subscriptions if s.endpoint == endpoint), None)


def rules_of(config: Config) -> Rules:
    """Build the rules of a configuration. Of two budgets with one id, the lower limit applies."""
    budgets: dict[str, Budget] = {}
    for team, budget in _budgets(config):
        converted = _budget(team, budget, config)
        other = budgets.get(converted.id)
        if other is None or converted.limit_micros < other.limit_micros:
            budgets[converted.id] = converted
    return Rules(
        policies={name: _policy(team) for name, team in config.teams.items()},
        defaults={
            name: Defaults(team.defaults.duration, team.defaults.resolution)
            for name, team in config.teams.items()
        },
        budgets=budgets,
        routes=tuple(
            Rule(
                to=route.to,
                to_is_zdr=config.upstreams[route.to].zdr,
                zdr=route.when.zdr,
                teams=route.when.teams,
                models=route.when.models,
            )
            for route in config.routing
        ),
        subscriptions=(
            *(Subscription(f"organisation/{s.name}", None, s) for s in config.webhooks),
            *(
                Subscription(f"team/{name}/{s.name}", name, s)
                for name, team in config.teams.items()
                for s in team.webhooks
            ),
        ),
        callbacks=CallbackPolicy(
            allow_http=config.callbacks.allow_http,
            allow_networks=config.callbacks.allow_networks,
            allow_hosts=config.callbacks.allow_hosts,
        ),
    )


def _budgets(config: Config) -> list[tuple[str | None, BudgetConfig]]:
    organisation: list[tuple[str | None, BudgetConfig]] = [(None, b) for b in config.budgets]
    return organisation + [(name, b) for name, team in config.teams.items() for b in team.budgets]


def _budget(team: str | None, budget: BudgetConfig, config: Config) -> Budget:
    owner = None if team is None else config.teams[team]
    keys = () if owner is None else owner.keys
    return Budget(
        period=Period(budget.period),
        limit_micros=budget.limit_micros,
        team=team,
        models=() if budget.models == ("*",) else budget.models,
        key=budget.key,
        alerts=budget.alerts,
        former_teams=() if owner is None else owner.was,
        former_keys=tuple(name for key in keys if key.name == budget.key for name in key.was),
    )


def _policy(team: Team) -> TeamPolicy:
    return TeamPolicy(
        models=_globs(team.models),
        providers=_globs(team.providers),
        max_duration=team.limits.max_duration,
        max_resolution=team.limits.max_resolution,
        max_cost_micros=team.limits.max_cost_micros,
        max_image_bytes=_bytes(team.limits.max_image_mb),
    )


def _bytes(megabytes: int | None) -> int | None:
    return None if megabytes is None else megabytes * 1_000_000


def _globs(lists: Lists) -> Globs:
    return Globs(lists.allow, lists.deny)

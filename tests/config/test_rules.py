"""What the configuration means for decisions."""

from typing import Any

from gateway.config.rules import Rules, rules_of
from tests.services.books import in_force

HOOK = {"name": "all", "url": "https://hooks.example/", "secret": "a-secret-of-the-subscriber"}


def rules(**changes: Any) -> Rules:
    return rules_of(in_force(changes).config)


def test_budgets_of_the_organisation_and_of_teams_are_known_by_their_ids() -> None:
    found = rules(
        budgets=[{"period": "month", "limit_usd": 10}],
        teams={"red": {"budgets": [{"period": "day", "limit_usd": "0.5"}]}},
    ).budgets

    assert {name: budget.limit_micros for name, budget in found.items()} == {
        "organisation/month": 10_000_000,
        "team/red/day": 500_000,
    }


def test_a_team_s_policy_has_its_limits() -> None:
    limits = {"max_duration": "8s", "max_cost_usd": "1.50", "max_image_mb": 2}
    policy = rules(teams={"red": {"models": {"deny": ["*-pro"]}, "limits": limits}}).policies["red"]

    assert (policy.max_duration, policy.max_cost_micros) == (8, 1_500_000)
    assert policy.max_image_bytes is not None
    assert policy.models.admits("x/one")
    assert not policy.models.admits("x/one-pro")


def test_subscribers_are_found_by_their_endpoint() -> None:
    found = rules(webhooks=[HOOK], teams={"red": {"webhooks": [HOOK]}})
    names = [subscription.endpoint for subscription in found.subscriptions]

    assert len(set(names)) == 2
    assert all(found.subscription(name) is not None for name in names)
    assert found.subscription("nobody") is None

"""Which upstream gets a request: the first rule that matches, and only a ZDR upstream if the
request requires ZDR.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Reason, Refused
from gateway.domain.routing import RouteQuery, Rule, route

PUBLIC = Rule("public", to_is_zdr=False)
VAULT = Rule("vault", to_is_zdr=True)
HAS = {"public": {"m", "n"}, "vault": {"m", "v"}}


def has(upstream: str, model: str) -> bool:
    return model in HAS[upstream]


def near(_: str) -> tuple[str, ...]:
    return ("m",)


def routed(rules: list[Rule], model: str = "m", **query: Any) -> str:
    return route(RouteQuery("growth", model, **query), rules, has, near).to


def refused(rules: list[Rule], model: str = "m", **query: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        routed(rules, model, **query)
    return caught.value


def test_the_first_matching_rule_wins() -> None:
    assert routed([PUBLIC, VAULT]) == "public"
    assert routed([VAULT, PUBLIC]) == "vault"


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        (Rule("vault", True, teams=("growth",)), True),
        (Rule("vault", True, teams=("rivals",)), False),
        (Rule("vault", True, models=("m",)), True),
        (Rule("vault", True, models=("x/*",)), False),
        (Rule("vault", True, models=("x/*", "?")), True),
        (Rule("vault", True, zdr=True), False),
        (Rule("vault", True, zdr=False), True),
    ],
)
def test_a_rule_matches_by_team_model_and_zdr(rule: Rule, fits: bool) -> None:
    assert routed([rule, PUBLIC]) == ("vault" if fits else "public")


def test_an_upstream_without_the_model_is_skipped() -> None:
    assert routed([PUBLIC, VAULT], "v") == "vault"
    assert routed([VAULT, PUBLIC], "n") == "public"


def test_an_unknown_model_is_not_found_and_gets_suggestions() -> None:
    refusal = refused([PUBLIC, VAULT], "x")

    assert refusal.reason is Reason.MODEL_NOT_FOUND
    assert refusal.details["near"] == ["m"]
    assert "Did you mean m?" in refusal.message


def test_the_refusal_of_an_unrouted_model_names_its_upstreams() -> None:
    refusal = refused([Rule("vault", True, teams=("rivals",)), PUBLIC], "v")

    assert refusal.reason is Reason.MODEL_NOT_ALLOWED
    assert refusal.details["upstreams"] == ["vault"]


def test_a_zdr_request_goes_to_a_zdr_upstream_or_is_refused() -> None:
    assert routed([PUBLIC, VAULT], zdr=("team",)) == "vault"
    for rules, model in (
        ([PUBLIC], "m"),
        ([PUBLIC, VAULT], "n"),
        ([PUBLIC, Rule("vault", True, teams=("rivals",))], "m"),
        ([Rule("public", False, zdr=True), PUBLIC], "m"),
        ([PUBLIC, Rule("vault", True, zdr=False)], "m"),
    ):
        refusal = refused(rules, model, zdr=("provider.zdr", "team"))

        assert refusal.reason is Reason.ZDR_UNAVAILABLE
        assert "Zero data retention" in refusal.message
        assert refusal.details["asked_by"] == ["provider.zdr", "team"]
        assert refusal.details["metadata"]["failed_routing_step"] == "Filter by Data Policy"


def test_a_continuation_stays_with_its_upstream_and_does_not_bypass_zdr() -> None:
    assert routed([PUBLIC, VAULT], pinned="vault") == "vault"
    narrowed = Rule("vault", True, teams=("rivals",))
    assert routed([PUBLIC, narrowed], pinned="vault") == "vault"

    refusal = refused([PUBLIC, VAULT], pinned="public", zdr=("zdr",))
    assert refusal.reason is Reason.ZDR_UNAVAILABLE


NAMES = st.sampled_from(["growth", "rivals"])
RULES = st.builds(
    lambda to, zdr, teams, models: Rule(to, to == "vault", zdr, teams, models),
    st.sampled_from(["public", "vault"]),
    st.none() | st.booleans(),
    st.none() | st.tuples(NAMES),
    st.none() | st.tuples(st.sampled_from(["m", "n", "*", "x*"])),
)


@given(
    rules=st.lists(RULES, max_size=5),
    model=st.sampled_from(["m", "n", "v", "x"]),
    asked=st.sampled_from([(), ("team",)]),
    pinned=st.none() | st.sampled_from(["public", "vault"]),
)
def test_zdr_fails_closed_under_any_rules(
    rules: list[Rule], model: str, asked: tuple[str, ...], pinned: str | None
) -> None:
    try:
        taken = route(RouteQuery("growth", model, asked, pinned), rules, has, near)
    except Refused:
        return

    assert taken in rules
    assert has(taken.to, model)
    assert taken.to_is_zdr or not asked
    assert pinned in (None, taken.to)

"""A team's policy: each rule records what it checked, and refuses with the numbers."""

from typing import Any

import pytest

from gateway.domain.capability import Capabilities
from gateway.domain.errors import Reason
from gateway.domain.policy import Globs, RuleResult, Subject, TeamPolicy, judge, judge_cost
from gateway.domain.video import VideoRequest
from gateway.domain.violation import Violation

MODEL = Capabilities(
    "google/veo-3.1",
    "google/veo-3.1-20260101",
    "Veo",
    resolutions=("720p", "1080p", "4K"),
    durations=(4, 6, 8),
)
UNKNOWN = Capabilities("a/b", "a/b-1", "A")


def ruled(
    policy: TeamPolicy, can: Capabilities = MODEL, violations: Any = (), **fields: Any
) -> dict[str, RuleResult]:
    request = VideoRequest(body={}, model=can.id, **fields)
    rule_results = judge(Subject("growth", request, can, policy, violations))
    return {rule_result.rule: rule_result for rule_result in rule_results}


def reasons(rule_results: dict[str, RuleResult]) -> dict[str, Reason]:
    return {name: r.refusal.reason for name, r in rule_results.items() if r.refusal is not None}


def test_without_rules_everything_passes_and_every_rule_is_recorded() -> None:
    rule_results = ruled(TeamPolicy(), provider_options={"google": {}})

    assert reasons(rule_results) == {}
    assert set(rule_results) == {
        "models",
        "providers",
        "capabilities",
        "limits.max_duration",
        "limits.max_resolution",
    }
    assert all(rule_result.record()["outcome"] == "ok" for rule_result in rule_results.values())


@pytest.mark.parametrize(
    ("allow", "deny", "admitted"),
    [
        (("*",), (), True),
        ((), (), False),
        (("google/*",), (), True),
        (("openai/*",), (), False),
        (("google/veo-3.1",), (), True),
        (("google/veo-3.1-20260101",), (), True),  # the dated slug
        (("*",), ("google/*",), False),
        (("*",), ("*-20260101",), False),  # denied by either name
        (("google/veo-3.1",), ("google/veo-3.1",), False),
        (("GOOGLE/*",), (), False),
    ],
)
def test_models_are_allowed_and_denied_by_id_and_slug(
    allow: tuple[str, ...], deny: tuple[str, ...], admitted: bool
) -> None:
    rule_results = ruled(TeamPolicy(models=Globs(allow, deny)))

    assert reasons(rule_results) == ({} if admitted else {"models": Reason.MODEL_NOT_ALLOWED})


def test_each_providers_options_are_checked() -> None:
    rules = TeamPolicy(providers=Globs(("google", "openai"), ("openai",)))

    assert reasons(ruled(rules, provider_options={"google": {}})) == {}
    for slug in ("openai", "x-ai"):
        refusal = ruled(rules, provider_options={slug: {}})["providers"].refusal
        assert refusal is not None
        assert refusal.reason is Reason.PROVIDER_NOT_ALLOWED
        assert refusal.details["field"] == f"provider.options.{slug}"


@pytest.mark.parametrize(
    ("asked", "can", "refused"),
    [
        (5, MODEL, False),
        (6, MODEL, True),
        (None, MODEL, True),  # the model may choose 8
        (None, UNKNOWN, True),  # the longest is unknown
        (5, UNKNOWN, False),
    ],
)
def test_a_missing_duration_counts_as_the_longest(
    asked: int | None, can: Capabilities, refused: bool
) -> None:
    rule_result = ruled(TeamPolicy(max_duration=5), can, duration=asked)["limits.max_duration"]

    assert (rule_result.refusal is not None) == refused
    if rule_result.refusal is not None and asked is None:
        assert "set duration" in rule_result.refusal.message


@pytest.mark.parametrize(
    ("fields", "can", "refused"),
    [
        ({"resolution": "720p"}, MODEL, False),
        ({"resolution": "1080p"}, MODEL, False),
        ({"resolution": "4K"}, MODEL, True),
        ({"resolution": "4k"}, MODEL, True),
        ({"size": "1920x1080"}, MODEL, False),
        ({"size": "1080x1920"}, MODEL, False),
        ({"size": "3840x2160"}, MODEL, True),
        ({}, MODEL, True),
        ({}, UNKNOWN, True),
        ({"resolution": "enormous"}, MODEL, True),  # an unknown resolution is refused
    ],
)
def test_a_missing_resolution_counts_as_the_largest(
    fields: dict[str, str], can: Capabilities, refused: bool
) -> None:
    rule_result = ruled(TeamPolicy(max_resolution="1080p"), can, **fields)["limits.max_resolution"]

    assert (rule_result.refusal is not None) == refused
    if rule_result.refusal is not None:
        assert rule_result.refusal.reason is Reason.LIMIT_EXCEEDED


def test_a_request_above_the_cost_limit_is_refused() -> None:
    rules = TeamPolicy(max_cost_micros=1_000_000)

    assert judge_cost("growth", 1_000_000, rules).refusal is None
    assert judge_cost("growth", 10**12, TeamPolicy()).refusal is None
    refusal = judge_cost("growth", 1_000_001, rules).refusal
    assert refusal is not None
    assert refusal.reason is Reason.COST_LIMIT
    assert refusal.details == {"estimate_usd": "1.000001", "limit_usd": "1.00"}


def test_a_refusal_lists_every_violation() -> None:
    violations = (
        Violation("duration", 99, [4, 6, 8], "duration is 99; allowed: 4, 6, 8", 8),
        Violation("seed", 1, "no seed", "seed is 1; allowed: no seed"),
    )

    rule_result = ruled(TeamPolicy(), violations=violations)["capabilities"]

    assert rule_result.refusal is not None
    assert rule_result.refusal.reason is Reason.UNSUPPORTED_PARAMETER
    listed = rule_result.refusal.details["violations"]
    assert [(v["field"], v.get("nearest")) for v in listed] == [("duration", 8), ("seed", None)]
    assert rule_result.record()["reason"] == "unsupported_parameter"


def test_every_rule_runs_even_after_one_has_refused() -> None:
    rules = TeamPolicy(models=Globs(()), max_duration=1, max_resolution="480p")

    assert set(reasons(ruled(rules, duration=8, resolution="4K"))) == {
        "models",
        "limits.max_duration",
        "limits.max_resolution",
    }


@pytest.mark.parametrize(
    ("fields", "seen"),
    [
        ({"resolution": "720p", "size": "4K"}, 2160),
        ({"resolution": "720p", "size": "1920x1080"}, 1080),
        ({"size": "4K"}, 2160),
        ({"resolution": "720p", "provider_options": {"p": {"size": "1920*1080"}}}, 2160),
        ({"resolution": "720p", "provider_options": {"p": {"a": [{"quality": "high"}]}}}, 2160),
        ({"resolution": "720p", "provider_options": {"p": {"height": 9000}}}, 2160),
        ({"resolution": "720p", "provider_options": {"p": {"output_resolution": "8k"}}}, 4320),
        ({"resolution": "720p"}, 720),
    ],
)
def test_the_largest_possible_resolution_is_checked(fields: dict[str, Any], seen: int) -> None:
    result = ruled(TeamPolicy(max_resolution="720p"), **fields)["limits.max_resolution"]

    assert result.seen == seen
    assert (result.refusal is None) == (seen <= 720)


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({"durationSeconds": 30}, 30),
        ({"parameters": {"duration": "12.5"}}, 13),
        ({"deep": {"er": {"seconds": 2}}}, 8),
        ({"num_frames": 2400}, 8),
        ({"duration": "long"}, 8),
        ({"fps": 24}, 4),
    ],
)
def test_the_longest_possible_duration_is_checked(options: dict[str, Any], seen: int) -> None:
    results = ruled(TeamPolicy(max_duration=4), duration=4, provider_options={"p": options})

    assert results["limits.max_duration"].seen == seen
    assert (results["limits.max_duration"].refusal is None) == (seen <= 4)

"""What a model's catalog entry, a team's policy and the price list say about a request.

An assessment looks at nothing but its inputs, so requests that differ only in their prompt share
one: it is kept in memory as long as the configuration and the catalog's entry are the same objects.
"""

from dataclasses import dataclass, replace

import orjson

from gateway.config.live import InForce
from gateway.domain.budget import Budget, covers
from gateway.domain.capability import Capabilities
from gateway.domain.checks import check
from gateway.domain.policy import RuleResult, Subject, judge, judge_unknown_fields
from gateway.domain.pricing import Estimate, Unpriced, estimate, price_profile
from gateway.domain.team import Principal
from gateway.domain.video import VideoRequest

_MOST = 2_048  # assessments in memory
_MOST_BYTES = 2_048  # of a request without its prompt; a larger one is assessed each time


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """The rule results, the catalog's price and the budgets of a request; equal only to itself."""

    in_force: InForce
    capabilities: Capabilities
    rule_results: tuple[RuleResult, ...]
    priced: Estimate | Unpriced | None
    """None: the request has violations, so it has no price."""
    profile: str
    """The price profile under which the cost is recorded; empty without a price."""
    budgets: tuple[Budget, ...]


class Assessor:
    """Assesses requests, and remembers the assessments of the last ones."""

    def __init__(self) -> None:
        """Create an empty memory."""
        self._kept: dict[tuple[str, str, str, bytes], Assessment] = {}

    def assess(
        self,
        who: Principal,
        request: VideoRequest,
        upstream: str,
        capabilities: Capabilities,
        in_force: InForce,
    ) -> Assessment:
        """Return the assessment of a request that this upstream would get."""
        shape = _shape(request)
        if shape is None:
            return _assess(who, _without_words(request), upstream, capabilities, in_force)
        key = (who.team, who.key, upstream, shape)
        kept = self._kept.get(key)
        if kept is not None and kept.in_force is in_force and kept.capabilities is capabilities:
            return kept
        made = _assess(who, _without_words(request), upstream, capabilities, in_force)
        if any(rule_result.refusal for rule_result in made.rule_results):
            return made  # its exceptions are raised, and can't be shared
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[key] = made
        return made


def _assess(
    who: Principal,
    request: VideoRequest,
    upstream: str,
    capabilities: Capabilities,
    in_force: InForce,
) -> Assessment:
    policy = in_force.rules.policies[who.team]
    violations = check(request, capabilities)
    refuse = in_force.config.policy.unknown_fields == "refuse"
    priced: Estimate | Unpriced | None = None
    profile = ""
    if not violations:
        priced = estimate(request, capabilities)
        if isinstance(priced, Estimate):
            profile = price_profile(request, capabilities, upstream).key
    return Assessment(
        in_force=in_force,
        capabilities=capabilities,
        rule_results=(
            RuleResult("routing", request.model, upstream),
            *judge(Subject(who.team, request, capabilities, policy, violations)),
            judge_unknown_fields(request, refuse=refuse),
        ),
        priced=priced,
        profile=profile,
        budgets=tuple(
            budget
            for budget in in_force.rules.budgets.values()
            if covers(budget, who.team, who.key, capabilities.id, capabilities.canonical_slug)
        ),
    )


def _without_words(request: VideoRequest) -> VideoRequest:
    """Return the request without the words of its prompt, which no rule may look at."""
    if not _has_words(request):
        return request
    return replace(request, prompt=_WORDS, body={**request.body, "prompt": _WORDS})


def _has_words(request: VideoRequest) -> bool:
    return bool(request.prompt and request.prompt.strip())


_WORDS = "a prompt"


def _shape(request: VideoRequest) -> bytes | None:
    """Return the request without the words of its prompt as bytes.

    None if it is large, or holds what those bytes would not tell: an image that was lifted out.
    """
    body = request.body
    if _has_words(request):
        body = {**body, "prompt": _WORDS}
    try:
        shape = orjson.dumps(body, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
    except TypeError:
        return None
    return shape if len(shape) <= _MOST_BYTES else None

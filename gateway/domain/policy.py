"""What a team may ask for: models, providers, durations, resolutions, dollars. Pure rules.

Each rule says what it looked at, also when it has nothing against the request, so that a decision
can be explained afterwards.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from gateway.domain.capability import Capabilities
from gateway.domain.errors import Reason, Refused
from gateway.domain.resolution import lines, parse_size
from gateway.domain.units import usd_text
from gateway.domain.video import VideoRequest, Violation


@dataclass(frozen=True, slots=True)
class Globs:
    """What is allowed and what is denied; denied wins, an empty `allow` allows nothing."""

    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()

    def admits(self, *names: str) -> bool:
        """Whether a thing known under these names passes: any name may allow, any may deny."""
        return _any(names, self.allow) and not _any(names, self.deny)


@dataclass(frozen=True, slots=True)
class TeamPolicy:
    """The rules of one team. None: no bound."""

    models: Globs = Globs()
    providers: Globs = Globs()
    max_duration: int | None = None  # seconds
    max_resolution: str | None = None
    max_cost_micros: int | None = None


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule said of a request: `refusal` None means that it has nothing against it."""

    rule: str
    seen: Any = None
    allowed: Any = None
    refusal: Refused | None = None

    def record(self) -> dict[str, Any]:
        """For the decision's record; nothing in it comes from a prompt."""
        facts: dict[str, Any] = {"rule": self.rule, "outcome": "refused" if self.refusal else "ok"}
        if self.seen is not None:
            facts["seen"] = self.seen
        if self.allowed is not None:
            facts["allowed"] = self.allowed
        if self.refusal is not None:
            facts |= {"reason": self.refusal.reason.value, "message": self.refusal.message}
        return facts

    def outline(self) -> dict[str, Any]:
        """The record without anything that the client wrote."""
        facts: dict[str, Any] = {"rule": self.rule, "outcome": "refused" if self.refusal else "ok"}
        return facts if self.refusal is None else facts | {"reason": self.refusal.reason.value}


@dataclass(frozen=True, slots=True)
class Subject:
    """What the rules judge: a request, and the model it asks for as far as that is known."""

    team: str
    request: VideoRequest
    capabilities: Capabilities
    policy: TeamPolicy
    violations: tuple[Violation, ...] = field(default=())


def judge(subject: Subject) -> tuple[RuleResult, ...]:
    """Every rule's word, in the order in which a refusal is reported."""
    return (
        _model(subject),
        *_providers(subject),
        _capabilities(subject),
        _duration(subject),
        _resolution(subject),
    )


def judge_cost(team: str, estimate_micros: int, policy: TeamPolicy) -> RuleResult:
    """Whether one request of this estimate is within `limits.max_cost_usd`."""
    limit = policy.max_cost_micros
    if limit is None or estimate_micros <= limit:
        allowed = None if limit is None else usd_text(limit)
        return RuleResult("limits.max_cost_usd", usd_text(estimate_micros), allowed)
    details = {"estimate_usd": usd_text(estimate_micros), "limit_usd": usd_text(limit)}
    return RuleResult(
        "limits.max_cost_usd",
        usd_text(estimate_micros),
        usd_text(limit),
        Refused(
            Reason.COST_LIMIT,
            f"This request may cost {usd_text(estimate_micros)} USD; team {team} may spend at most"
            f" {usd_text(limit)} USD on one. Ask for a shorter or smaller video.",
            details,
        ),
    )


def _model(subject: Subject) -> RuleResult:
    models, can = subject.policy.models, subject.capabilities
    if models.admits(can.id, can.canonical_slug):
        return RuleResult("models", can.id)
    return RuleResult(
        "models",
        can.id,
        _shown(models),
        Refused(
            Reason.MODEL_NOT_ALLOWED,
            f"Team {subject.team} may not use {can.id}. GET /api/v1/videos/models lists what it"
            " may use.",
            {"field": "model", "value": can.id, "allowed": _shown(models)},
        ),
    )


def _providers(subject: Subject) -> Iterator[RuleResult]:
    providers = subject.policy.providers
    for slug in sorted(subject.request.provider_options):
        if providers.admits(slug):
            yield RuleResult("providers", slug)
            continue
        yield RuleResult(
            "providers",
            slug,
            _shown(providers),
            Refused(
                Reason.PROVIDER_NOT_ALLOWED,
                f"Team {subject.team} may not give provider.options.{slug}: leave it out.",
                {
                    "field": f"provider.options.{slug}",
                    "value": slug,
                    "allowed": _shown(providers),
                },
            ),
        )


def _capabilities(subject: Subject) -> RuleResult:
    if not subject.violations:
        return RuleResult("capabilities")
    return RuleResult(
        "capabilities",
        [violation.field for violation in subject.violations],
        None,
        unsupported(subject.violations),
    )


def unsupported(violations: Iterable[Violation]) -> Refused:
    """Everything that the model can't do, at once."""
    return violating(Reason.UNSUPPORTED_PARAMETER, violations)


def violating(reason: Reason, violations: Iterable[Violation]) -> Refused:
    """A refusal that lists what is wrong, each with field, value, allowed and nearest."""
    found = list(violations)
    return Refused(
        reason,
        "; ".join(violation.message for violation in found),
        {"violations": [_facts(violation) for violation in found]},
    )


def _facts(violation: Violation) -> Mapping[str, Any]:
    facts = {
        "field": violation.field,
        "value": violation.value,
        "allowed": violation.allowed,
    }
    return facts if violation.nearest is None else facts | {"nearest": violation.nearest}


def _duration(subject: Subject) -> RuleResult:
    """A length that is left out is whatever the model may choose, so the longest is judged."""
    limit, asked = subject.policy.max_duration, subject.request.duration
    known = subject.capabilities.durations
    longest = asked if asked is not None else max(known, default=None) if known else None
    return _bounded(subject, "duration", limit, longest, asked, "s", "limits.max_duration")


def _resolution(subject: Subject) -> RuleResult:
    """As for the length; a size is judged by its short side."""
    limit_name, request = subject.policy.max_resolution, subject.request
    limit = None if limit_name is None else lines(limit_name)
    size = None if request.size is None else parse_size(request.size)
    if request.resolution is not None:
        seen = lines(request.resolution)
    elif size is not None:
        seen = min(size.width, size.height)
    else:
        possible = subject.capabilities.resolutions or ()
        heights = [lines(name) for name in possible]
        seen = max((h for h in heights if h is not None), default=None) if all(heights) else None
    asked = request.resolution or request.size
    return _bounded(subject, "resolution", limit, seen, asked, "p", "limits.max_resolution")


def _bounded(
    subject: Subject,
    name: str,
    limit: int | None,
    seen: int | None,
    asked: Any,
    unit: str,
    rule: str,
) -> RuleResult:
    if limit is None or (seen is not None and seen <= limit):
        return RuleResult(rule, seen, limit)
    if asked is not None:
        words = f"{name} is {asked}; team {subject.team} may ask for at most {limit}{unit}."
    else:
        could = "the model alone decides it" if seen is None else f"it could be up to {seen}{unit}"
        words = (
            f"{name} is left out and {could}, while team {subject.team} may ask for at most"
            f" {limit}{unit}: set {name}."
        )
    details = {"field": name, "value": asked, "allowed": f"at most {limit}{unit}"}
    return RuleResult(rule, seen, limit, Refused(Reason.LIMIT_EXCEEDED, words, details))


def _shown(globs: Globs) -> dict[str, list[str]]:
    return {"allow": list(globs.allow), "deny": list(globs.deny)}


def _any(names: Iterable[str], globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, glob) for name in names for glob in globs)

"""A team's policy: rules on models, providers, durations, resolutions and cost. Pure functions.

Each rule records what it checked, also when it passes, so that a decision can be explained later.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

from gateway.domain.capability import Capabilities
from gateway.domain.data_url import placed_data_urls
from gateway.domain.errors import Reason, Refused
from gateway.domain.interpretations import hidden_fields, longest_duration, resolutions
from gateway.domain.price_keys import read_prices
from gateway.domain.resolution import lines, parse_size
from gateway.domain.units import usd_text
from gateway.domain.video import VideoRequest
from gateway.domain.violation import MOST_VIOLATIONS, Violation


@dataclass(frozen=True, slots=True)
class Globs:
    """Allowed and denied names. `deny` takes precedence; an empty `allow` allows nothing."""

    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()

    def admits(self, *names: str) -> bool:
        """Return whether a thing with these names is allowed: any name may match either list."""
        return _any(names, self.allow) and not _any(names, self.deny)


@dataclass(frozen=True, slots=True)
class TeamPolicy:
    """The rules of one team. None means no limit."""

    models: Globs = Globs()
    providers: Globs = Globs()
    max_duration: int | None = None  # seconds
    max_resolution: str | None = None
    max_cost_micros: int | None = None
    max_image_bytes: int | None = None  # of one image inside the body


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The result of one rule for a request; `refusal` None means that the rule passed."""

    rule: str
    seen: Any = None
    allowed: Any = None
    refusal: Refused | None = None

    def record(self) -> dict[str, Any]:
        """Return the rule result for the decision record; it contains no part of a prompt."""
        facts: dict[str, Any] = {"rule": self.rule, "outcome": "refused" if self.refusal else "ok"}
        if self.seen is not None:
            facts["seen"] = self.seen
        if self.allowed is not None:
            facts["allowed"] = self.allowed
        if self.refusal is not None:
            facts |= {"reason": self.refusal.reason.value, "message": self.refusal.message}
        return facts

    def outline(self) -> dict[str, Any]:
        """Return the record without any text from the client."""
        facts: dict[str, Any] = {"rule": self.rule, "outcome": "refused" if self.refusal else "ok"}
        return facts if self.refusal is None else facts | {"reason": self.refusal.reason.value}


@dataclass(frozen=True, slots=True)
class Subject:
    """The input of the rules: a request, its model's capabilities and the team's policy."""

    team: str
    request: VideoRequest
    capabilities: Capabilities
    policy: TeamPolicy
    violations: tuple[Violation, ...] = field(default=())


def judge(subject: Subject) -> tuple[RuleResult, ...]:
    """Return the result of every rule, in the order in which refusals are reported."""
    return (
        _model(subject),
        *_providers(subject),
        _capabilities(subject),
        _duration(subject),
        _resolution(subject),
        *_images(subject),
    )


def judge_unknown_fields(request: VideoRequest, *, refuse: bool) -> RuleResult:
    """Check the top-level fields that are not in the contract."""
    names = list(request.unknown_fields)
    if not names or not refuse:
        return RuleResult("policy.unknown_fields", names)
    found = [
        Violation(name, None, "to be left out", f"{name} is unknown to this gateway: leave it out")
        for name in names
    ]
    return RuleResult(
        "policy.unknown_fields", names, [], violating(Reason.UNSUPPORTED_PARAMETER, found)
    )


def judge_cost(team: str, estimate_micros: int, policy: TeamPolicy) -> RuleResult:
    """Check one request's estimate against `limits.max_cost_usd`."""
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
            f" {usd_text(limit)} USD on one request. Ask for a shorter or smaller video.",
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
            f"Team {subject.team} may not use {can.id}. GET /api/v1/videos/models lists the models"
            " it may use.",
            {"field": "model", "value": can.id, "allowed": _shown(models)},
        ),
    )


def _providers(subject: Subject) -> Iterator[RuleResult]:
    providers = subject.policy.providers
    request = subject.request
    for slug in sorted({*request.provider_options, *request.provider_names}):
        where = f"provider.options.{slug}" if slug in request.provider_options else "provider"
        if providers.admits(slug):
            yield RuleResult("providers", slug)
            continue
        yield RuleResult(
            "providers",
            slug,
            _shown(providers),
            Refused(
                Reason.PROVIDER_NOT_ALLOWED,
                f"Team {subject.team} may not use the provider {slug}: leave it out of {where}.",
                {
                    "field": where,
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
    """Return a refusal that lists every part of the request that the model does not support."""
    return violating(Reason.UNSUPPORTED_PARAMETER, violations)


def violating(reason: Reason, violations: Iterable[Violation]) -> Refused:
    """Return a refusal that lists violations with field, value, allowed and nearest."""
    found = list(islice(violations, MOST_VIOLATIONS))
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
    """Check the longest duration that is priced; without a duration, the model's longest."""
    limit, asked = subject.policy.max_duration, subject.request.duration
    known = max(subject.capabilities.durations or (0,))
    longest = longest_duration(subject.request, known) or None
    return _bounded(subject, "duration", limit, longest, asked, "s", "limits.max_duration")


def _resolution(subject: Subject) -> RuleResult:
    """Check the largest resolution that is priced; a size counts by its short side."""
    limit_name, request = subject.policy.max_resolution, subject.request
    limit = None if limit_name is None else lines(limit_name)
    asked = request.resolution or request.size
    return _bounded(
        subject, "resolution", limit, _largest(subject), asked, "p", "limits.max_resolution"
    )


def _largest(subject: Subject) -> int | None:
    """Return the largest number of lines the video may have; None if that is unknown."""
    request = subject.request
    keys, _ = read_prices(subject.capabilities.prices)
    named = resolutions(request, subject.capabilities, keys)
    hidden = [v for f, v in hidden_fields(request.provider_options) if f == "resolution"]
    heights = [None if name is None else lines(name) for name in named]
    stated = [text for text in (request.resolution, request.size, *hidden) if text is not None]
    heights += [height for text in stated if (height := _lines(text)) is not None]
    if stated and not hidden and all(_lines(text) is not None for text in stated):
        heights = [_lines(text) for text in stated]
    if not heights or None in heights:
        return None
    return max(height for height in heights if height is not None)


def _lines(text: Any) -> int | None:
    """Return the lines of `1080p`, `4K`, `1920x1080`, `1920*1080`; None for anything else."""
    if not isinstance(text, str):
        return None
    size = parse_size(text.replace("*", "x"))
    return lines(text) if size is None else min(size.width, size.height)


def _images(subject: Subject) -> Iterator[RuleResult]:
    """Check the size of the images inside the body, if any; the result names the largest."""
    rule, limit = "limits.max_image_mb", subject.policy.max_image_bytes
    sizes = [(url.decoded_size, path) for path, url in placed_data_urls(subject.request.body)]
    if limit is None or not sizes:
        return
    size, path = max(sizes)
    shown, allowed = f"{size / _MB:.1f} MB", f"at most {limit // _MB} MB"
    if size <= limit:
        yield RuleResult(rule, shown, allowed)
        return
    words = (
        f"{path[:200]} contains an image of {shown}; team {subject.team} may send {allowed} inside"
        " the body. Send its URL instead."
    )
    details = {"field": path[:200], "value": shown, "allowed": allowed}
    yield RuleResult(rule, shown, allowed, Refused(Reason.LIMIT_EXCEEDED, words, details))


_MB = 1_000_000


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
        could = "the model decides it" if seen is None else f"it may be up to {seen}{unit}"
        words = (
            f"{name} is missing and {could}, but team {subject.team} may ask for at most"
            f" {limit}{unit}: set {name}."
        )
    details = {"field": name, "value": asked, "allowed": f"at most {limit}{unit}"}
    return RuleResult(rule, seen, limit, Refused(Reason.LIMIT_EXCEEDED, words, details))


def _shown(globs: Globs) -> dict[str, list[str]]:
    return {"allow": list(globs.allow), "deny": list(globs.deny)}


def _any(names: Iterable[str], globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, glob) for name in names for glob in globs)

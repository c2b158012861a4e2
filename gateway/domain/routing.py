"""Choose the upstream for a request. The first match wins; ZDR fails closed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.domain.errors import Reason, Refused


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of `routing`. None matches everything."""

    to: str
    to_is_zdr: bool
    zdr: bool | None = None
    teams: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None

    def matches(self, team: str, model: str, *, zdr: bool) -> bool:
        """Return whether the rule matches, regardless of what its upstream supports."""
        return (
            self.zdr in (None, zdr)
            and (self.teams is None or team in self.teams)
            and (self.models is None or any(fnmatchcase(model, glob) for glob in self.models))
        )


@dataclass(frozen=True, slots=True)
class RouteQuery:
    """The parts of a request that decide its route. `zdr` names the sources that require it."""

    team: str
    model: str
    zdr: tuple[str, ...] = ()
    pinned: str | None = None
    """The upstream of the job that the request continues: only that one can do it."""


def route(
    query: RouteQuery,
    rules: Sequence[Rule],
    has_model: Callable[[str, str], bool],
    near: Callable[[str], tuple[str, ...]],
) -> Rule:
    """Return the first rule that matches and whose upstream is allowed and has the model.

    `has_model(upstream, model)` returns whether the upstream's catalog lists the model.

    Raises:
        Refused: ZDR_UNAVAILABLE, MODEL_NOT_FOUND, or MODEL_NOT_ALLOWED if upstreams have the model
            but no rule routes to them. There is no fallback route.

    """
    needs_zdr = bool(query.zdr)
    known = [rule for rule in rules if has_model(rule.to, query.model)]
    if not known:
        raise _unknown(query.model, near(query.model))
    allowed = [rule for rule in known if rule.to_is_zdr or not needs_zdr]
    if not allowed:
        raise zdr_unavailable(query.zdr, f"no ZDR upstream has {query.model}")
    for rule in allowed:
        if query.pinned in (None, rule.to) and (
            rule.matches(query.team, query.model, zdr=needs_zdr) or query.pinned == rule.to
        ):
            return rule
    if needs_zdr:
        why = "no routing rule of the gateway sends this request to a ZDR upstream"
        raise zdr_unavailable(query.zdr, why)
    raise Refused(
        Reason.MODEL_NOT_ALLOWED,
        f"{query.model} is available only from {', '.join(sorted({r.to for r in known}))}, and no"
        f" routing rule sends team {query.team} there. Ask the gateway's operators (`routing`).",
        {"field": "model", "value": query.model, "upstreams": sorted({r.to for r in known})},
    )


def zdr_unavailable(asked_by: Sequence[str], why: str) -> Refused:
    """Return the refusal of a request whose Zero Data Retention requirement can't be met.

    The message is OpenRouter's (docs/openrouter-contract.md section 8), so that clients handle it
    as they handle OpenRouter's response.
    """
    return Refused(
        Reason.ZDR_UNAVAILABLE,
        "No endpoints found matching your data policy (Zero data retention). Configure:"
        " https://openrouter.ai/settings/privacy",
        {
            "asked_by": list(asked_by),
            "why": why,
            "metadata": {"failed_routing_step": "Filter by Data Policy"},
        },
    )


def _unknown(model: str, near: tuple[str, ...]) -> Refused:
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return Refused(
        Reason.MODEL_NOT_FOUND,
        f"{model} is not a valid model ID.{hint}",
        {"field": "model", "value": model, "near": list(near)},
    )

"""Which upstream gets a request. First match wins; ZDR fails closed and says why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.domain.errors import Reason, Refused


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of `routing`. None narrows nothing."""

    to: str
    to_is_zdr: bool
    zdr: bool | None = None
    teams: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None

    def matches(self, team: str, model: str, *, zdr: bool) -> bool:
        """Whether the rule takes this request in, whatever its upstream can do."""
        return (
            self.zdr in (None, zdr)
            and (self.teams is None or team in self.teams)
            and (self.models is None or any(fnmatchcase(model, glob) for glob in self.models))
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a request decides its route. `zdr` names what asked for it; empty: nothing did."""

    team: str
    model: str
    zdr: tuple[str, ...] = ()
    pinned: str | None = None
    """The upstream of the job that is continued: only that one can."""


def route(
    wish: Wish,
    rules: Sequence[Rule],
    has_model: Callable[[str, str], bool],
    near: Callable[[str], tuple[str, ...]],
) -> Rule:
    """The first rule that takes the request and whose upstream may and can run it.

    `has_model(upstream, model)` says whether the upstream's catalog lists the model.

    Raises:
        Refused: ZDR_UNAVAILABLE, MODEL_NOT_FOUND, or MODEL_NOT_ALLOWED where upstreams have the
            model but no rule leads there. Never another route instead.

    """
    needs_zdr = bool(wish.zdr)
    known = [rule for rule in rules if has_model(rule.to, wish.model)]
    if not known:
        raise _unknown(wish.model, near(wish.model))
    allowed = [rule for rule in known if rule.to_is_zdr or not needs_zdr]
    if not allowed:
        raise zdr_unavailable(wish.zdr, f"no upstream that keeps nothing has {wish.model}")
    for rule in allowed:
        if wish.pinned in (None, rule.to) and (
            rule.matches(wish.team, wish.model, zdr=needs_zdr) or wish.pinned == rule.to
        ):
            return rule
    if needs_zdr:
        why = "no route of the gateway leads to an upstream that keeps nothing"
        raise zdr_unavailable(wish.zdr, why)
    raise Refused(
        Reason.MODEL_NOT_ALLOWED,
        f"{wish.model} is only at {', '.join(sorted({r.to for r in known}))}, and no route of the"
        f" gateway leads team {wish.team} there. Ask the gateway's operators (`routing`).",
        {"field": "model", "value": wish.model, "upstreams": sorted({r.to for r in known})},
    )


def zdr_unavailable(asked_by: Sequence[str], why: str) -> Refused:
    """A request that needs Zero Data Retention and can't have it, in OpenRouter's wording.

    docs/openrouter-contract.md section 8: a client that knows the real service's answer knows this
    one.
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

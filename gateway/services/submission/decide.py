"""Make one explainable decision about a submit before anything is written or sent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.config.live import InForce, Live
from gateway.domain.budget import Budget
from gateway.domain.capability import Capabilities
from gateway.domain.defaults import with_defaults
from gateway.domain.errors import Reason, Refused
from gateway.domain.job import Job, Status
from gateway.domain.policy import RuleResult, judge_cost
from gateway.domain.pricing import Estimate, Unpriced, raised
from gateway.domain.routing import RouteQuery, route
from gateway.domain.units import Micros, usd_text
from gateway.domain.video import VideoRequest
from gateway.services.catalog import Catalogs
from gateway.services.job_cache import JobCache
from gateway.services.money.learned_costs import LearnedCosts
from gateway.services.submission.assess import Assessment, Assessor
from gateway.services.submission.call import Call
from gateway.services.submission.callback import CallbackCheck


@dataclass(frozen=True, slots=True)
class Decision:
    """What was checked, and the results. It contains no part of a prompt or an image."""

    in_force: InForce
    call: Call
    zdr: tuple[str, ...]
    """What requires Zero Data Retention; empty: nothing does."""
    upstream: str | None
    previous: str | None
    """The upstream's id of the job that the request continues."""
    rule_results: tuple[RuleResult, ...]
    estimate: Estimate | Unpriced | None
    estimate_micros: int
    budgets: tuple[Budget, ...]
    model: str
    """The catalog's id of the model; the request's if no catalog lists it."""
    canonical_slug: str | None = None
    catalog_micros: int = 0
    """The estimate by the catalog's price, before it was raised to past costs."""
    profile: str = ""
    """The price profile under which the cost is recorded."""
    callback: str | None = None
    """The client's callback URL in its canonical form."""
    assessment: Assessment | None = None
    """Shared with the decisions on requests that differ only in their prompt; None: with none."""

    @property
    def refusal(self) -> Refused | None:
        """The first refusal; None if no rule refuses. Budgets are checked later."""
        return next(
            (rule_result.refusal for rule_result in self.rule_results if rule_result.refusal), None
        )

    @property
    def retain(self) -> bool:
        """Whether any part of the request or its video may be stored.

        See docs/architecture.md, rule 6.
        """
        team = self.in_force.config.teams[self.call.principal.team]
        return team.retain and not self.zdr

    def record(self) -> dict[str, Any]:
        """Return the decision record: the rules checked, the numbers, the outcome."""
        request = self.call.request
        record: dict[str, Any] = {
            "config_version": self.in_force.version,
            "model": request.model,
            "parameters": _parameters(request),
            "zdr": {"needed": bool(self.zdr), "asked_by": list(self.zdr)},
            "upstream": self.upstream,
            "rules": [rule_result.record() for rule_result in self.rule_results],
        }
        if self.call.applied_defaults:
            record["defaults"] = list(self.call.applied_defaults)
        match self.estimate:
            case Estimate() as priced:
                record["estimate"] = {
                    "usd": usd_text(self.estimate_micros),
                    "lines": list(priced.lines),
                    "assumptions": list(priced.assumptions),
                }
            case Unpriced() as unpriced:
                record["estimate"] = {
                    "usd": usd_text(self.estimate_micros),
                    "unpriced": unpriced.reason,
                    "fields": list(unpriced.fields),
                }
        return record

    def outline(self) -> dict[str, Any]:
        """Return the record without any text of the request except the model's id."""
        record = self.record()
        record["rules"] = [rule_result.outline() for rule_result in self.rule_results]
        record.pop("parameters")
        if "estimate" in record:
            record["estimate"] = {"usd": usd_text(self.estimate_micros)}
        return record


class Decider:
    """Applies every rule. It reads and never writes."""

    def __init__(
        self,
        learned: LearnedCosts,
        live: Live,
        job_cache: JobCache,
        catalogs: Catalogs,
        callbacks: CallbackCheck,
    ) -> None:
        """Create a decider; `job_cache` finds the job that a request continues."""
        self._learned = learned
        self._assessor = Assessor()
        self._live = live
        self._job_cache = job_cache
        self._catalogs = catalogs
        self._callbacks = callbacks

    async def decide(self, call: Call, in_force: InForce, *, dry_run: bool = False) -> Decision:
        """Return the decision, which includes the refusals of rules; those are not raised.

        A dry run shows prices without cost, so its estimate uses only the team's own past costs.

        Raises:
            Refused: INVALID_KEY: a reload removed the team after its authentication; NOT_READY.
            StorageFailed: an amount that the decision needs could not be read; deny.

        """
        if call.principal.team not in in_force.config.teams:
            raise Refused(Reason.INVALID_KEY, "This API key is no longer valid.")
        zdr = zdr_asked_by(call, in_force)
        try:
            previous = await self._previous(call)
            upstream = self._route(call, in_force, zdr, previous)
        except Refused as refusal:
            seen = call.request.model
            return Decision(
                in_force=in_force,
                call=call,
                zdr=zdr,
                upstream=None,
                previous=None,
                rule_results=(RuleResult("routing", seen, None, refusal),),
                estimate=None,
                estimate_micros=0,
                budgets=(),
                model=seen,
            )
        return await self._judged(call, in_force, zdr, upstream, previous, dry_run=dry_run)

    def usable_models(self, team: str) -> list[tuple[str, Capabilities]]:
        """Return the models that the team's policy allows and its routes reach.

        A team that requires Zero Data Retention gets only the models of ZDR upstreams.
        """
        in_force = self._live.current
        policy = in_force.rules.policies[team]
        zdr = ("team",) if in_force.config.teams[team].zdr == "require" else ()
        usable: list[tuple[str, Capabilities]] = []
        for _, listed in self._catalogs.models():
            try:
                rule = route(
                    RouteQuery(team, listed.id, zdr),
                    in_force.rules.routes,
                    self._catalogs.has,
                    self._catalogs.near,
                )
            except Refused:
                continue
            can = self._catalogs.find(rule.to, listed.id) or listed
            if policy.models.admits(can.id, can.canonical_slug):
                usable.append((rule.to, can))
        return usable

    async def _judged(
        self,
        call: Call,
        in_force: InForce,
        zdr: tuple[str, ...],
        upstream: str,
        previous: Job | None,
        *,
        dry_run: bool,
    ) -> Decision:
        request, who = call.request, call.principal
        capabilities = self._catalogs.find(upstream, request.model)
        if capabilities is None:  # the catalog became stale after the route was chosen
            raise Refused(Reason.NOT_READY, "The catalog of models is not loaded.", retry_after=5)
        defaults = in_force.rules.defaults[who.team]
        request, applied = with_defaults(request, defaults, capabilities)
        if applied:
            call = replace(call, request=request, applied_defaults=applied)
        assessed = self._assessor.assess(who, request, upstream, capabilities, in_force)
        rule_results = list(assessed.rule_results)
        callback = request.callback_url
        if callback is not None:
            callback, rule_result = await self._callbacks.judge(callback, in_force)
            rule_results.append(rule_result)
        priced, micros, catalog = assessed.priced, 0, 0
        if priced is not None:
            if isinstance(priced, Estimate):
                catalog = priced.micros
                priced = await self._raised(priced, assessed.profile, who.team if dry_run else None)
            micros, rule_result = _held(priced, in_force)
            policy = in_force.rules.policies[who.team]
            rule_results += [rule_result, judge_cost(who.team, micros, policy)]
        return Decision(
            in_force=in_force,
            call=call,
            zdr=zdr,
            upstream=upstream,
            previous=None if previous is None else previous.upstream_id,
            rule_results=tuple(rule_results),
            estimate=priced,
            estimate_micros=micros,
            budgets=assessed.budgets,
            model=capabilities.id,
            canonical_slug=capabilities.canonical_slug,
            catalog_micros=catalog,
            profile=assessed.profile,
            callback=callback,
            assessment=assessed if callback is None else None,
        )

    async def _raised(self, priced: Estimate, profile: str, team: str | None) -> Estimate:
        """Raise the estimate to the past cost of similar jobs of one team, or of any if None."""
        return raised(priced, await self._learned.of(profile, team))

    async def _previous(self, call: Call) -> Job | None:
        previous_id = call.request.previous_job_id
        if previous_id is None:
            return None
        job = await self._job_cache.get(
            previous_id, self._live.current.names_of(call.principal.team)
        )
        if job is None:
            raise Refused(
                Reason.JOB_NOT_FOUND,
                f"previous_job_id: Job {previous_id} not found",
                {"field": "previous_job_id", "value": previous_id},
            )
        if job.status is not Status.COMPLETED or job.upstream_id is None:
            raise Refused(
                Reason.INVALID_REQUEST,
                f"previous_job_id: job {previous_id} is {job.status.on_the_wire};"
                " only a completed job can be continued",
                {"field": "previous_job_id", "value": job.status.on_the_wire},
            )
        return job

    def _route(
        self,
        call: Call,
        in_force: InForce,
        zdr: tuple[str, ...],
        previous: Job | None,
    ) -> str:
        if not self._catalogs.models():
            raise Refused(Reason.NOT_READY, "The catalog of models is not loaded.", retry_after=5)
        query = RouteQuery(
            team=call.principal.team,
            model=call.request.model,
            zdr=zdr,
            pinned=None if previous is None else previous.upstream,
        )
        rule = route(query, in_force.rules.routes, self._catalogs.has, self._catalogs.near)
        return rule.to


def zdr_asked_by(call: Call, in_force: InForce) -> tuple[str, ...]:
    """Return everything that requires Zero Data Retention; any one is enough.

    See docs/openrouter-contract.md section 8.
    """
    body = call.request.body
    provider = body.get("provider")
    asked = {
        "team": in_force.config.teams[call.principal.team].zdr == "require",
        "provider.zdr": isinstance(provider, Mapping) and provider.get("zdr") is True,
        "zdr": body.get("zdr") is True,
        "X-Gateway-Zdr": call.zdr_header,
    }
    return tuple(name for name, needed in asked.items() if needed)


def _held(priced: Estimate | Unpriced, in_force: InForce) -> tuple[int, RuleResult]:
    """Return the amount to reserve, and the rule result for an unknown price."""
    if isinstance(priced, Estimate):
        return priced.micros, RuleResult("pricing", usd_text(priced.micros))
    pricing = in_force.config.pricing
    if pricing.unpriced == "reserve":
        held = Micros(pricing.unpriced_micros)
        return held, RuleResult("pricing", priced.reason, f"unpriced: reserve {usd_text(held)} USD")
    hint = f" Set {' and '.join(priced.fields)}." if priced.fields else ""
    refusal = Refused(
        Reason.PRICE_UNKNOWN,
        f"The price of this request is unknown: {priced.reason}.{hint} The gateway rejects requests"
        " without a price; its operators can change that (`pricing.unpriced`).",
        {"why": priced.reason, "fields": list(priced.fields)},
    )
    return 0, RuleResult("pricing", priced.reason, None, refusal)


def _parameters(request: VideoRequest) -> dict[str, Any]:
    """Return the fields that affect price and policy; never a prompt, an image or a URL."""
    facts: dict[str, Any] = {
        "duration": request.duration,
        "resolution": request.resolution,
        "aspect_ratio": request.aspect_ratio,
        "size": request.size,
        "generate_audio": request.generate_audio,
        "frame_images": len(request.frame_images) or None,
        "input_references": len(request.input_references) or None,
        "previous_job_id": request.previous_job_id,
    }
    return {name: value for name, value in facts.items() if value is not None}

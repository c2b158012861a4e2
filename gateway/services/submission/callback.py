"""Check a client's `callback_url` at submit against the operator's rules, and resolve it once."""

from gateway.config.live import InForce
from gateway.domain.callback import check_callback_url
from gateway.domain.errors import Reason, Refused
from gateway.domain.network import BlockedAddress, Why
from gateway.domain.policy import RuleResult
from gateway.ports import Outbound

_LOOKUP = 2.0  # seconds at most; every delivery attempt checks the name again anyway
_PART = 0.25  # of `answer_within`, so that a slow DNS server leaves time for the rest


class CallbackCheck:
    """Checks callback URLs. Every delivery attempt checks an accepted URL again."""

    def __init__(self, outbound: Outbound) -> None:
        """Create a check; `outbound` resolves hosts."""
        self._outbound = outbound

    async def judge(self, url: str, in_force: InForce) -> tuple[str, RuleResult]:
        """Return the canonical URL to store, and the rule result."""
        policy = in_force.rules.callbacks
        target = check_callback_url(url, policy)
        if isinstance(target, BlockedAddress):
            return "", _refused(target)
        within = in_force.config.server.answer_within.total_seconds() * _PART
        refusal = await self._outbound.inspect(target.url, policy, min(within, _LOOKUP))
        if refusal is None:
            return target.url, RuleResult("callback_url", target.host)
        if refusal.why is Why.ADDRESS and not target.literal:
            # Clients must not learn the addresses of internal names.
            words = f"{target.host} resolves to an address that is not allowed for callbacks"
            refusal = BlockedAddress(Why.ADDRESS, words)
        return "", _refused(refusal)


def _refused(refusal: BlockedAddress) -> RuleResult:
    """Return the refusal without the URL, whose path and query may be secret: it is stored."""
    details = {"field": "callback_url", "why": refusal.why.value, "allowed": refusal.message}
    return RuleResult(
        "callback_url",
        refusal.why.value,
        None,
        Refused(
            Reason.INVALID_REQUEST,
            f"callback_url: {refusal.message}",
            {**details, "violations": [details]},
        ),
    )

"""A client's `callback_url` at submit: read, judged by the operator's rules, and looked up once."""

from gateway.config.live import InForce
from gateway.domain.callback import check_callback_url
from gateway.domain.errors import Reason, Refused
from gateway.domain.network import BlockedAddress, Why
from gateway.domain.policy import RuleResult
from gateway.ports import Outbound

_LOOKUP = 2.0  # seconds at most; a name that takes longer is judged at every attempt anyway
_PART = 0.25  # of `answer_within`, so that a slow name server leaves time for the rest


class CallbackCheck:
    """Judges callback_urls. What it lets pass is judged again whenever it is dialled."""

    def __init__(self, outbound: Outbound) -> None:
        """`outbound` looks hosts up."""
        self._outbound = outbound

    async def judge(self, url: str, in_force: InForce) -> tuple[str, RuleResult]:
        """The URL as it is stored and dialled, and what the rules say of it."""
        policy = in_force.rules.callbacks
        target = check_callback_url(url, policy)
        if isinstance(target, BlockedAddress):
            return "", _refused(target)
        within = in_force.config.server.answer_within.total_seconds() * _PART
        refusal = await self._outbound.inspect(target.url, policy, min(within, _LOOKUP))
        if refusal is None:
            return target.url, RuleResult("callback_url", target.host)
        if refusal.why is Why.ADDRESS and not target.literal:
            # Where a name of the inside leads is not for a client to learn.
            words = f"{target.host} leads to an address that callbacks may not go to"
            refusal = BlockedAddress(Why.ADDRESS, words)
        return "", _refused(refusal)


def _refused(refusal: BlockedAddress) -> RuleResult:
    """The URL itself is not repeated: its path and query may be secrets, and this is kept."""
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

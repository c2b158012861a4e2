"""What closes a job's reservation: the upstream's figure, and what stands in where it has none."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.job import Cause, Status, plausible_cost
from gateway.domain.units import micros_nearest


class Basis(StrEnum):
    """On whose word an amount was settled."""

    ACTUAL = "actual"  # the upstream's own figure
    ASSUMED = "assumed"  # no verdict, or a verdict without a figure: the estimate
    DECIDED = "decided"  # an operator's act
    DISPUTED = "disputed"  # far above the estimate, or no amount of money: an operator decides


@dataclass(frozen=True, slots=True)
class Settlement:
    """What closes a job's reservation. `micros` None: nothing is owed, the money is released."""

    micros: int | None
    basis: Basis
    note: str | None = None
    unreadable: bool = False
    """The upstream stated a cost that is no amount of money; `micros` is the estimate."""


_DISPUTED_ABOVE = 100  # times the estimate (docs/reliability.md, Money)
_SMALLEST = 10_000  # micro-dollars: what is multiplied where an estimate is smaller, or zero


def settle(
    status: Status,
    cause: Cause,
    *,
    raw_cost: str | None,
    is_byok: bool | None,
    estimate: int,
    include_byok: bool,
) -> Settlement:
    """The settlement of a job that ended. `estimate` in micro-dollars.

    See docs/architecture.md, Money.
    """
    if cause is Cause.REFUSED:
        return Settlement(None, Basis.ACTUAL)
    if cause is Cause.ASSUMED:
        return Settlement(estimate, Basis.ASSUMED, "no verdict ever came")
    if cause is Cause.OPERATOR:
        raise ValueError("an operator's end has the cost that the operator decided")
    if cause is Cause.LOST:
        return Settlement(estimate, Basis.ASSUMED, "the upstream no longer knows the job")
    if raw_cost is None:
        return _without_figure(status, is_byok, estimate, include_byok=include_byok)
    cost = plausible_cost(raw_cost)
    if cost is None:
        said = f"the upstream says {raw_cost[:40]} USD"
        return Settlement(estimate, Basis.DISPUTED, said, unreadable=True)
    micros = micros_nearest(cost)
    if is_byok and not include_byok:
        return Settlement(0, Basis.ACTUAL, "byok")
    if micros == 0 and status is not Status.COMPLETED:
        return Settlement(None, Basis.ACTUAL)
    if micros > _DISPUTED_ABOVE * max(estimate, _SMALLEST):
        note = f"more than {_DISPUTED_ABOVE} times the estimate; an operator has to look at it"
        return Settlement(micros, Basis.DISPUTED, note)
    return Settlement(micros, Basis.ACTUAL)


def _without_figure(
    status: Status, is_byok: bool | None, estimate: int, *, include_byok: bool
) -> Settlement:
    """A completed job is never free for want of a figure; one that failed is.

    See docs/openrouter-contract.md 11.
    """
    if status is not Status.COMPLETED:
        return Settlement(None, Basis.ACTUAL)
    if is_byok and not include_byok:
        return Settlement(0, Basis.ACTUAL, "byok")
    return Settlement(estimate, Basis.ASSUMED, "completed without a cost")

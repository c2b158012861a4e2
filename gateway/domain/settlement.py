"""The settlement of a job's reservation: the upstream's cost, or the estimate without one."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.job import Cause, Status, plausible_cost
from gateway.domain.units import micros_nearest


class Basis(StrEnum):
    """The source of a settled amount."""

    ACTUAL = "actual"  # the upstream's cost
    ASSUMED = "assumed"  # the estimate: no verdict, or a verdict without a cost
    DECIDED = "decided"  # set by an operator
    DISPUTED = "disputed"  # far above the estimate, or not a valid amount: an operator decides


@dataclass(frozen=True, slots=True)
class Settlement:
    """What closes a job's reservation. `micros` None: the reservation is released without cost."""

    micros: int | None
    basis: Basis
    note: str | None = None
    unreadable: bool = False
    """The upstream's cost is not a valid amount; `micros` is the estimate."""


_DISPUTED_ABOVE = 100  # times the estimate (docs/reliability.md, Money)
_SMALLEST = 10_000  # micro-dollars, used instead of a smaller estimate


def settle(
    status: Status,
    cause: Cause,
    *,
    raw_cost: str | None,
    is_byok: bool | None,
    estimate: int,
    include_byok: bool,
) -> Settlement:
    """Return the settlement of a job that ended. `estimate` is in micro-dollars.

    See docs/reliability.md, Money.
    """
    if cause is Cause.REFUSED:
        return Settlement(None, Basis.ACTUAL)
    if cause is Cause.ASSUMED:
        return Settlement(estimate, Basis.ASSUMED, "no verdict arrived")
    if cause is Cause.OPERATOR:
        raise ValueError("an operator's cost settles a job that an operator ended")
    if cause is Cause.LOST:
        return Settlement(estimate, Basis.ASSUMED, "the upstream no longer knows the job")
    if raw_cost is None:
        return _without_figure(status, is_byok, estimate, include_byok=include_byok)
    cost = plausible_cost(raw_cost)
    if cost is None:
        said = f"the upstream reports {raw_cost[:40]} USD"
        return Settlement(estimate, Basis.DISPUTED, said, unreadable=True)
    micros = micros_nearest(cost)
    if is_byok and not include_byok:
        return Settlement(0, Basis.ACTUAL, "byok")
    if micros == 0 and status is not Status.COMPLETED:
        return Settlement(None, Basis.ACTUAL)
    if micros > _DISPUTED_ABOVE * max(estimate, _SMALLEST):
        note = f"more than {_DISPUTED_ABOVE} times the estimate; an operator has to review it"
        return Settlement(micros, Basis.DISPUTED, note)
    return Settlement(micros, Basis.ACTUAL)


def _without_figure(
    status: Status, is_byok: bool | None, estimate: int, *, include_byok: bool
) -> Settlement:
    """Settle a job without a cost: the estimate if it completed, nothing if it failed.

    See docs/openrouter-contract.md 11.
    """
    if status is not Status.COMPLETED:
        return Settlement(None, Basis.ACTUAL)
    if is_byok and not include_byok:
        return Settlement(0, Basis.ACTUAL, "byok")
    return Settlement(estimate, Basis.ASSUMED, "completed without a cost")

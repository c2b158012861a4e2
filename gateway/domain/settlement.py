"""What closes a job's reservation: the upstream's figure, and what stands in where it has none."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.job import Cause, Status, plausible_cost
from gateway.domain.units import micros_nearest


class Basis(StrEnum):
    """On whose word an amount was settled."""

    ACTUAL = "actual"  # the upstream's own figure
    ASSUMED = "assumed"  # no verdict, or a verdict without a figure: the estimate
    DISPUTED = "disputed"  # a figure that can't be believed: the estimate, until somebody looks


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a job costs its budgets. `micros` None: nothing is owed, the money is released."""

    micros: int | None
    basis: Basis
    note: str | None = None


_ABSURD = (
    100  # times the estimate; no upstream's surprise is that large (docs/reliability.md, Money)
)


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

    See docs/reliability.md, Money.
    """
    if cause is Cause.REFUSED:
        return Settlement(None, Basis.ACTUAL)
    if cause is Cause.ASSUMED:
        return Settlement(estimate, Basis.ASSUMED, "no verdict ever came")
    if raw_cost is None:
        return _without_figure(status, is_byok, estimate, include_byok=include_byok)
    cost = plausible_cost(raw_cost)
    micros = None if cost is None else micros_nearest(cost)
    if micros is None or (estimate > 0 and micros > _ABSURD * estimate):
        return Settlement(estimate, Basis.DISPUTED, f"the upstream says {raw_cost[:40]} USD")
    if is_byok and not include_byok:
        return Settlement(0, Basis.ACTUAL, "byok")
    if micros == 0 and status is not Status.COMPLETED:
        return Settlement(None, Basis.ACTUAL)
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

"""Bytes of request bodies in memory."""

from contextlib import suppress

import pytest

from gateway.api.body_budget import BodyBudget
from gateway.domain.errors import Reason, Refused


def refused(budget: BodyBudget, owner: str, size: int) -> bool:
    """Whether a body is refused, with a time to try again."""
    with suppress(Refused):
        budget.take(owner, size)
        return False
    with pytest.raises(Refused) as caught:
        budget.take(owner, size)
    return caught.value.reason is Reason.OVERLOADED and bool(caught.value.retry_after)


def test_bodies_together_have_a_total_and_an_owner_half_of_it() -> None:
    budget = BodyBudget(lambda: 100)

    budget.take("a", 40)
    assert refused(budget, "a", 20), "more than half for one owner"
    budget.take("b", 50)
    assert refused(budget, "c", 20), "more than the total"
    assert budget.in_use == 90


def test_a_released_body_makes_room_once() -> None:
    budget = BodyBudget(lambda: 100)
    lease = budget.take("a", 40)

    lease.release()
    lease.release()

    assert budget.in_use == 0


@pytest.mark.parametrize("size", [60, 1_000])
def test_a_body_that_is_alone_always_fits(size: int) -> None:
    assert not refused(BodyBudget(lambda: 100), "a", size)


def test_the_total_may_change_with_a_reload() -> None:
    total = 100
    budget = BodyBudget(lambda: total)
    budget.take("a", 40)
    total = 50

    assert refused(budget, "b", 20)

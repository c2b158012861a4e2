"""Faults that a sandbox has in its queue."""

import pytest

from gateway.sandbox.faults import Faults


def test_a_fault_is_taken_as_often_as_it_was_put() -> None:
    faults = Faults()
    faults.next("submit", "refuse", times=2, status=400)

    taken = [faults.take("submit", model="x/one", job_id=None) for _ in range(3)]

    assert [fault is not None for fault in taken] == [True, True, False]


def test_a_fault_waits_for_its_model() -> None:
    faults = Faults()
    faults.next("submit", "refuse", status=400, model="x/two")

    assert faults.take("submit", model="x/one", job_id=None) is None
    assert faults.take("submit", model="x/two", job_id=None) is not None


def test_faults_of_another_target_stay() -> None:
    faults = Faults()
    faults.next("content", "cut")

    assert faults.take("submit", model=None, job_id=None) is None
    assert len(faults.waiting) == 1
    faults.clear()
    assert not faults.waiting


def test_an_action_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="explode"):
        Faults().next("submit", "explode")

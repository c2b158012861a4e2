"""Work in threads of its own."""

import threading

import pytest

from gateway.services.off_loop import OffLoop


async def test_work_runs_in_a_thread_of_its_own_and_returns_its_result() -> None:
    off_loop = OffLoop()

    name = await off_loop.run(lambda: threading.current_thread().name)
    off_loop.close()

    assert name.startswith("off-loop")


async def test_an_error_of_the_work_is_raised() -> None:
    off_loop = OffLoop()

    with pytest.raises(ZeroDivisionError):
        await off_loop.run(lambda: 1 / 0)
    off_loop.close()

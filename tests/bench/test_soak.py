"""The soak runs, and its figures come from what happened."""

import asyncio

from bench.soak import soak, soak_table
from bench.targets import gateway, running


def test_a_short_soak_measures_the_honest_team_beside_the_hostile_one() -> None:
    with running(gateway) as target:
        measured = asyncio.run(soak(target, 1.5))

    assert measured.failed == 0
    assert measured.polls.requests > 1
    assert min(measured.submits, measured.downloads) >= 1
    assert measured.memory_mb > 10
    assert measured.lag > 0
    codes = {name.rpartition(" ")[2] for name in measured.attacks}
    assert codes & {"400", "404", "415"}
    assert not any(code.startswith("5") for code in codes)
    requests = measured.polls.requests + measured.submits + measured.downloads
    assert f"| failed requests of {requests} | 0 | 0 |" in soak_table(measured)

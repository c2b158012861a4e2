"""The limit of open files."""

import resource
import subprocess
import sys

from gateway.adapters.descriptors import RESERVE, connection_room

PROGRAM = """
import resource
from gateway.adapters.descriptors import raise_limit
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
print(*raise_limit(), hard)
"""


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    """In a process of its own: the limit belongs to the whole process."""
    done = subprocess.run(
        (sys.executable, "-c", PROGRAM), capture_output=True, text=True, check=True
    )
    before, after, hard = done.stdout.split()

    assert (before, after) == ("128", hard)


def test_descriptors_are_reserved_for_the_rest() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)

    assert connection_room() == max(64, soft - RESERVE)

"""Prometheus as it is installed on this machine; tests of what it says skip where it is not."""

import shutil
import subprocess
from pathlib import Path

import pytest

GRAFANA = Path(__file__).parents[2] / "grafana"


def program(name: str) -> str:
    """The path of `prometheus` or `promtool`; skips the test where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install prometheus)")
    return found


def told(path: Path) -> str:
    """What `promtool test rules` says of a file, good or bad."""
    done = subprocess.run(
        (program("promtool"), "test", "rules", str(path)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout + done.stderr


def promtool(*words: str, cwd: Path = GRAFANA) -> str:
    """What promtool prints; fails the test if it does not exit with 0."""
    done = subprocess.run(
        (program("promtool"), *words), cwd=cwd, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

"""Programs that deploy the gateway, as they are installed on this machine."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_ADMINISTRATORS = "/usr/sbin:/sbin"  # where Debian has nginx and HAProxy; not on everybody's PATH


def program(name: str, package: str | None = None) -> str:
    """The path of a program; skips the test where it is not installed."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_ADMINISTRATORS}")
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {package or name})")
    return found


def run(*words: str | Path) -> str:
    """What a program prints; fails the test if it does not exit with 0."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr

"""Runs the programs of this folder under Node.js, their packages installed outside the repository.

`installed` raises `Unavailable`, in plain words, where there is no Node.js or no npm registry.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_MANIFESTS = ("package.json", "package-lock.json")
_INSTALL_SECONDS = 90
_RUN_SECONDS = 60


class Unavailable(Exception):
    """The programs can't run here; the message says why."""


class Programs:
    """The programs, ready to run."""

    def __init__(self, folder: Path) -> None:
        """`folder` holds `node_modules`."""
        self._folder = folder

    async def run(self, name: str, **arguments: Any) -> Any:
        """Run a program to its end; the JSON that it printed."""
        source = (_HERE / f"{name}.mjs").read_text()
        return json.loads(await self.run_source(source, **arguments))

    async def run_source(self, source: str, **arguments: Any) -> str:
        """Run the text of a program to its end; what it printed."""
        process = await asyncio.create_subprocess_exec(
            "node",
            "--input-type=module",
            cwd=self._folder,
            env={**os.environ, "ARGUMENTS": json.dumps(arguments), "NO_COLOR": "1"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_RUN_SECONDS):
                printed, complaints = await process.communicate(source.encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, complaints.decode()
        return printed.decode()


def installed() -> Programs:
    """The programs with the packages of `package-lock.json`, installed once for every checkout.

    Raises:
        Unavailable: there is no Node.js, or its packages can't be had.

    """
    for command in ("node", "npm"):
        if shutil.which(command) is None:
            raise Unavailable(f"there is no {command} on this machine")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "video-gateway"
    manifests = b"".join((_HERE / name).read_bytes() for name in _MANIFESTS)
    folder = cache / f"sdk-js-{hashlib.sha256(manifests).hexdigest()[:16]}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _install(folder)
    return Programs(folder)


def _install(folder: Path) -> None:
    """Install aside and move into place: several test processes may do this at once."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        for name in _MANIFESTS:
            shutil.copy(_HERE / name, aside)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
        try:
            done = subprocess.run(
                command,
                cwd=aside,
                capture_output=True,
                text=True,
                timeout=_INSTALL_SECONDS,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"npm did not answer within {_INSTALL_SECONDS} seconds") from error
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise Unavailable(f"npm can't install the packages here: {last}")
        with contextlib.suppress(OSError):  # another process was first
            Path(aside).rename(folder)
        Path(aside).mkdir(exist_ok=True)  # what the context manager removes

"""Runs `python -m gateway` as a process, as an operator does."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_TIMEOUT = 30.0  # seconds; a start takes about one


@dataclass(frozen=True)
class Completed:
    """The result of a process that has exited."""

    code: int
    out: str
    err: str


@dataclass
class Serving:
    """A running `video-gateway serve` and its log lines."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def logged(self, event: str) -> dict[str, Any]:
        """Wait for the next log line of that event; AssertionError if the process exits first."""
        assert self.process.stdout is not None
        async with asyncio.timeout(_TIMEOUT):
            while raw := await self.process.stdout.readline():
                self.lines.append(json.loads(raw))
                if self.lines[-1]["event"] == event:
                    return self.lines[-1]
        raise AssertionError(f"the process exited without logging {event}: {self.lines}")

    async def exit_code(self) -> int:
        """Wait until the process exits, and return its exit code."""
        async with asyncio.timeout(_TIMEOUT):
            rest, _ = await self.process.communicate()
        self.lines += [json.loads(raw) for raw in rest.splitlines()]
        return self.process.returncode or 0


async def run(*arguments: str, stdin: str = "", **environ: str) -> Completed:
    """Run a command until it exits."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", *arguments),
        env=os.environ | environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(_TIMEOUT):
        out, err = await process.communicate(stdin.encode())
    return Completed(process.returncode or 0, out.decode(), err.decode())


@asynccontextmanager
async def serving(config: Path) -> AsyncIterator[Serving]:
    """Start `video-gateway serve` with this file, wait until it listens, kill it at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "serve", "--config", str(config)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    server = Serving(process)
    try:
        await server.logged("server.started")
        yield server
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def configuration(folder: Path, upstream: str = "http://127.0.0.1:9/api/v1", **more: str) -> Path:
    """Write a configuration with one team, `growth`; `more` replaces or adds sections."""
    sections = {
        "server": "{listen: '127.0.0.1:0', admin_listen: '127.0.0.1:0', drain_seconds: 1,"
        " lame_duck: 0s}",
        "database": f"{{url: 'sqlite:///{folder}/gateway.db'}}",
        "content": f"{{mode: passthrough, url: '{folder}/content'}}",
        "upstreams": f"{{only: {{base_url: '{upstream}', api_key: a-key}}}}",
        "teams": "{growth: {}}",
    }
    path = folder / "gateway.yaml"
    path.write_text("".join(f"{key}: {text}\n" for key, text in (sections | more).items()))
    return path


def free_port() -> int:
    """Find a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""`python -m gateway` as a process, for tests of what an operator meets."""

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

_PATIENCE = 30.0  # seconds; a start takes about one


@dataclass(frozen=True)
class Done:
    """A program that has ended."""

    code: int
    out: str
    err: str


@dataclass
class Serving:
    """`video-gateway serve`, and every line that it logs."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def told(self, event: str) -> dict[str, Any]:
        """The next line of that kind, waiting for it; AssertionError where none comes."""
        assert self.process.stdout is not None
        async with asyncio.timeout(_PATIENCE):
            while raw := await self.process.stdout.readline():
                self.lines.append(json.loads(raw))
                if self.lines[-1]["event"] == event:
                    return self.lines[-1]
        raise AssertionError(f"it ended without {event}: {self.lines}")

    async def ended(self) -> int:
        """Its exit code, once it has ended by itself."""
        async with asyncio.timeout(_PATIENCE):
            rest, _ = await self.process.communicate()
        self.lines += [json.loads(raw) for raw in rest.splitlines()]
        return self.process.returncode or 0


async def run(*words: str, stdin: str = "", **environ: str) -> Done:
    """Run a command to its end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", *words),
        env=os.environ | environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(_PATIENCE):
        out, err = await process.communicate(stdin.encode())
    return Done(process.returncode or 0, out.decode(), err.decode())


@asynccontextmanager
async def serving(config: Path) -> AsyncIterator[Serving]:
    """`video-gateway serve` on this file, once it listens; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "serve", "--config", str(config)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    server = Serving(process)
    try:
        await server.told("server.started")
        yield server
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def configuration(folder: Path, upstream: str = "http://127.0.0.1:9/api/v1", **more: str) -> Path:
    """A file with one team, `growth`, on a SQLite database in `folder`; `more` are its sections."""
    sections = {
        "server": "{listen: '127.0.0.1:0', admin_listen: '127.0.0.1:0', drain_seconds: 1}",
        "database": f"{{url: 'sqlite:///{folder}/gateway.db'}}",
        "content": f"{{mode: passthrough, url: '{folder}/content'}}",
        "upstreams": f"{{only: {{base_url: '{upstream}', api_key: a-key}}}}",
        "teams": "{growth: {}}",
    }
    path = folder / "gateway.yaml"
    path.write_text("".join(f"{key}: {text}\n" for key, text in (sections | more).items()))
    return path


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""Gateways as real processes, to be killed and started again.

async with gateway_process(config_file) as process:
    await process.submit(prompt="a cat")
    await process.kill()                      # SIGKILL: nothing is said, nothing is finished
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout

from gateway.domain.team import hash_key
from gateway.sandbox import Sandbox
from tests.harness import GROK, KEYS, Answer, merged

_STARTING = 60.0  # seconds; a loaded machine imports slowly
_ENDING = 30.0


class GatewayProcess:
    """One `video-gateway serve`."""

    def __init__(self, process: asyncio.subprocess.Process, http: ClientSession) -> None:
        self._process = process
        self._http = http
        self._news = asyncio.Event()
        self.lines: list[dict[str, Any]] = []
        self._reader = asyncio.create_task(self._read())
        self.origin = ""

    @property
    def pid(self) -> int:
        """Its number, for those who trace it."""
        return self._process.pid

    async def told(self, event: str, **facts: Any) -> dict[str, Any]:
        """The first log line of that kind with those facts, as soon as it is there.

        Raises:
            AssertionError: the process ended, or took too long, without saying it.

        """

        def found() -> dict[str, Any] | None:
            return next((line for line in self.lines if wanted.items() <= line.items()), None)

        wanted = {"event": event, **facts}

        try:
            async with asyncio.timeout(_STARTING):
                while (line := found()) is None:
                    assert not self._reader.done(), f"ended without {wanted}: {self.lines}"
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {wanted} in {self.lines}") from None
        return line

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        """One request of team `growth`, below /api/v1."""
        headers = {"Authorization": f"Bearer {KEYS['growth']}"}
        async with self._http.request(
            method, f"{self.origin}/api/v1{path}", headers=headers, **options
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def submit(self, **fields: Any) -> Answer:
        """POST /videos with a right request."""
        return await self.call("POST", "/videos", json={**GROK, **fields})

    async def status(self, job_id: str) -> Any:
        """What a poll says, whole."""
        answer = await self.call("GET", f"/videos/{job_id}")
        assert answer.status == 200, answer.body
        return answer.json

    def signal(self, number: signal.Signals) -> None:
        """Tell the process something."""
        self._process.send_signal(number)

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process.returncode is None:
            self._process.kill()
        await self.ended()

    async def ended(self) -> int:
        """Wait for the end; the exit code."""
        async with asyncio.timeout(_ENDING):
            code = await self._process.wait()
            await self._reader
        return code

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            text = line.decode()
            known = text.startswith("{")
            self.lines.append(json.loads(text) if known else {"event": "raw", "text": text})
            self._news.set()
            self._news = asyncio.Event()
        self._news.set()


@asynccontextmanager
async def gateway_process(config: Path) -> AsyncIterator[GatewayProcess]:
    """A gateway that serves and has its catalog; killed, if it still runs, when the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        "serve",
        "--config",
        str(config),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if "VIDEO_GATEWAY" not in name},
        limit=1 << 20,
    )
    async with ClientSession(timeout=ClientTimeout(total=30)) as http:
        running = GatewayProcess(process, http)
        try:
            running.origin = (await running.told("server.started"))["public"]
            await running.told("catalog.refreshed")
            yield running
        finally:
            await running.kill()


def write_config(
    folder: Path, sandbox: Sandbox, database_url: str, changes: Mapping[str, Any] | None = None
) -> Path:
    """A configuration file for `gateway_process`, on free ports, with `changes` laid over it."""
    document = {
        "server": {
            "listen": "127.0.0.1:0",
            "admin_listen": "127.0.0.1:0",
            "answer_within": "1s",
            "drain_seconds": 10,
            "lame_duck": "0s",
        },
        "database": {"url": database_url},
        "content": {"mode": "passthrough", "url": str(folder / "content")},
        "upstreams": {
            "sandbox": {
                "base_url": sandbox.url,
                "api_key": sandbox.api_key,
                "poll": {"first": "100ms", "max": "100ms"},
            }
        },
        "teams": {
            name: {
                "keys": [{"name": "ci", "hash": hash_key(key)}],
                "budgets": [{"period": "day", "limit_usd": "1000"}],
            }
            for name, key in KEYS.items()
        },
    }
    path = folder / "gateway.yaml"
    path.write_text(json.dumps(merged(document, changes or {})))
    return path

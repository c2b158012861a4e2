"""A client of the sandbox for tests."""

from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession

from gateway.sandbox import Sandbox

GROK = {"model": "x-ai/grok-imagine-video", "prompt": "a lighthouse", "duration": 1}
"""The cheapest recorded request, without its image."""


@dataclass(frozen=True)
class Answer:
    """A response with its body."""

    status: int
    headers: Any
    body: Any


@dataclass(frozen=True)
class Client:
    """Calls one sandbox with an API key."""

    http: ClientSession
    sandbox: Sandbox

    async def submit(self, body: Any = None, **changes: Any) -> Answer:
        request = GROK if body is None else body
        return await self.call("POST", "/videos", json={**request, **changes})

    async def job(self, body: Any = None, **changes: Any) -> str:
        """Submit a job and return its id."""
        answer = await self.submit(body, **changes)
        assert answer.status == 202, answer.body
        return str(answer.body["id"])

    async def poll(self, job_id: str) -> Answer:
        return await self.call("GET", f"/videos/{job_id}")

    async def call(self, method: str, path: str, key: str | None = None, **options: Any) -> Answer:
        headers = {"Authorization": f"Bearer {key or self.sandbox.api_key}"}
        async with self.http.request(
            method,
            f"{self.sandbox.url}{path}",
            headers={**headers, **options.pop("headers", {})},
            allow_redirects=False,
            **options,
        ) as response:
            if response.content_type == "application/json":
                return Answer(response.status, response.headers, await response.json())
            return Answer(response.status, response.headers, await response.read())

"""docs/webhooks.md is true: its receiver takes what we send and nothing else."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import aiohttp

from gateway.adapters.clock import SystemClock
from gateway.adapters.sender import READ_LIMIT
from gateway.api.public import webhooks
from gateway.config.schema import DeliveryConfig
from gateway.config.values import duration_text
from gateway.domain.delivery import signed_headers
from gateway.domain.signature import TOLERANCE_SECONDS
from gateway.services.links import LIFETIME
from gateway.workers import dispatcher, missed_webhooks, retention_cleanup
from tests.cli.programs import free_port

PAGE = (Path(__file__).parents[1] / "docs" / "webhooks.md").read_text("utf-8")
SECRET = "a-secret-of-the-receiver"
BODY = b'{"type":"video.generation.completed","data":{"id":"gen-vid-1-x"}}'


def receiver() -> str:
    """The one Python example of the page."""
    (source,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return str(source)


def test_the_receiver_is_fifteen_lines() -> None:
    assert len([line for line in receiver().splitlines() if line]) == 15


@asynccontextmanager
async def running() -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", receiver()),
        env=os.environ | {"HOOK_SECRET": SECRET, "PORT": str(port)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process, f"http://127.0.0.1:{port}/"
    finally:
        with suppress(ProcessLookupError):  # a test may have ended it
            process.kill()
        await process.wait()


async def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send it, waiting for a receiver that is only starting."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(20):
        while True:
            try:
                async with session.post(url, data=body, headers=headers) as response:
                    return response.status
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.05)


def headers(body: bytes, *, age: int = 0, secret: str = SECRET) -> dict[str, str]:
    now = int(SystemClock().now().timestamp()) - age
    return signed_headers(
        body, event_id="evt_1", idempotency_key="gen-vid-1-x-completed", secrets=[secret], now=now
    )


async def test_the_receiver_takes_what_we_sign_once_and_refuses_the_rest() -> None:
    async with running() as (process, url):
        taken = [await post(url, BODY, headers(BODY)) for _ in range(2)]
        tampered = await post(url, BODY.replace(b"x", b"y"), headers(BODY))
        forged = await post(url, BODY, headers(BODY, secret="somebody-else's-secret"))
        stale = await post(url, BODY, headers(BODY, age=301))
        process.terminate()
        assert process.stdout is not None
        printed = await process.stdout.read()

    assert taken == [204, 204]
    assert (tampered, forged, stale) == (401, 401, 401)
    assert printed.splitlines() == [BODY], "twice sent, once acted upon"


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    assert f"within {missed_webhooks.GRACE:.0f} s" in PAGE
    assert f"over {webhooks.MAX_BODY // 1_000_000} MB" in PAGE
    assert f"than {TOLERANCE_SECONDS} s" in PAGE
    assert f"at least {LIFETIME.total_seconds() / 3600:.0f} hours" in PAGE
    assert f"{READ_LIMIT // 1024} kB of the answer" in PAGE
    assert f"{dispatcher.OWN_AT_ONCE} attempts to subscribers" in PAGE
    assert f"{dispatcher.CALLBACKS} to clients' URLs" in PAGE
    assert f"{dispatcher.CALLBACKS_OF_A_TEAM} are one team's" in PAGE
    assert f"after {retention_cleanup.DELIVERED_KEPT.days} days" in PAGE
    assert (
        f"`delivery.max_in_flight_per_endpoint` ({DeliveryConfig().max_in_flight_per_endpoint})"
        in PAGE
    )
    assert ", ".join(_spoken(wait) for wait in DeliveryConfig().retries) in PAGE


def _spoken(wait: timedelta) -> str:
    text = duration_text(wait)
    unit = {"s": "s", "m": "min", "h": "h", "d": "d"}[text[-1]]
    return "24 h" if text == "1d" else f"{text[:-1]} {unit}"

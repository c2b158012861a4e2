"""Tests of `video-gateway sandbox` as a process."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession
from typer import Typer
from typer.testing import CliRunner

from gateway.cli.sandbox import sandbox

RUN = """
import typer
from gateway.cli.sandbox import sandbox
app = typer.Typer(pretty_exceptions_enable=False)
app.command()(sandbox)
app()
"""


@asynccontextmanager
async def running(*options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Start the process; yield it and the URL in its first line."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        RUN,
        *("--listen", "127.0.0.1:0", *options),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "VIDEO_SANDBOX_API_KEY": "sk-or-from-environment"},
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            first = (await process.stdout.readline()).decode()
        yield process, first.split()[-1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_it_serves_with_the_key_of_its_environment_until_sigterm() -> None:
    async with running("--speed", "100", "--submit-seconds", "0") as (process, url):
        headers = {"Authorization": "Bearer sk-or-from-environment"}
        body = {"model": "x-ai/grok-imagine-video", "prompt": "x"}
        async with (
            ClientSession(headers=headers) as http,
            http.post(f"{url}/videos", json=body) as response,
        ):
            status = response.status
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            code = await process.wait()

    assert (status, code) == (202, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--listen", "nowhere"), "is not host:port"),
        (("--listen", "127.0.0.1:99999"), "is not host:port"),
        (("--generation-seconds", "9:3"), "neither A nor A:B"),
        (("--submit-seconds", "soon"), "neither A nor A:B"),
        (("--in-progress", "sometimes"), "sometimes"),
        (("--speed", "-1"), "--speed"),
    ],
)
def test_an_invalid_option_is_rejected(options: tuple[str, ...], message: str) -> None:
    app = Typer(rich_markup_mode=None)
    app.command()(sandbox)

    result = CliRunner().invoke(app, options)

    assert result.exit_code == 2
    assert message in result.output


def test_a_port_in_use_is_a_one_line_error() -> None:
    app = Typer(rich_markup_mode=None)
    app.command()(sandbox)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = CliRunner().invoke(app, ["--listen", f"127.0.0.1:{taken.getsockname()[1]}"])

    assert result.exit_code == 1
    assert result.output.startswith("error: the sandbox did not start: ")

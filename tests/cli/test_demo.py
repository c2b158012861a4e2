"""Tests of `video-gateway demo`: all scenes, and its errors."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.demo.command import check_tools
from gateway.cli.demo.failed import DemoFailed
from gateway.cli.demo.video_info import decode_video
from gateway.cli.main import app
from gateway.config.loader import load

CONFIG = Path(__file__).parents[2] / "config" / "demo.yaml"

_TIMEOUT = 90.0  # seconds; at this speed the demo takes about ten


@asynccontextmanager
async def demo(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start the demo with its output in one pipe; stop it at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "demo", *arguments),
        env=os.environ | {"NO_PROXY": "127.0.0.1", "PYTHONUNBUFFERED": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_TIMEOUT):
            yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def shell(line: str, folder: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", line, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, line
    return printed.decode()


async def test_every_scene_passes_and_the_printed_commands_work_afterwards(
    tmp_path: Path,
) -> None:
    arguments = ("--config", str(CONFIG), "--output", str(tmp_path), "--speed", "50", "--keep")
    async with demo(*arguments) as process:
        assert process.stdout is not None
        output = ""
        while not re.search(r"^ +curl .*/metrics$", output, re.MULTILINE):
            line = await process.stdout.readline()
            assert line, f"the demo exited early:\n{output}"
            output += line.decode()
        lines = re.findall(r"^ +(curl .*)$", output, re.MULTILINE)
        answers = [await shell(line, tmp_path) for line in lines]
        process.send_signal(signal.SIGINT)
        code = await process.wait()

    assert code == 0
    assert re.search(r"ok every scene passed, in \d+ s", output)
    assert [len(re.findall(rf"^{number}\. ", output, re.MULTILINE)) for number in range(1, 12)] == [
        1
    ] * 11
    assert len(lines) == 5
    assert '"data"' in answers[0]
    assert '"status":"pending"' in answers[1]
    assert '"status":"completed"' in answers[2]
    assert "video_gateway_build_info" in answers[4]
    again, fox, owl = (
        decode_video(tmp_path / name) for name in ("again.mp4", "fox.mp4", "owl.mp4")
    )
    assert again == fox != owl


async def test_a_failed_scene_is_named_and_exits_1(tmp_path: Path) -> None:
    config = tmp_path / "demo.yaml"
    text = CONFIG.read_text()
    config.write_text(text.replace("  studio:", "  studio:\n    models: {allow: [nothing]}", 1))

    async with demo("--config", str(config), "--output", str(tmp_path), "--speed", "50") as process:
        assert process.stdout is not None
        output = (await process.stdout.read()).decode()
        code = await process.wait()

    assert code == 1
    assert re.search(r"^FAILED scene 'models' raised \w+", output, re.MULTILINE)
    assert "Traceback" not in output


async def test_a_gateway_that_does_not_start_prints_the_end_of_its_log(
    tmp_path: Path,
) -> None:
    config = tmp_path / "demo.yaml"
    config.write_text(CONFIG.read_text() + "budget: []\n")

    async with demo("--config", str(config), "--output", str(tmp_path)) as process:
        assert process.stdout is not None
        output = (await process.stdout.read()).decode()
        code = await process.wait()

    assert code == 1
    assert "FAILED the gateway did not start" in output
    assert "budget: unknown key" in output


def test_missing_packages_are_named_before_anything_starts() -> None:
    with pytest.raises(DemoFailed, match="the demo needs openrouter and av"):
        check_tools(CONFIG, lambda _: None)


def test_a_missing_configuration_is_an_error_that_names_the_option(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["demo", "--config", str(tmp_path / "demo.yaml")])

    assert result.exit_code == 1
    assert "run the demo in the repository, or pass --config PATH" in result.output


def test_a_proxy_for_loopback_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")

    result = CliRunner().invoke(app, ["demo", "--config", str(CONFIG)])

    assert result.exit_code == 1
    assert "NO_PROXY=127.0.0.1" in result.output


def test_its_configuration_is_valid_without_the_demo() -> None:
    loaded = load(CONFIG, {})

    assert set(loaded.config.teams) == {"studio", "newsroom", "clinic"}
    assert loaded.config.server.listen[0].port == 8080

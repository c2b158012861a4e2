"""Tests that the examples in docs/sandbox.md run and that its tables are complete."""

import asyncio
import inspect
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.sandbox import sandbox as command
from gateway.sandbox import Sandbox, SandboxConfig
from gateway.sandbox.clock import SandboxClock
from gateway.sandbox.control import Control
from gateway.sandbox.faults import ACTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("curl")), reason="the examples are for bash and curl"
)
async def test_the_shell_examples_run_in_order(tmp_path: Path) -> None:
    sandbox = await Sandbox.start(SandboxConfig(), SandboxClock(100))
    script = "set -eu\n" + "\n".join(blocks("bash"))
    script = script.replace("http://127.0.0.1:9090", sandbox.origin)
    script = f"CONTROL={sandbox.control_token}\n{script}"
    try:
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", script, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
    finally:
        await sandbox.close()

    assert process.returncode == 0
    assert (tmp_path / "lighthouse.mp4").read_bytes()[4:8] == b"ftyp"
    assert output.decode().endswith("charged: 0.1358\n")
    assert sandbox.faults.waiting == ()


async def test_the_python_example_runs() -> None:
    (example,) = blocks("python")
    names: dict[str, Any] = {}
    exec(compile(example, "docs/sandbox.md", "exec"), names)

    await names["test_a_lost_answer_is_a_job_all_the_same"]()

    assert inspect.iscoroutinefunction(names["test_a_lost_answer_is_a_job_all_the_same"])


def test_every_option_action_and_route_is_documented() -> None:
    options = {f"`--{name.replace('_', '-')}`" for name in inspect.signature(command).parameters}
    routes = set(re.findall(r"\{CONTROL\}(/[a-z]+)", inspect.getsource(Control)))

    missing = {option for option in options if f"| {option} |" not in PAGE}
    missing |= {action for action in ACTIONS if f"`{action}`" not in PAGE}
    missing |= {route for route in routes if f"/sandbox/v1{route}" not in PAGE}

    assert len(options) >= 19
    assert len(routes) >= 5
    assert missing == set()

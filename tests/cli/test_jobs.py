"""Tests of `video-gateway jobs`, with and without a running gateway."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.sandbox import Sandbox, SandboxConfig
from tests.cli.programs import configuration, free_port
from tests.harness import KEYS, running_gateway


async def _store_video(folder: Path, database_url: str) -> tuple[str, bytes]:
    """Run a gateway until it has stored a video; return the job id and the video."""
    sandbox = await Sandbox.start(SandboxConfig(seed=7, generation_seconds=(0.05, 0.05)))
    try:
        content = {"mode": "cache", "url": str(folder / "content")}
        poll = {"poll": {"first": "1s", "factor": "1", "max": "1s"}}
        overrides = {"content": content, "upstreams": {"*": poll}}
        async with running_gateway(sandbox, database_url, overrides) as gateway:
            job = await gateway.completed()
            video = (await gateway.get(f"/videos/{job}/content")).body

            async def stored() -> bool:
                row = await gateway.row("SELECT COUNT(*) AS n FROM assets")
                return bool(row["n"])

            await gateway.until(stored)
            return job, video
    finally:
        await sandbox.close()


@pytest.fixture
def stored(tmp_path: Path, sqlite_url: str) -> tuple[Path, str, bytes]:
    """A configuration, and the job and video in its database and folder."""
    job, video = asyncio.run(_store_video(tmp_path, sqlite_url))
    port = free_port()
    config = configuration(
        tmp_path,
        server=f"{{admin_listen: '127.0.0.1:{port}'}}",
        database=f"{{url: '{sqlite_url}'}}",
        content=f"{{mode: cache, url: '{tmp_path}/content'}}",
    )
    return config, job, video


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_list_prints_jobs(stored: tuple[Path, str, bytes]) -> None:
    config, job, _ = stored

    code, output = run("jobs", "list", "--config", str(config))

    assert code == 0, output
    head, row = output.splitlines()
    assert head.split() == ["ID", "STATUS", "CREATED", "COST", "USD", "TEAM", "MODEL"]
    assert row.split()[:2] == [job, "completed"]
    assert row.split()[-2:] == ["growth", "x-ai/grok-imagine-video"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--team", "growth"], 1),
        (["--team", "rivals"], 0),
        (["--status", "completed"], 1),
        (["--status", "failed"], 0),
        (["--since", "1h"], 1),
        (["--since", "99999999999"], 0),
    ],
)
def test_list_filters_jobs(stored: tuple[Path, str, bytes], options: list[str], found: int) -> None:
    config, _, _ = stored

    code, output = run("jobs", "list", "--json", *options, "--config", str(config))

    assert code == 0, output
    assert len(json.loads(output)) == found


def test_list_rejects_an_invalid_time(stored: tuple[Path, str, bytes]) -> None:
    code, output = run("jobs", "list", "--since", "yesterday", "--config", str(stored[0]))

    assert code == 2
    assert "24h" in output


def test_show_prints_the_job_report(stored: tuple[Path, str, bytes]) -> None:
    config, job, video = stored

    code, output = run("jobs", "show", job, "--config", str(config))

    assert code == 0, output
    for text in (
        f"id               {job}",
        "status           completed",
        "decision",
        "attempts\n  attempt 1",
        "ledger\n  ",
        "kind reserve",
        "kind settle",
        "content stored\n  index 0",
        f"bytes {len(video)}",
    ):
        assert text in output, text
    assert KEYS["growth"] not in output


def test_show_prints_json(stored: tuple[Path, str, bytes]) -> None:
    config, job, _ = stored

    code, output = run("jobs", "show", job, "--json", "--config", str(config))

    assert code == 0, output
    assert json.loads(output)["id"] == job


def test_delete_content_deletes_the_file_and_records_the_deletion(
    stored: tuple[Path, str, bytes],
) -> None:
    config, job, video = stored
    arguments = ["jobs", "delete-content", job, "--why", "a face", "--config", str(config)]

    code, output = run(*arguments)
    _, shown = run("jobs", "show", job, "--config", str(config))

    assert code == 0, output
    assert f"deleted {job} index 0, {len(video)} bytes" in output
    assert list((config.parent / "content").glob("??/*")) == []
    assert "reason operator" in shown
    assert "why a face" in shown


def test_an_unknown_job_is_an_error(stored: tuple[Path, str, bytes]) -> None:
    for command in ("show", "delete-content"):
        result = CliRunner().invoke(app, ["jobs", command, "nobody", "--config", str(stored[0])])

        assert result.exit_code != 0
        assert "Job nobody not found" in str(result.exception)


async def test_commands_use_the_running_gateway(tmp_path: Path, sqlite_url: str) -> None:
    """The gateway has locked the database, so the commands must go through its API."""
    sandbox = await Sandbox.start(SandboxConfig(seed=7, generation_seconds=(0.05, 0.05)))
    async with running_gateway(sandbox, sqlite_url) as gateway:
        job = await gateway.completed()
        config = configuration(
            tmp_path,
            server=f"{{admin_listen: '{gateway.admin_url.removeprefix('http://')}'}}",
            database=f"{{url: '{sqlite_url}'}}",
        )

        _, listed = await asyncio.to_thread(run, "jobs", "list", "--config", str(config))
        _, shown = await asyncio.to_thread(run, "jobs", "show", job, "--config", str(config))
        code, deleted = await asyncio.to_thread(
            run, "jobs", "delete-content", job, "--config", str(config)
        )
        after = await gateway.get(f"/videos/{job}/content")

    await sandbox.close()
    assert job in listed
    assert f"id               {job}" in shown
    assert (code, deleted) == (0, f"{job}: the gateway no longer serves its videos\n")
    assert after.status == 410

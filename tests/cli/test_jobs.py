"""`video-gateway jobs` on a database that no gateway holds, and on one that a gateway does."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.sandbox import Sandbox, SandboxConfig
from tests.cli.programs import configuration, free_port
from tests.harness import KEYS, running_gateway


async def _life(folder: Path, database_url: str) -> tuple[str, bytes]:
    """A gateway's life in which a video was made and stored; the job and the video."""
    sandbox = await Sandbox.start(SandboxConfig(seed=7, generation_seconds=(0.05, 0.05)))
    try:
        content = {"mode": "cache", "url": str(folder / "content")}
        poll = {"poll": {"first": "1s", "factor": "1", "max": "1s"}}
        overrides = {"content": content, "upstreams": {"*": poll}}
        async with running_gateway(sandbox, database_url, overrides) as gateway:
            job = await gateway.completed()
            film = (await gateway.get(f"/videos/{job}/content")).body

            async def kept() -> bool:
                row = await gateway.row("SELECT COUNT(*) AS n FROM assets")
                return bool(row["n"])

            await gateway.until(kept)
            return job, film
    finally:
        await sandbox.close()


@pytest.fixture
def lived(tmp_path: Path, sqlite_url: str) -> tuple[Path, str, bytes]:
    """A configuration, and the job and video that its database and folder hold."""
    job, film = asyncio.run(_life(tmp_path, sqlite_url))
    port = free_port()
    config = configuration(
        tmp_path,
        server=f"{{admin_listen: '127.0.0.1:{port}'}}",
        database=f"{{url: '{sqlite_url}'}}",
        content=f"{{mode: cache, url: '{tmp_path}/content'}}",
    )
    return config, job, film


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.output


def test_jobs_are_listed(lived: tuple[Path, str, bytes]) -> None:
    config, job, _ = lived

    code, told = run("jobs", "list", "--config", str(config))

    assert code == 0, told
    head, row = told.splitlines()
    assert head.split() == ["ID", "STATUS", "MADE", "COST", "USD", "TEAM", "MODEL"]
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
def test_a_list_is_narrowed(lived: tuple[Path, str, bytes], options: list[str], found: int) -> None:
    config, _, _ = lived

    code, told = run("jobs", "list", "--json", *options, "--config", str(config))

    assert code == 0, told
    assert len(json.loads(told)) == found


def test_a_moment_that_is_none_is_refused(lived: tuple[Path, str, bytes]) -> None:
    code, told = run("jobs", "list", "--since", "yesterday", "--config", str(lived[0]))

    assert code == 2
    assert "24h" in told


def test_a_job_is_shown_in_words(lived: tuple[Path, str, bytes]) -> None:
    config, job, film = lived

    code, told = run("jobs", "show", job, "--config", str(config))

    assert code == 0, told
    for words in (
        f"id               {job}",
        "status           completed",
        "decision",
        "attempts\n  attempt 1",
        "ledger\n  ",
        "kind reserve",
        "kind settle",
        "content stored\n  index 0",
        f"bytes {len(film)}",
    ):
        assert words in told, words
    assert KEYS["growth"] not in told


def test_a_job_is_shown_as_json(lived: tuple[Path, str, bytes]) -> None:
    config, job, _ = lived

    code, told = run("jobs", "show", job, "--json", "--config", str(config))

    assert code == 0, told
    assert json.loads(told)["id"] == job


def test_deleting_content_deletes_the_file_and_keeps_the_record(
    lived: tuple[Path, str, bytes],
) -> None:
    config, job, film = lived
    words = ["jobs", "delete-content", job, "--why", "a face", "--config", str(config)]

    code, told = run(*words)
    _, shown = run("jobs", "show", job, "--config", str(config))

    assert code == 0, told
    assert f"deleted {job} index 0, {len(film)} bytes" in told
    assert list((config.parent / "content").glob("??/*")) == []
    assert "reason operator" in shown
    assert "why a face" in shown


def test_an_unknown_job_is_told_in_words(lived: tuple[Path, str, bytes]) -> None:
    for command in ("show", "delete-content"):
        result = CliRunner().invoke(app, ["jobs", command, "nobody", "--config", str(lived[0])])

        assert result.exit_code != 0
        assert "Job nobody not found" in str(result.exception)


async def test_a_running_gateway_is_asked(tmp_path: Path, sqlite_url: str) -> None:
    """It holds the database, so that the commands must go through it."""
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
    assert (code, deleted) == (0, f"{job}: its videos are handed out no more\n")
    assert after.status == 410

"""Tests of the `video-gateway` command: its help, its errors and exit codes."""

from collections.abc import Iterator
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gateway.__main__ import main
from gateway.cli.main import app
from tests.cli.programs import configuration, run

COMMANDS = ("serve", "check", "sandbox", "demo", "doctor", "keys", "budgets")


def test_help_describes_every_command() -> None:
    result = CliRunner().invoke(app, ["--help"])

    listed = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line}
    assert result.exit_code == 0
    assert all(listed.get(command) for command in COMMANDS)


def test_without_arguments_it_prints_its_help() -> None:
    result = CliRunner().invoke(app, [])

    assert "Usage:" in result.output
    assert "serve" in result.output


def test_version_prints_the_installed_version() -> None:
    result = CliRunner().invoke(app, ["--version"])

    assert result.exit_code == 0
    assert result.stdout == f"video-gateway {version('video-gateway')}\n"


def command_paths(group: typer.Typer) -> Iterator[list[str]]:
    """The words that name the group itself, and each command below it."""
    yield []
    for command in group.registered_commands:
        assert command.callback is not None
        yield [command.name or command.callback.__name__]
    for below in group.registered_groups:
        assert below.typer_instance is not None
        assert below.name is not None
        yield from ([below.name, *path] for path in command_paths(below.typer_instance))


@pytest.mark.parametrize("path", list(command_paths(app)), ids=" ".join)
def test_h_shows_the_help_of_every_command(path: list[str]) -> None:
    short, long = (CliRunner().invoke(app, [*path, option]) for option in ("-h", "--help"))

    assert short.exit_code == 0
    assert short.stdout == long.stdout
    assert "Usage: " in short.stdout


def test_the_installed_command_runs_main() -> None:
    (command,) = entry_points(group="console_scripts", name="video-gateway")

    assert command.load() is main


async def test_a_refusal_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    result = await run("keys", "create", "nobody", "ci", "--config", str(configuration(tmp_path)))

    assert (result.code, result.out) == (1, "")
    assert result.err == "refused: unknown team 'nobody'; configured teams: growth\n"


async def test_a_database_error_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    config = configuration(tmp_path, database=f"{{url: 'sqlite:///{tmp_path}/file/gateway.db'}}")

    result = await run("keys", "list", "--config", str(config))

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: ")
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize(
    "command",
    [("serve",), ("check",), ("keys", "list"), ("budgets", "show"), ("doctor",)],
    ids=" ".join,
)
def test_every_command_prints_the_mistakes_of_the_file_and_exits_2(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    config = configuration(tmp_path, teams="{growth: {zdr: perhaps, budgets: [{period: year}]}}")

    result = CliRunner().invoke(app, [*command, "--config", str(config)])

    assert result.exit_code == 2
    assert 'teams.growth.zdr: saw "perhaps"; allowed: allow or require' in result.stderr
    assert "teams.growth.budgets[0].period" in result.stderr
    assert "Traceback" not in result.output

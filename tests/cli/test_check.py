from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from gateway.cli.check import check
from tests.config.samples import complete


def run(*arguments: str, **environ: str) -> Result:
    app = typer.Typer()
    app.command()(check)
    return CliRunner().invoke(app, arguments, env={"OPENROUTER_API_KEY": "k", **environ})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.yaml"


def test_a_valid_file_prints_its_version(file: Path) -> None:
    file.write_text(complete(""))

    result = run("--config", str(file))

    assert result.exit_code == 0
    assert f"{file} is valid: version " in result.stdout
    assert "upstreams 1, teams 1." in result.stdout
    assert result.stderr == ""


def test_warnings_are_printed_and_do_not_fail(file: Path) -> None:
    file.write_text(complete("server: {answer_within: 10s}\n"))

    result = run("--config", str(file))

    assert result.exit_code == 0
    assert "warning: server.answer_within: 5 s or more" in result.stdout


def test_every_mistake_is_printed_with_its_line_and_exits_2(file: Path) -> None:
    file.write_text(complete("server: {listen: 80}\npricing: {unpriced: perhaps}\nbudget: []\n"))

    result = run("--config", str(file))

    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert lines[0].startswith(f"{file}:1: server.listen: saw 80; allowed: host:port")
    assert lines[1] == (f'{file}:2: pricing.unpriced: saw "perhaps"; allowed: refuse or reserve')
    assert lines[2].startswith(f"{file}:3: budget: unknown key; ")
    assert lines[2].endswith('(did you mean "budgets"?)')
    assert lines[3:] == ["3 mistakes in the configuration; nothing was started."]


def test_the_environment_variable_names_the_file_without_an_option(file: Path) -> None:
    file.write_text(complete(""))

    result = run(VIDEO_GATEWAY_CONFIG=str(file))

    assert result.exit_code == 0
    assert str(file) in result.stdout


def test_a_missing_file_exits_2(file: Path) -> None:
    result = run("--config", str(file))

    assert result.exit_code == 2
    assert result.stderr == (
        f"{file}: file not found; set the path with --config or VIDEO_GATEWAY_CONFIG\n"
        "1 mistake in the configuration; nothing was started.\n"
    )


def test_a_missing_variable_is_named(file: Path) -> None:
    file.write_text(complete("signing_key: ${NOT_SET_ANYWHERE}\n"))

    result = run("--config", str(file))

    assert result.exit_code == 2
    assert "signing_key: the environment variable NOT_SET_ANYWHERE is not set" in result.stderr

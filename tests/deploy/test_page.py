"""docs/deploying.md: its commands name files, values and objects that are there."""

import itertools
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.config.loader import parse
from tests.deploy.chart import CHART, ROOT, VALUES, objects
from tests.deploy.test_systemd import PROGRAM, UNIT

PAGE = (ROOT / "docs" / "deploying.md").read_text()
EXAMPLE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/helm/example-values.yaml").read_text())
LINES = [
    line
    for block in re.findall(r"(?ms)^```sh\n(.*?)^```", PAGE)
    for line in block.splitlines()
    if line.strip()
]


def lines(program: str) -> list[list[str]]:
    """The words of every command of this program."""
    return [words for words in map(shlex.split, LINES) if Path(words[0]).name == program]


def installed(folder: str, release: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What the page's `helm upgrade` makes; the tests' release has another name."""
    assert folder == CHART.relative_to(ROOT).as_posix()
    found = objects(EXAMPLE)
    return {
        (kind, name.replace("gw-video-gateway", release)): one
        for (kind, name), one in found.items()
    }


def test_every_file_of_the_repository_that_a_command_names_is_there() -> None:
    named = {
        word
        for line in LINES
        for word in shlex.split(line)
        if re.match(r"(deploy|config|docs)/|requirements", word)
    }

    assert len(named) >= 8
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_helm_is_given_values_that_the_chart_has() -> None:
    for words in lines("helm"):
        for name, value in itertools.pairwise(words):
            if name == "--set":
                key, _, text = value.partition("=")
                assert key in VALUES
                assert objects({key: text})


def test_the_example_values_make_a_good_configuration() -> None:
    found = objects(EXAMPLE)
    text = found["ConfigMap", "gw-video-gateway"]["data"]["gateway.yaml"]
    environment = {
        "OPENROUTER_API_KEY": "sk-or-test",
        "VIDEO_GATEWAY_DATABASE_URL": "postgresql://gateway:x@db/gateway",
    }

    loaded = parse(text, environment)

    assert list(loaded.config.teams) == ["growth"]
    assert loaded.warnings == ()


def test_kubectl_names_objects_that_the_chart_makes() -> None:
    (install,) = [words for words in lines("helm") if "--install" in words]
    release, folder = install[3:5]
    names = {f"{kind.lower()}/{name}" for kind, name in installed(folder, release)}

    asked = {word for words in lines("kubectl") for word in words if word.startswith("deployment/")}

    assert asked
    assert asked <= names
    assert ["create", "secret", "generic", VALUES["existingSecret"]] in [
        words[3:7] for words in lines("kubectl")
    ]


@pytest.mark.parametrize(
    "words",
    [
        *(words[words.index("--") + 1 :] for words in lines("kubectl") if "--" in words),
        *(words[words.index(PROGRAM) :] for words in lines("systemd-run")),
    ],
    ids=" ".join,
)
def test_commands_of_the_gateway_exist(words: list[str]) -> None:
    told = CliRunner().invoke(app, [*words[1:], "--help"])

    assert Path(words[0]).name == "video-gateway"
    assert told.exit_code == 0, told.output


def test_teams_that_get_keys_are_configured() -> None:
    (kubectl,) = [words for words in lines("kubectl") if "keys" in words]
    (systemd,) = [words for words in lines("systemd-run") if "keys" in words]
    default = yaml.safe_load((ROOT / "config" / "gateway.yaml").read_text())

    assert kubectl[-2] in EXAMPLE["config"]["teams"]
    assert systemd[-2] in default["teams"]


def test_files_are_installed_where_the_unit_looks_for_them() -> None:
    targets = {words[-1] for words in lines("install")}
    unit = UNIT.read_text()

    assert f"/etc/systemd/system/{UNIT.name}" in targets
    for path in ("/etc/video-gateway/gateway.yaml", "/etc/video-gateway/environment"):
        assert path in targets
        assert path in unit
    assert lines("python3") == [["python3", "-m", "venv", str(Path(PROGRAM).parents[1])]]


def test_the_numbers_of_the_page_are_those_of_the_files() -> None:
    assert f"maxReplicas: {VALUES['autoscaling']['maxReplicas']}" in PAGE
    assert "stops it after 50 s" in PAGE
    assert "TimeoutStopSec=50" in UNIT.read_text()
    assert 'kubeVersion: ">=1.27.0-0"' in (CHART / "Chart.yaml").read_text()

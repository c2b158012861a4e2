"""deploy/systemd: a unit that systemd takes, that is confined, and that fits the gateway."""

import re
import sys
from pathlib import Path

import pytest

from gateway.cli.check import BAD_CONFIGURATION
from gateway.config.loader import load
from tests.deploy.chart import ROOT
from tests.deploy.programs import program, run

UNIT = ROOT / "deploy" / "systemd" / "video-gateway.service"
PROGRAM = "/opt/video-gateway/bin/video-gateway"


def settings() -> dict[str, list[str]]:
    """Name -> every value it is given, in order."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"(?m)^(\w+)=(.*)$", UNIT.read_text()):
        found.setdefault(name, []).append(value)
    return found


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit as it stands where its program is installed."""
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text().replace(PROGRAM, sys.executable))
    return path


def test_systemd_takes_the_unit(installed: Path) -> None:
    told = run(program("systemd-analyze", "systemd"), "verify", installed)

    assert installed.name not in told


def test_it_is_exposed_less_than_two_of_ten(installed: Path) -> None:
    words = ("security", "--offline=true", "--threshold=20", str(installed))

    told = run(program("systemd-analyze", "systemd"), *words)

    overall = re.search(r"Overall exposure level .*?: (\d+\.\d)", told)
    assert overall is not None
    assert float(overall[1]) < 2.0


def test_it_serves_only_with_a_good_configuration_and_reloads_only_such_a_one() -> None:
    unit = settings()

    assert unit["ExecStartPre"] == [f"{PROGRAM} check"]
    assert unit["ExecStart"] == [f"{PROGRAM} serve"]
    assert unit["ExecReload"] == [f"{PROGRAM} check", "/bin/kill -HUP $MAINPID"]
    assert unit["RestartPreventExitStatus"] == [str(BAD_CONFIGURATION)]
    assert "VIDEO_GATEWAY_CONFIG=/etc/video-gateway/gateway.yaml" in unit["Environment"]


def test_stopping_takes_longer_than_the_drain() -> None:
    unit = settings()
    server = load(ROOT / "config" / "gateway.yaml", {"OPENROUTER_API_KEY": "k"}).config.server

    assert int(unit["TimeoutStopSec"][0]) > server.drain_seconds


def test_the_configured_ports_may_be_bound() -> None:
    server = load(ROOT / "config" / "gateway.yaml", {"OPENROUTER_API_KEY": "k"}).config.server

    ports = [f"tcp:{server.listen[0].port}", f"tcp:{server.admin_listen.port}"]
    assert settings()["SocketBindAllow"] == ports

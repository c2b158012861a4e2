"""compose.yaml: sound by its schema, and everything it names is there. It is not run here."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.config.loader import load
from grafana.__main__ import FOLDER

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ENVIRONMENT = {"VIDEO_GATEWAY_DATABASE_URL": "postgresql://gateway:x@postgres/gateway"}


def mounts() -> list[tuple[str, str, str]]:
    """(service, source, target) of everything that is mounted."""
    return [
        (service, *mount.split(":")[:2])
        for service, one in SERVICES.items()
        for mount in one.get("volumes", [])
    ]


def test_it_is_sound_by_the_compose_specification() -> None:
    if importlib.util.find_spec("check_jsonschema") is None:
        pytest.skip("check-jsonschema, which knows the compose specification, is not installed")
    words = ("--builtin-schema", "vendor.compose-spec", str(ROOT / "compose.yaml"))
    done = subprocess.run(
        (sys.executable, "-m", "check_jsonschema", *words), capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_it_brings_up_all_five() -> None:
    assert set(SERVICES) == {"gateway", "sandbox", "postgres", "prometheus", "grafana"}


@pytest.mark.parametrize("service", SERVICES)
def test_who_is_waited_for_is_there(service: str) -> None:
    for other, condition in SERVICES[service].get("depends_on", {}).items():
        assert other in SERVICES
        healthy = condition["condition"] == "service_healthy"
        # The gateway's own check is in the Dockerfile.
        assert not healthy or "healthcheck" in SERVICES[other] or other == "gateway"


@pytest.mark.parametrize("mount", mounts(), ids=lambda mount: ":".join(mount))
def test_what_is_mounted_is_there(mount: tuple[str, str, str]) -> None:
    _, source, _ = mount

    if source.startswith("."):
        assert (ROOT / source).exists()
    else:
        assert source in COMPOSE["volumes"]


def test_the_gateways_configuration_is_good_and_takes_what_the_composition_gives() -> None:
    loaded = load(ROOT / "config" / "compose.yaml", ENVIRONMENT)
    config, gateway = loaded.config, SERVICES["gateway"]

    assert set(ENVIRONMENT) <= set(gateway["environment"])
    assert "@postgres/" in gateway["environment"]["VIDEO_GATEWAY_DATABASE_URL"]
    assert [one.base_url for one in config.upstreams.values()] == ["http://sandbox:9090/api/v1"]
    assert (str(config.server.listen[0]), str(config.server.admin_listen)) == (
        "0.0.0.0:8080",
        "0.0.0.0:8081",
    )
    grace = int(gateway["stop_grace_period"].removesuffix("s"))
    assert grace > config.server.drain_seconds


def test_only_this_machine_reaches_what_is_published() -> None:
    for service, one in SERVICES.items():
        for port in one.get("ports", []):
            assert port.startswith("127.0.0.1:"), service


def test_the_operators_listener_is_not_published() -> None:
    assert not [port for port in SERVICES["gateway"]["ports"] if port.endswith(":8081")]


def test_prometheus_scrapes_the_gateway_where_it_listens() -> None:
    prometheus = yaml.safe_load((ROOT / "grafana" / "prometheus.yml").read_text())

    (job,) = prometheus["scrape_configs"]
    assert job["job_name"] == "video-gateway"
    assert job["static_configs"] == [{"targets": ["gateway:8081"]}]


def test_grafana_finds_prometheus_and_the_dashboards_where_they_are_mounted() -> None:
    provisioning = ROOT / "grafana" / "provisioning"
    sources = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())
    boards = yaml.safe_load((provisioning / "dashboards" / "gateway.yml").read_text())
    targets = {source: target for service, source, target in mounts() if service == "grafana"}

    assert sources["datasources"][0]["url"] == "http://prometheus:9090"
    assert boards["providers"][0]["options"]["path"] == targets["./grafana/dashboards"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert Path(home).parent == Path(targets["./grafana/dashboards"])
    assert (FOLDER / Path(home).name).exists()


def test_no_image_floats() -> None:
    """`latest` is another one tomorrow."""
    for service, one in SERVICES.items():
        if "build" not in one:
            assert ":" in one["image"], service
            assert not one["image"].endswith(":latest"), service

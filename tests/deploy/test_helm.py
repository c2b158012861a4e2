"""Helm itself, where it is installed: it takes the chart, and renders what the tests render."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.chart import CHART, EVERYTHING, NAMESPACE, RELEASE, ROOT, objects

EXAMPLE = yaml.safe_load((ROOT / "deploy" / "helm" / "example-values.yaml").read_text())


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("helm") is None:
        pytest.skip("helm is not installed; the chart is rendered by tests/deploy/gotemplate.py")
    return subprocess.run(("helm", *words), capture_output=True, text=True, timeout=120)


def template(values: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    path = folder / "values.yaml"
    path.write_text(json.dumps(values))
    return helm("template", RELEASE, str(CHART), "--namespace", NAMESPACE, "--values", str(path))


def without_checksum(found: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    """The checksum is of YAML text, which two writers may write in two ways."""
    for (kind, _), one in found.items():
        if kind == "Deployment":
            one["spec"]["template"]["metadata"]["annotations"].pop("checksum/config")
        if kind == "ConfigMap" and "gateway.yaml" in one["data"]:
            one["data"]["gateway.yaml"] = yaml.safe_load(one["data"]["gateway.yaml"])
    return found


def test_helm_finds_no_fault() -> None:
    done = helm("lint", str(CHART))

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "values",
    [{}, EVERYTHING, EXAMPLE, {"updateStrategy": "Recreate"}],
    ids=["defaults", "all", "example", "recreate"],
)
def test_helm_renders_the_same(values: dict[str, Any], tmp_path: Path) -> None:
    done = template(values, tmp_path)

    assert done.returncode == 0, done.stderr
    found = {
        (one["kind"], one["metadata"]["name"]): one
        for one in yaml.safe_load_all(done.stdout)
        if one is not None
    }
    assert without_checksum(found) == without_checksum(objects(values))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"existingSecret": ""}, "existingSecret"),
        ({"ingress": {"enabled": True, "host": "other.example.com"}}, "ingress.host is other"),
    ],
    ids=["schema", "fail"],
)
def test_helm_refuses_the_same(values: dict[str, Any], said: str, tmp_path: Path) -> None:
    done = template(values, tmp_path)

    assert done.returncode != 0
    assert said in done.stderr

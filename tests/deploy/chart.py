"""The Helm chart, rendered: values in, Kubernetes objects out."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import yaml

from tests.deploy.gotemplate import Templates

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "video-gateway"
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
RELEASE, NAMESPACE = "gw", "video"

EVERYTHING: dict[str, Any] = {
    "contentClaim": "videos",
    "imagePullSecrets": [{"name": "registry"}],
    "extraEnv": [{"name": "AWS_REGION", "value": "eu-central-1"}],
    "podAnnotations": {"example.com/team": "media"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "media", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "high",
    "serviceAccount": {"annotations": {"example.com/role": "videos"}},
    "autoscaling": {"enabled": True, "queueDepth": {"enabled": True}},
    "service": {"annotations": {"example.com/a": "b"}},
    "ingress": {"enabled": True, "annotations": {"example.com/a": "b"}},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True, "runbookBase": "https://wiki.example.com/"},
    "dashboards": {"enabled": True, "annotations": {"grafana_folder": "Video gateway"}},
    "networkPolicy": {
        "enabled": True,
        "extraEgress": [{"ports": [{"port": 4318, "protocol": "TCP"}]}],
    },
}
"""Values with which every object and every optional part of one is rendered."""


class _Files:
    """The chart's own files, as `.Files` of a template."""

    def Get(self, path: str) -> str:  # noqa: N802 - Helm's name
        return (CHART / path).read_text()

    def Glob(self, pattern: str) -> dict[str, bytes]:  # noqa: N802 - Helm's name
        paths = CHART.glob(pattern)
        return {path.relative_to(CHART).as_posix(): path.read_bytes() for path in paths}


def objects(values: Mapping[str, Any] | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    """(kind, name) -> object, of a release with these values over the chart's own.

    Raises:
        jsonschema.ValidationError: the schema does not allow the values.
        TemplateError: a template refused them.

    """
    used = merged(VALUES, values or {})
    jsonschema.validate(used, SCHEMA)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for text in rendered(used).values():
        for one in yaml.safe_load_all(text):
            if one is not None:
                found[one["kind"], one["metadata"]["name"]] = one
    return found


def rendered(values: Mapping[str, Any]) -> dict[str, str]:
    """File of templates/ -> its text, with exactly these values."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    root = {
        "Values": values,
        "Chart": {"Name": chart["name"], "Version": chart["version"]}
        | {"AppVersion": chart["appVersion"]},
        "Release": {"Name": RELEASE, "Namespace": NAMESPACE, "Service": "Helm"},
        "Files": SimpleNamespace(Get=_Files().Get, Glob=_Files().Glob),
    }
    templates = Templates()
    templates.add((CHART / "templates" / "_helpers.tpl").read_text())
    files = sorted((CHART / "templates").glob("*.yaml"))
    return {path.name: templates.render(templates.add(path.read_text()), root) for path in files}


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """As Helm merges values: maps by key, null removes, anything else replaces."""
    result = copy.deepcopy(dict(base))
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result

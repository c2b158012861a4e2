"""The Helm chart: every object it renders is right, and fits the gateway's own behaviour."""

import importlib.util
import re
from collections import Counter
from typing import Any

import jsonschema
import pytest
import yaml

from gateway.config.loader import parse
from gateway.config.schema import Config
from tests.deploy.chart import CHART, EVERYTHING, ROOT, SCHEMA, VALUES, objects, rendered
from tests.deploy.gotemplate import TemplateError

NAME = "gw-video-gateway"
ENVIRONMENT = {
    "OPENROUTER_API_KEY": "sk-or-test",
    "VIDEO_GATEWAY_DATABASE_URL": "postgresql://gateway:x@db/gateway",
}
Object = dict[str, Any]


def configuration(values: dict[str, Any] | None = None) -> Config:
    """What the gateway makes of the file in the ConfigMap."""
    return parse(objects(values)["ConfigMap", NAME]["data"]["gateway.yaml"], ENVIRONMENT).config


def pod(values: dict[str, Any] | None = None) -> Object:
    """The pod's specification."""
    spec: Object = objects(values)["Deployment", NAME]["spec"]["template"]["spec"]
    return spec


def container(values: dict[str, Any] | None = None) -> Object:
    """The only container."""
    (only,) = pod(values)["containers"]
    assert isinstance(only, dict)
    return only


def test_the_defaults_render_what_a_cluster_without_operators_takes() -> None:
    assert Counter(kind for kind, _ in objects()) == {
        "ConfigMap": 1,
        "Deployment": 1,
        "PodDisruptionBudget": 1,
        "Service": 2,
        "ServiceAccount": 1,
    }


def test_everything_switched_on_renders_every_kind() -> None:
    assert Counter(kind for kind, _ in objects(EVERYTHING)) == {
        "ConfigMap": 5,
        "Deployment": 1,
        "HorizontalPodAutoscaler": 1,
        "Ingress": 1,
        "NetworkPolicy": 1,
        "PodDisruptionBudget": 1,
        "PrometheusRule": 1,
        "Service": 2,
        "ServiceAccount": 1,
        "ServiceMonitor": 1,
    }


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_every_object_is_valid_for_kubernetes(values: dict[str, Any]) -> None:
    if importlib.util.find_spec("kubernetes_validate") is None:
        pytest.skip("kubernetes-validate, which has the schemas of Kubernetes, is not installed")
    validate = importlib.import_module("kubernetes_validate").validate

    for (kind, _), one in objects(values).items():
        if kind not in ("ServiceMonitor", "PrometheusRule"):  # kinds of the Prometheus operator
            validate(one, "1.29", strict=True)


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_every_object_is_labelled_and_named_for_its_release(values: dict[str, Any]) -> None:
    for (_, name), one in objects(values).items():
        labels = one["metadata"]["labels"]
        assert name.startswith(NAME)
        assert len(name) <= 63
        assert labels["app.kubernetes.io/name"] == "video-gateway"
        assert labels["app.kubernetes.io/instance"] == "gw"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"


def test_no_key_stands_twice_in_an_object() -> None:
    """YAML readers keep the last of two and say nothing."""
    for file, text in rendered({**VALUES}).items():
        for document in yaml.compose_all(text, yaml.SafeLoader):
            assert document is None or _duplicates(document) == [], file


def _duplicates(node: yaml.Node) -> list[str]:
    if isinstance(node, yaml.SequenceNode):
        return [key for child in node.value for key in _duplicates(child)]
    if not isinstance(node, yaml.MappingNode):
        return []
    keys = Counter(key.value for key, _ in node.value)
    below = [key for _, child in node.value for key in _duplicates(child)]
    return [key for key, count in keys.items() if count > 1] + below


# The gateway's file


def test_the_default_configuration_is_good() -> None:
    config = configuration()

    assert (str(config.server.listen[0]), str(config.server.admin_listen)) == (
        "0.0.0.0:8080",
        "0.0.0.0:8081",
    )
    assert config.database.url.get_secret_value() == ENVIRONMENT["VIDEO_GATEWAY_DATABASE_URL"]


def test_values_reach_the_configuration() -> None:
    config = configuration(
        {"config": {"teams": {"default": None, "growth": {"zdr": "require"}}, "budgets": []}}
    )

    assert list(config.teams) == ["growth"]
    assert config.budgets == ()


def test_a_changed_configuration_replaces_the_pods_and_nothing_else_does() -> None:
    def checksum(values: dict[str, Any]) -> str:
        template = objects(values)["Deployment", NAME]["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/config"])

    assert checksum({}) == checksum({"replicaCount": 5})
    assert checksum({}) != checksum({"config": {"server": {"drain_seconds": 31}}})


def test_the_configuration_is_mounted_where_the_image_looks_for_it() -> None:
    mounts = {one["mountPath"]: one for one in container()["volumeMounts"]}
    dockerfile = (ROOT / "Dockerfile").read_text()

    assert "VIDEO_GATEWAY_CONFIG=/etc/video-gateway/gateway.yaml" in dockerfile
    assert "subPath" not in mounts["/etc/video-gateway"]
    assert {"name": "config", "configMap": {"name": NAME}} in pod()["volumes"]


# The pod


def test_secrets_come_from_the_existing_secret_only() -> None:
    spec = container({"existingSecret": "mine"})

    assert spec["envFrom"] == [{"secretRef": {"name": "mine"}}]
    assert ("Secret", NAME) not in objects(EVERYTHING)


def test_every_variable_without_a_default_is_named_where_the_secret_is_explained() -> None:
    text = objects()["ConfigMap", NAME]["data"]["gateway.yaml"]
    needed = set(re.findall(r"\$\{(\w+)\}", text))

    assert needed == set(ENVIRONMENT)
    for page in (CHART / "values.yaml", ROOT / "docs" / "deploying.md"):
        assert [name for name in needed if name not in page.read_text()] == []


def test_the_pod_has_no_privilege() -> None:
    spec, security = pod(), container()["securityContext"]

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["runAsGroup"] == 10001
    assert "USER 10001:10001" in (ROOT / "Dockerfile").read_text()
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False


def test_only_the_folders_that_the_gateway_writes_to_are_writable() -> None:
    mounts = {one["mountPath"]: one.get("readOnly", False) for one in container()["volumeMounts"]}

    assert mounts == {"/etc/video-gateway": True, "/data/var": False, "/tmp": False}


def test_a_shared_folder_for_videos_is_mounted_where_the_configuration_says() -> None:
    values = {"contentClaim": "videos", "config": {"content": {"mode": "cache"}}}

    assert configuration(values).content.url == "var/content"
    assert {"name": "content", "mountPath": "/data/var/content"} in container(values)[
        "volumeMounts"
    ]
    assert {"name": "content", "persistentVolumeClaim": {"claimName": "videos"}} in pod(values)[
        "volumes"
    ]


def test_kubernetes_sets_no_variables_that_look_like_the_gateways() -> None:
    assert pod()["enableServiceLinks"] is False


def test_probes_ask_what_the_operations_page_says() -> None:
    spec = container()
    ports = {port["name"]: port["containerPort"] for port in spec["ports"]}
    paths = {
        name: (probe["httpGet"]["path"], ports[probe["httpGet"]["port"]])
        for name, probe in spec.items()
        if name.endswith("Probe")
    }

    assert paths == {
        "startupProbe": ("/healthz", 8080),
        "livenessProbe": ("/healthz", 8080),
        "readinessProbe": ("/readyz", 8080),
    }
    # A migration may wait five minutes for its lock.
    assert spec["startupProbe"]["periodSeconds"] * spec["startupProbe"]["failureThreshold"] > 300


@pytest.mark.parametrize(("drain", "pre_stop"), [(30, 10), (300, 0)])
def test_the_grace_period_covers_pre_stop_and_drain(drain: int, pre_stop: int) -> None:
    values = {"config": {"server": {"drain_seconds": drain}}, "preStopSeconds": pre_stop}

    assert pod(values)["terminationGracePeriodSeconds"] >= drain + pre_stop + 10
    hook = container(values)["lifecycle"]["preStop"]["exec"]["command"]
    assert hook == ["sleep", str(pre_stop)]


def test_replicas_are_spread_over_zones_and_nodes() -> None:
    constraints = pod()["topologySpreadConstraints"]
    labels = objects()["Deployment", NAME]["spec"]["template"]["metadata"]["labels"]

    assert [one["topologyKey"] for one in constraints] == [
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    ]
    for one in constraints:
        assert one["labelSelector"]["matchLabels"].items() <= labels.items()


def test_the_image_is_the_charts_version_unless_a_tag_is_given() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = (ROOT / "pyproject.toml").read_text()

    assert f'version = "{chart["appVersion"]}"' in project
    assert container()["image"] == f"video-gateway:{chart['appVersion']}"
    mine = {"image": {"repository": "registry.example.com/gw", "tag": "1"}}
    assert container(mine)["image"] == "registry.example.com/gw:1"


def test_optional_parts_of_the_pod_appear_when_set() -> None:
    spec = pod(EVERYTHING)

    for name in ("nodeSelector", "tolerations", "affinity", "imagePullSecrets"):
        assert spec[name] == EVERYTHING[name]
        assert name not in pod()
    assert spec["priorityClassName"] == "high"
    assert container(EVERYTHING)["env"] == EVERYTHING["extraEnv"]


# Replicas


def test_a_rolling_update_keeps_every_replica_until_its_successor_is_ready() -> None:
    assert objects()["Deployment", NAME]["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
    }
    recreate = objects({"updateStrategy": "Recreate"})["Deployment", NAME]
    assert recreate["spec"]["strategy"] == {"type": "Recreate"}


def test_every_selector_finds_the_pods() -> None:
    found = objects(EVERYTHING)
    labels = found["Deployment", NAME]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        found["Deployment", NAME]["spec"]["selector"]["matchLabels"],
        found["PodDisruptionBudget", NAME]["spec"]["selector"]["matchLabels"],
        found["NetworkPolicy", NAME]["spec"]["podSelector"]["matchLabels"],
        found["Service", NAME]["spec"]["selector"],
        found["Service", f"{NAME}-admin"]["spec"]["selector"],
    ]

    for selector in selectors:
        assert selector.items() <= labels.items()
    # A selector can't be changed later, so nothing in it may change with a version.
    assert set(selectors[0]) == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}


def test_the_autoscaler_replaces_the_number_of_replicas() -> None:
    found = objects({"autoscaling": {"enabled": True}})
    scaler = found["HorizontalPodAutoscaler", NAME]["spec"]

    assert "replicas" not in found["Deployment", NAME]["spec"]
    assert objects()["Deployment", NAME]["spec"]["replicas"] == 2
    assert scaler["scaleTargetRef"]["name"] == NAME
    assert [one["type"] for one in scaler["metrics"]] == ["Resource"]


def test_the_depth_of_the_shared_queue_is_divided_by_the_replicas() -> None:
    metrics = objects(EVERYTHING)["HorizontalPodAutoscaler", NAME]["spec"]["metrics"]
    external = metrics[1]["external"]

    assert external["target"] == {"type": "AverageValue", "averageValue": "500"}
    assert f"### `{external['metric']['name']}`" in (ROOT / "docs" / "metrics.md").read_text()


# Reaching it


def test_the_services_lead_to_the_two_listeners() -> None:
    found = objects({"service": {"type": "LoadBalancer"}})
    public, admin = found["Service", NAME]["spec"], found["Service", f"{NAME}-admin"]["spec"]

    assert [one["targetPort"] for one in public["ports"]] == ["public"]
    assert [one["targetPort"] for one in admin["ports"]] == ["admin"]
    assert (public["type"], admin["type"]) == ("LoadBalancer", "ClusterIP")


def test_the_ingress_leads_to_the_public_listener_only() -> None:
    ingress = objects(EVERYTHING)["Ingress", NAME]["spec"]

    (rule,) = ingress["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": NAME, "port": {"name": "http"}}
    assert ingress["tls"][0]["hosts"] == [rule["host"]] == ["video.example.com"]


def test_the_ingress_lets_through_what_the_gateway_takes() -> None:
    values = {
        "ingress": {"enabled": True, "annotations": {"example.com/a": "b"}},
        "config": {"server": {"max_body_mb": 200}},
    }
    annotations = objects(values)["Ingress", NAME]["metadata"]["annotations"]
    config = configuration(values)

    def nginx(name: str) -> str:
        return str(annotations[f"nginx.ingress.kubernetes.io/{name}"])

    assert nginx("proxy-body-size") == "200m"
    assert float(nginx("proxy-read-timeout")) > config.server.answer_within.total_seconds()
    idle = max(one.timeout.content_idle for one in config.upstreams.values())
    assert float(nginx("proxy-read-timeout")) > idle.total_seconds()
    assert nginx("proxy-buffering") == nginx("proxy-request-buffering") == "off"
    assert nginx("proxy-max-temp-file-size") == "0"
    assert annotations["example.com/a"] == "b"


def test_an_ingress_for_another_host_than_public_url_is_refused() -> None:
    with pytest.raises(TemplateError, match=r"public_url is .*, but ingress\.host is other\.ex"):
        objects({"ingress": {"enabled": True, "host": "other.example.com"}})


def test_the_network_policy_keeps_the_admin_listener_to_monitoring() -> None:
    policy = objects(EVERYTHING)["NetworkPolicy", NAME]["spec"]
    sources = {
        rule["ports"][0]["port"]: [
            one["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
            for one in rule["from"]
        ]
        for rule in policy["ingress"]
    }

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert sources == {"public": ["ingress-nginx"], "admin": ["monitoring"]}


def test_the_network_policy_lets_out_what_the_gateway_needs_and_not_to_cloud_metadata() -> None:
    policy = objects(EVERYTHING)["NetworkPolicy", NAME]["spec"]
    ports = {port["port"]: rule for rule in policy["egress"] for port in rule["ports"]}

    assert set(ports) == {53, 5432, 443, 4318}
    blocks = [one["ipBlock"] for one in ports[443]["to"]]
    assert "169.254.0.0/16" in blocks[0]["except"]


# Watching it


def test_prometheus_scrapes_the_admin_service_under_the_job_that_the_alerts_ask_for() -> None:
    found = objects(EVERYTHING)
    monitor = found["ServiceMonitor", NAME]
    wanted = monitor["spec"]["selector"]["matchLabels"]
    matching = [
        name
        for (kind, name), one in found.items()
        if kind == "Service" and wanted.items() <= one["metadata"]["labels"].items()
    ]

    assert matching == [f"{NAME}-admin"]
    labels = found["Service", f"{NAME}-admin"]["metadata"]["labels"]
    assert labels[monitor["spec"]["jobLabel"]] == "video-gateway"
    assert 'up{job="video-gateway"}' in (ROOT / "grafana" / "alerts.yml").read_text()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] == found["Service", f"{NAME}-admin"]["spec"]["ports"][0]["name"]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_the_rules_are_those_of_the_repository() -> None:
    original = yaml.safe_load((ROOT / "grafana" / "alerts.yml").read_text())

    plain = objects({"prometheusRule": {"enabled": True}})["PrometheusRule", NAME]["spec"]

    assert plain == original


def test_runbooks_lead_to_where_the_operator_keeps_them() -> None:
    groups = objects(EVERYTHING)["PrometheusRule", NAME]["spec"]["groups"]
    links = [
        rule["annotations"]["runbook_url"]
        for group in groups
        for rule in group["rules"]
        if "alert" in rule
    ]

    assert len(links) > 20
    assert all(one.startswith("https://wiki.example.com/docs/operations.md#") for one in links)


def test_the_dashboards_are_those_of_the_repository() -> None:
    found = objects(EVERYTHING)
    boards = {
        file: text
        for (kind, name), one in found.items()
        if kind == "ConfigMap" and name != NAME
        for file, text in one["data"].items()
    }
    originals = sorted((ROOT / "grafana" / "dashboards").glob("*.json"))

    assert set(boards) == {f"video-gateway-{path.name}" for path in originals}
    for path in originals:
        assert boards[f"video-gateway-{path.name}"].strip() == path.read_text().strip()
        board = found["ConfigMap", f"{NAME}-{path.stem}"]["metadata"]
        assert board["labels"]["grafana_dashboard"] == "1"
        assert board["annotations"] == {"grafana_folder": "Video gateway"}


# The values


@pytest.mark.parametrize(
    "values",
    [
        {"replicas": 3},
        {"existingSecret": ""},
        {"image": {"tag": "latest"}},
        {"updateStrategy": "OnDelete"},
        {"config": {"server": {"listen": "0.0.0.0:9000"}}},
        {"config": {"server": {"drain_seconds": "30s"}}},
        {"config": {"database": {"url": "sqlite:///var/gateway.db"}}},
        {"config": {"teams": None}},
        {"ingress": {"timeoutSeconds": 4}},
        {"podDisruptionBudget": {"maxUnavailable": 0}},
        {"podAnnotations": {"a": 1}},
    ],
    ids=str,
)
def test_a_value_that_can_not_be_meant_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        objects(values)


def test_the_schema_is_a_schema_and_knows_every_value() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)

    assert set(VALUES) | {"global"} == set(SCHEMA["properties"])
    for name, value in VALUES.items():
        known = SCHEMA["properties"][name].get("properties")
        if known is not None and name != "config":
            assert set(value) == set(known), name


def test_every_value_is_used_by_a_template() -> None:
    templates = "".join(path.read_text() for path in (CHART / "templates").iterdir())

    unused = []
    for name, value in VALUES.items():
        free = isinstance(value, dict) and name not in ("config", "resources", "nodeSelector")
        paths = [f"{name}.{key}" for key in value] if free and value else [name]
        unused += [path for path in paths if f".Values.{path}" not in templates]

    assert unused == []

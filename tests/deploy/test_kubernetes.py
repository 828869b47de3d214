"""What Kubernetes is given: by kustomize, and by Helm with several sets of values."""

import copy
import re
import runpy
from functools import cache
from pathlib import Path
from typing import Any, Literal

import kubernetes_validate
import msgspec
import pytest
import yaml

from tests.programs import output_of
from xo_exporter import __version__
from xo_exporter.cli.health import health
from xo_exporter.config import DEFAULT_LISTEN, load

Object = dict[str, Any]

ROOT = Path(__file__).parents[2]
BASE = ROOT / "deploy/kubernetes/base"
OPERATOR = ROOT / "deploy/kubernetes/operator"
CHART = ROOT / "deploy/helm/xo-exporter"
POOLS = yaml.safe_load((BASE / "xo-exporter.yml").read_text("utf-8"))
MONITORED = {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}}
VALUES: dict[str, Object] = {
    "demo": {"demo": True},
    "pools": {"config": POOLS},
    "all": {
        "config": POOLS,
        "image": {"repository": "r.example.org/x", "tag": "1", "digest": "sha256:" + "0" * 64},
        "imagePullSecrets": [{"name": "registry"}],
        "extraArgs": ["--collector.cpu_states"],
        "replicas": 2,
        "nodeSelector": {"kubernetes.io/arch": "arm64"},
        "tolerations": [{"key": "x", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "high",
        "podAnnotations": {"a": "b"},
        "podLabels": {"c": "d"},
        "service": {"port": 80, "annotations": {"e": "f"}},
        "networkPolicy": {"prometheusNamespace": "p", "pools": {"cidrs": ["10.0.0.0/8"]}},
        "serviceMonitor": {
            "enabled": True,
            "labels": {"release": "r"},
            "interval": "1m30s",
            "scheme": "https",
            "tlsConfig": {
                "ca": {"secret": {"name": "s", "key": "ca.crt"}},
                "cert": {"secret": {"name": "s", "key": "tls.crt"}},
                "keySecret": {"name": "s", "key": "tls.key"},
                "serverName": "xo-exporter.example.org",
            },
            "basicAuth": {
                "username": {"name": "s", "key": "user"},
                "password": {"name": "s", "key": "password"},
            },
        },
        "prometheusRule": {"enabled": True, "labels": {"release": "r"}, "runbooks": "https://w/x"},
    },
    "least": {
        "config": POOLS,
        "resources": {},
        "passwordsSecret": "",
        "networkPolicy": {"enabled": False},
        "podDisruptionBudget": {"enabled": False},
    },
}


class Relabeling(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Of the operator's RelabelConfig, what is used here."""

    target_label: str
    replacement: str


class Key(msgspec.Struct, forbid_unknown_fields=True):
    """A key of a Secret or a ConfigMap."""

    name: str
    key: str


class KeyOf(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The operator's SecretOrConfigMap."""

    secret: Key | None = None
    config_map: Key | None = None


class TlsConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The operator's TLSConfig."""

    ca: KeyOf = msgspec.field(default_factory=KeyOf)
    cert: KeyOf = msgspec.field(default_factory=KeyOf)
    key_secret: Key | None = None
    server_name: str = ""
    insecure_skip_verify: bool = False


class BasicAuth(msgspec.Struct, forbid_unknown_fields=True):
    """The operator's BasicAuth."""

    username: Key
    password: Key


class Endpoint(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Of the operator's Endpoint, what is used here."""

    port: str
    honor_labels: bool
    interval: str
    scrape_timeout: str
    scheme: Literal["http", "https"]
    relabelings: list[Relabeling]
    tls_config: TlsConfig | None = None
    basic_auth: BasicAuth | None = None


class Selector(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A LabelSelector."""

    match_labels: dict[str, str]


class MonitorSpec(msgspec.Struct, forbid_unknown_fields=True):
    """A ServiceMonitorSpec."""

    selector: Selector
    endpoints: list[Endpoint]


class Rule(msgspec.Struct, forbid_unknown_fields=True):
    """A Rule: one that records or one that alerts."""

    expr: str
    record: str | None = None
    alert: str | None = None
    for_: str | None = msgspec.field(name="for", default=None)
    keep_firing_for: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Group(msgspec.Struct, forbid_unknown_fields=True):
    """A RuleGroup."""

    name: str
    rules: list[Rule]
    interval: str | None = None


class RuleSpec(msgspec.Struct, forbid_unknown_fields=True):
    """A PrometheusRuleSpec."""

    groups: list[Group]


# The operator's own kinds, which Kubernetes' schemas have not.
OPERATORS: dict[str, type[msgspec.Struct]] = {
    "ServiceMonitor": MonitorSpec,
    "PrometheusRule": RuleSpec,
}


@cache
def _helm(name: str) -> list[Object]:
    helm = pytest.importorskip("helm_python", reason="needs helm-python-sdk: Linux alone has it")
    with helm.Chart.load(CHART) as chart:
        texts = chart.render(VALUES[name], name="xo-exporter", namespace="monitoring")
    return [
        one
        for path, text in texts.items()
        if path.endswith(".yaml")
        for one in yaml.safe_load_all(text)
        if one
    ]


@pytest.fixture(params=["base", "operator", *(f"helm-{name}" for name in VALUES)])
def objects(request: pytest.FixtureRequest) -> list[Object]:
    """Give all objects, by one of the ways to make them."""
    how = str(request.param)
    if how.startswith("helm-"):
        return _helm(how.removeprefix("helm-"))
    text = output_of("kubectl", "kustomize", ROOT / "deploy/kubernetes" / how)
    return list(yaml.safe_load_all(text))


def _only(objects: list[Object], kind: str) -> Object:
    (found,) = (one for one in objects if one["kind"] == kind)
    return found


def test_every_object_is_one(objects: list[Object]) -> None:
    """Each follows its schema to the letter, with no word that isn't known."""
    kinds = {one["kind"] for one in objects}
    assert {"Deployment", "Service"} <= kinds
    for one in objects:
        if own := OPERATORS.get(one["kind"]):
            assert one["apiVersion"] == "monitoring.coreos.com/v1"
            msgspec.convert(one["spec"], own)
        else:
            kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)


def test_the_pod_is_restricted(objects: list[Object]) -> None:
    """It meets the pod security standard `restricted`, writes nowhere and has no token."""
    spec = _only(objects, "Deployment")["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False
    pod = spec["securityContext"]
    assert pod["runAsNonRoot"] is True
    assert pod["runAsUser"] == 65532
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    for volume in spec.get("volumes", ()):
        assert volume.keys() & {"configMap", "secret"}
    assert "env" not in container


def test_everything_finds_the_pod(objects: list[Object]) -> None:
    """Service, policy and budget select the pod, the monitor the Service; ports agree."""
    deployment = _only(objects, "Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"].items()
    container = deployment["template"]["spec"]["containers"][0]
    assert deployment["selector"]["matchLabels"].items() <= labels
    service = _only(objects, "Service")
    assert service["spec"]["selector"].items() <= labels
    (port,) = service["spec"]["ports"]
    names = {one["name"] for one in container["ports"]}
    assert port["targetPort"] in names
    for one in objects:
        spec = one.get("spec", {})
        if one["kind"] == "NetworkPolicy":
            assert spec["podSelector"]["matchLabels"].items() <= labels
            assert spec["ingress"][0]["ports"][0]["port"] in names
        elif one["kind"] == "PodDisruptionBudget":
            assert spec["selector"]["matchLabels"].items() <= labels
        elif one["kind"] == "ServiceMonitor":
            chosen = spec["selector"]["matchLabels"].items()
            assert chosen <= service["metadata"]["labels"].items()
            assert spec["endpoints"][0]["port"] == port["name"]
            assert spec["endpoints"][0]["honorLabels"] is True


def test_probes_hold_with_tls_and_passwords(objects: list[Object]) -> None:
    """They are the exporter's own command, which TLS and basic auth don't keep from its answer."""
    (container,) = _only(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    commands = {
        key: container[f"{key}Probe"]["exec"]["command"] for key in ("liveness", "readiness")
    }
    assert commands["liveness"] == ["xo-exporter", "health"]
    assert commands["readiness"] == ["xo-exporter", "health", "--ready"]
    for words in commands.values():
        health.make_context("health", words[2:])
    assert container["ports"] == [{"name": "http", "containerPort": DEFAULT_LISTEN.port}]
    for key in commands:  # the program itself takes a second to start, and asks twice for 4
        assert container[f"{key}Probe"]["timeoutSeconds"] >= 10


def test_the_configuration_is_one(objects: list[Object], tmp_path: Path) -> None:
    """The exporter reads what the ConfigMap has, and its passwords are where the Secret is."""
    spec = _only(objects, "Deployment")["spec"]["template"]["spec"]
    container = spec["containers"][0]
    if container["args"][0] == "demo":
        return
    config = _only(objects, "ConfigMap")
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert volumes["config"]["configMap"]["name"] == config["metadata"]["name"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert container["args"][1:3] == ["--config", f"{mounts['config']}/xo-exporter.yml"]
    text = config["data"]["xo-exporter.yml"]
    if "passwords" in mounts:
        assert mounts["passwords"] + "/main" in text
    (tmp_path / "main").write_text("x")
    own = text.replace("/run/secrets/xo-exporter/", "")
    (tmp_path / "xo-exporter.yml").write_text(own, "utf-8")
    read = load(tmp_path / "xo-exporter.yml", {}, collectors={}, metrics=frozenset())
    assert len(read.pools) == 1


def _substance(one: Object) -> Object:
    """Give an object without what each way names and labels as it likes."""
    one = copy.deepcopy(one)
    text = yaml.safe_dump(one)
    one = yaml.safe_load(re.sub(r"\bxo-exporter-[a-z0-9]{10}\b", "xo-exporter", text))
    for meta in (one["metadata"], one.get("spec", {}).get("template", {}).get("metadata", {})):
        meta.pop("labels", None)
        meta.pop("annotations", None)
        meta.pop("namespace", None)
    spec = one.get("spec", {})
    for selector in (spec.get("selector", {}), spec.get("podSelector", {})):
        selector.get("matchLabels", selector).pop("app.kubernetes.io/instance", None)
    for container in spec.get("template", {}).get("spec", {}).get("containers", ()):
        container.pop("imagePullPolicy", None)  # Helm writes out what is the default
    if one["kind"] == "ConfigMap":
        one["data"] = {name: yaml.safe_load(text) for name, text in one["data"].items()}
    return one


def test_helm_gives_what_kustomize_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chart with the same pools is the manifests, but for labels."""
    monkeypatch.setitem(VALUES, "same", {"config": POOLS, **MONITORED})
    plain = yaml.safe_load_all(output_of("kubectl", "kustomize", OPERATOR))
    ours = {one["kind"]: _substance(one) for one in plain}
    charts = {one["kind"]: _substance(one) for one in _helm("same")}
    assert charts == ours


def test_the_rules_are_those_of_prometheus(tmp_path: Path) -> None:
    """Manifest and chart have the rules as they are now; promtool takes them, names are unique.

    `python deploy/kubernetes/rules.py` makes them anew.
    """
    script = runpy.run_path(str(ROOT / "deploy/kubernetes/rules.py"))
    for path, text in script["generated"]():
        assert path.read_text("utf-8") == text, path
    groups = script["groups"]()
    names = [group["name"] for group in groups]
    assert len(set(names)) == len(names) > 1
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": groups}), "utf-8")
    output_of("promtool", "check", "rules", tmp_path / "rules.yml")
    thresholds = yaml.safe_load((ROOT / "deploy/prometheus/thresholds.yml").read_text("utf-8"))
    monitor = yaml.safe_load((OPERATOR / "servicemonitor.yml").read_text("utf-8"))
    (relabeling,) = monitor["spec"]["endpoints"][0]["relabelings"]
    assert relabeling == {"targetLabel": "job", "replacement": thresholds["job"]}


def test_rules_with_other_thresholds_are_made_from_their_folder(tmp_path: Path) -> None:
    """Manifest and chart take the rules of a folder that is named."""
    own = {"groups": [{"name": "own", "rules": [{"alert": "Own", "expr": "up == 0"}]}]}
    (tmp_path / "own.yml").write_text(yaml.safe_dump(own), "utf-8")
    script = runpy.run_path(str(ROOT / "deploy/kubernetes/rules.py"))
    manifest, chart = (yaml.safe_load(text) for _, text in script["generated"](tmp_path))
    assert manifest["spec"] == chart == own


def test_the_version_is_the_exporters() -> None:
    """The manifests' image and the chart have the version of the package."""
    kustomization = yaml.safe_load((BASE / "kustomization.yml").read_text("utf-8"))
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    (image,) = kustomization["images"]
    assert image["newTag"] == chart["version"] == chart["appVersion"] == __version__

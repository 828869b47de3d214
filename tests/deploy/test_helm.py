"""The chart: what it refuses, and what it says."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

try:
    import helm_python as helm
except ImportError:  # it is there for Linux alone
    if os.environ.get("CI") == "true":
        raise
    pytest.skip("needs helm-python-sdk", allow_module_level=True)

CHART = Path(__file__).parents[2] / "deploy/helm/xo-exporter"
POOL = {"url": "https://x.example.org", "username": "u", "password_file": "p"}


def test_lint_has_nothing_to_say() -> None:
    """Helm finds no fault but that there is no icon."""
    report = helm.chart.lint(CHART, {"demo": True}, strict=True)
    assert report["errors"] == []
    assert [said["error"] for said in report["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "name your pools"),
        ({"config": {"pools": []}}, "minItems"),
        ({"config": {"pools": [{**POOL, "password": "x"}]}}, "/config/pools/0/password"),
        ({"config": {"pools": [{"url": "https://x"}]}}, "username"),
        ({"config": {"listen": ":1", "pools": [POOL]}}, "/config/listen"),
        ({"demo": "yes"}, "/demo"),
        ({"demo": True, "replicaCount": 2}, "replicaCount"),
        ({"demo": True, "image": {"digest": "latest"}}, "/image/digest"),
        ({"demo": True, "serviceMonitor": {"interval": "often"}}, "/serviceMonitor/interval"),
        ({"demo": True, "serviceMonitor": {"scheme": "tls"}}, "/serviceMonitor/scheme"),
        (
            {"demo": True, "serviceMonitor": {"basicAuth": {"password": "x"}}},
            "/serviceMonitor/basicAuth/password",
        ),
        (
            {"demo": True, "serviceMonitor": {"tlsConfig": {"ca_file": "x"}}},
            "/serviceMonitor/tlsConfig",
        ),
        ({"demo": True, "prometheusRule": {"runbooks": "a b"}}, "/prometheusRule/runbooks"),
    ],
)
def test_a_mistake_is_named(values: dict[str, Any], said: str) -> None:
    """Values that can't be meant are refused, with the place of the mistake."""
    with helm.Chart.load(CHART) as chart, pytest.raises(helm.HelmError, match=said):
        chart.render(values, name="xo-exporter")


def test_each_value_has_its_place_in_the_schema() -> None:
    """The schema knows every value that values.yaml has, and no others but Helm's `global`."""
    with helm.Chart.load(CHART) as chart:
        schema = chart.schema
        assert schema is not None
        assert set(schema["properties"]) - {"global"} == set(chart.values)


def test_each_value_below_has_its_place_in_the_schema() -> None:
    """So do the values of a part whose keys are known, each with its default."""
    with helm.Chart.load(CHART) as chart:
        schema, values = chart.schema, chart.values
    assert schema is not None
    for part in (
        "image",
        "networkPolicy",
        "podDisruptionBudget",
        "serviceMonitor",
        "prometheusRule",
    ):
        assert set(schema["properties"][part]["properties"]) == set(values[part]), part


def test_runbooks_may_be_kept_elsewhere() -> None:
    """Each alert leads to its page below the address that is given, with or without a slash."""
    values = {"demo": True, "prometheusRule": {"enabled": True, "runbooks": "https://w/xo/"}}
    with helm.Chart.load(CHART) as chart:
        texts = chart.render(values, name="xo-exporter")
        plain = chart.render({**values, "prometheusRule": {"enabled": True}}, name="xo-exporter")
    rule = yaml.safe_load(texts["xo-exporter/templates/prometheusrule.yaml"])
    alerts = [one for group in rule["spec"]["groups"] for one in group["rules"] if "alert" in one]
    assert len(alerts) > 20
    for one in alerts:
        assert one["annotations"]["runbook_url"] == f"https://w/xo/{one['alert']}.md"
    rule = yaml.safe_load(plain["xo-exporter/templates/prometheusrule.yaml"])
    assert rule["spec"] == yaml.safe_load((CHART / "files/rules.yml").read_text("utf-8"))


def test_the_monitor_can_show_who_it_is() -> None:
    """Scheme, authority and password of the scrape are those that are given."""
    tls = {"ca": {"secret": {"name": "s", "key": "ca.crt"}}, "serverName": "xo.example.org"}
    auth = {"username": {"name": "s", "key": "user"}, "password": {"name": "s", "key": "password"}}
    monitor = {"enabled": True, "scheme": "https", "tlsConfig": tls, "basicAuth": auth}
    with helm.Chart.load(CHART) as chart:
        texts = chart.render({"demo": True, "serviceMonitor": monitor}, name="xo-exporter")
    (endpoint,) = yaml.safe_load(texts["xo-exporter/templates/servicemonitor.yaml"])["spec"][
        "endpoints"
    ]
    assert (endpoint["scheme"], endpoint["tlsConfig"], endpoint["basicAuth"]) == (
        "https",
        tls,
        auth,
    )


def test_tls_and_users_as_the_page_has_them() -> None:
    """The values that deploy/README.md shows are taken, and lead to a file beside the passwords."""
    page = (CHART.parents[1] / "README.md").read_text("utf-8")
    block = page.split("### TLS and users", 1)[1].split("```yaml\n", 1)[1].split("```", 1)[0]
    values = {"config": {"pools": [POOL]}, **yaml.safe_load(block)}
    with helm.Chart.load(CHART) as chart:
        texts = chart.render(values, name="xo-exporter")
    pod = yaml.safe_load(texts["xo-exporter/templates/deployment.yaml"])["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert container["args"][-1] == f"--web.config.file={mounts['passwords']}/web.yml"


def test_the_notes_lead_to_the_page() -> None:
    """After the installation Helm says how to see the page, and how to check the pools."""
    with helm.Chart.load(CHART) as chart:
        texts = chart.render({"config": {"pools": [POOL]}}, name="mine", namespace="here")
    notes = texts["xo-exporter/templates/NOTES.txt"]
    assert "-n here port-forward service/mine-xo-exporter 19773:19773" in notes
    assert "-n here exec deployment/mine-xo-exporter -- xo-exporter check" in notes


def test_it_becomes_a_package(tmp_path: Path) -> None:
    """Helm packs the chart, with the rules in it."""
    archive = helm.chart.package(CHART, destination=tmp_path)
    with helm.Chart.load(archive) as chart:
        assert "files/rules.yml" in {file["name"] for file in chart.files}

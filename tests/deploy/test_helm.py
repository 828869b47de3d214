"""The chart: what it refuses, and what it says."""

import os
from pathlib import Path
from typing import Any

import pytest

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

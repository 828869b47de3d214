"""The configurations of Prometheus and Alertmanager are valid, and are those of the documents."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.programs import output_of

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
ALERTMANAGER = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"

Alerts = Mapping[str, Mapping[str, Any]]

CONFIGURATIONS = sorted(PROMETHEUS.glob("prometheus*.yml"))


def _blocks(document: str) -> list[dict[str, Any]]:
    """Give the scrape configurations of a document."""
    text = (ROOT / document).read_text("utf-8")
    found = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [yaml.safe_load(block) for block in found if "scrape_configs:" in block]


def _bare(scrapes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in scrape.items() if value} for scrape in scrapes]


@pytest.mark.parametrize("file", CONFIGURATIONS, ids=lambda file: file.stem)
def test_promtool_accepts_the_configuration(file: Path) -> None:
    """It is valid, finds the rules, and lets the exporter's labels stand."""
    said = output_of("promtool", "check", "config", file)
    assert f"{len(list((PROMETHEUS / 'rules').iterdir()))} rule files found" in said
    scrapes = yaml.safe_load(file.read_text("utf-8"))["scrape_configs"]
    assert all(scrape["honor_labels"] is True for scrape in scrapes)


@pytest.mark.parametrize(
    ("file", "document", "number"),
    [
        ("prometheus.yml", "docs/install.md", 0),
        ("prometheus-pools.yml", "docs/install.md", 1),
        ("prometheus-shard.yml", "docs/scaling.md", 0),
    ],
)
def test_configurations_are_those_of_the_documents(file: str, document: str, number: int) -> None:
    """What is to be scraped, and how, is said once: here as in the document."""
    ours = yaml.safe_load((PROMETHEUS / file).read_text("utf-8"))
    theirs = _blocks(document)[number]
    assert _bare(ours["scrape_configs"]) == _bare(theirs["scrape_configs"])
    assert ours["global"].items() >= theirs.get("global", {}).items()


def test_amtool_accepts_the_configuration() -> None:
    """`amtool check-config` finds no mistake."""
    assert "SUCCESS" in output_of("amtool", "check-config", ALERTMANAGER)


@pytest.mark.parametrize(
    ("severity", "receiver"), [("critical", "pager"), ("warning", "team"), ("info", "nobody")]
)
def test_severity_leads_to_a_receiver(severity: str, receiver: str) -> None:
    """Only what is critical wakes somebody."""
    route = ("config", "routes", "test", f"--config.file={ALERTMANAGER}", f"severity={severity}")
    said, _, _ = output_of("amtool", *route).partition("Warning:")  # of options that it has itself
    assert said.strip() == receiver


def test_inhibitions_name_alerts_and_labels_that_exist(alerts: Alerts) -> None:
    """A rule whose source or label nobody has would silence nothing."""
    for rule in yaml.safe_load(ALERTMANAGER.read_text("utf-8"))["inhibit_rules"]:
        named = re.findall(r"\bXo\w+", " ".join(rule["source_matchers"] + rule["target_matchers"]))
        assert set(named) - {"Xo"} <= alerts.keys()
        [source] = rule["source_matchers"]
        for name in re.findall(r"\bXo\w+", source):
            if "host" in rule["equal"]:
                assert "host" in alerts[name]["labels"]
            if "sr_uuid" in rule["equal"]:
                assert "sr_uuid" in alerts[name]["labels"]

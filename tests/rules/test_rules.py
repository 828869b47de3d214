"""The rules are what generate.py makes, and name what there is."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.programs import output_of
from xo_exporter.config import load
from xo_exporter.metrics.selection import Selection, choosable_names
from xo_exporter.metrics.tables import ALL_TABLES, COLLECTORS

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = PROMETHEUS / "rules"
RUNBOOKS = ROOT / "docs" / "runbooks"
EXPORTED = {metric.name for table in ALL_TABLES for metric in table.metrics}

Alerts = Mapping[str, Mapping[str, Any]]
Groups = list[dict[str, Any]]


NAME = r"\b(?:[a-z]+:)*xo_\w+(?::\w+)*"


def _generate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROMETHEUS / "generate.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


def test_rules_are_as_generated(tmp_path: Path) -> None:
    """What is committed is what generate.py makes now."""
    assert _generate("--to", tmp_path).returncode == 0
    assert _texts(tmp_path) == _texts(RULES)


def test_promtool_accepts_the_rules() -> None:
    """`promtool check rules` finds no mistake."""
    said = output_of("promtool", "check", "rules", *sorted(RULES.iterdir()))
    assert said.count("SUCCESS") == len(list(RULES.iterdir()))


@pytest.fixture(scope="module")
def recorded(groups: Groups) -> list[str]:
    """Give the names of the recorded series."""
    return [rule["record"] for group in groups for rule in group["rules"] if "record" in rule]


def test_rules_name_metrics_that_exist(groups: Groups, recorded: list[str]) -> None:
    """Every name in an expression is a metric of the exporter, or a recorded one."""
    texts = [rule["expr"] for group in groups for rule in group["rules"]]
    named = {name for text in texts for name in re.findall(NAME, text)}
    assert named
    assert named <= EXPORTED | set(recorded)


def test_recorded_series_are_named_as_is_usual(recorded: list[str]) -> None:
    """level:metric:operation."""
    assert all(re.fullmatch(r"[a-z]+:xo_[a-z_]+:[a-z0-9]+", name) for name in recorded)
    assert len(set(recorded)) == len(recorded)


def test_alerts_say_what_an_operator_needs(alerts: Alerts) -> None:
    """Severity, texts that name what is concerned, and a page that exists."""
    for name, alert in alerts.items():
        assert alert["labels"]["severity"] in ("critical", "warning", "info")
        assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
        assert name == "XoExporterAbsent" or "$labels." in alert["annotations"]["summary"]
        assert (ROOT / alert["annotations"]["runbook_url"]).is_file()
    assert {path.stem for path in RUNBOOKS.glob("Xo*.md")} == alerts.keys()


def test_runbooks_say_what_to_do(alerts: Alerts, recorded: list[str], tmp_path: Path) -> None:
    """Each page has its three parts, is short, leads somewhere, and its queries are ones."""
    queries = []
    for name in alerts:
        text = (RUNBOOKS / f"{name}.md").read_text("utf-8")
        parts = re.findall(r"^#+ .*", text, re.MULTILINE)
        assert parts == [f"# {name}", "## What it means", "## How to look", "## How to mend"]
        assert len(text.splitlines()) < 45
        assert set(re.findall(NAME, text)) <= EXPORTED | set(recorded)
        assert set(re.findall(r"\]\((\w+)\.md\)", text)) <= alerts.keys()
        blocks = re.findall(r"^```promql\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        queries += [line for block in blocks for line in block.splitlines()]
    rules = [{"record": f"query{number}", "expr": text} for number, text in enumerate(queries)]
    (tmp_path / "queries.yml").write_text(
        yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]})
    )
    assert f"SUCCESS: {len(queries)} rules" in output_of(
        "promtool", "check", "rules", tmp_path / "queries.yml"
    )


def test_alerts_of_objects_outlast_a_pool_that_is_not_read(alerts: Alerts) -> None:
    """All go on firing for a while, save those of the exporter itself."""
    without = {name for name, alert in alerts.items() if "keep_firing_for" not in alert}
    assert without == {"XoExporterDown", "XoExporterAbsent"}


def test_what_is_never_unknown_ends_soon(alerts: Alerts) -> None:
    """XoPoolNotRead goes on until what it silenced may fire again; all others for 15 minutes."""
    assert alerts["XoPoolNotRead"]["for"] == alerts["XoSrDetached"]["for"] == "5m"
    kept = {name: alert["keep_firing_for"] for name, alert in alerts.items()
            if alert.get("keep_firing_for", "15m") != "15m"}  # fmt: skip
    assert kept == {"XoPoolNotRead": "6m"}


def test_thresholds_of_ones_own(tmp_path: Path) -> None:
    """Another file changes what it names, leaves out what it disables, and keeps the rest."""
    (tmp_path / "my.yml").write_text(
        "runbooks: https://wiki.example.org/xo/\n"
        "alerts:\n"
        "  XoSrFilling: {above: 0.5, for: 1h, keep_firing_for: 2h}\n"
        "  XoVmPaused: {enabled: false}\n"
    )
    done = _generate("--thresholds", tmp_path / "my.yml", "--to", tmp_path / "rules")
    assert done.returncode == 0
    storage, vms = (
        {rule["alert"]: rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]}
        for text in (_texts(tmp_path / "rules")[name] for name in ("xo-storage.yml", "xo-vms.yml"))
    )
    filling = storage["XoSrFilling"]
    assert (filling["expr"], filling["for"]) == ("sr:xo_sr_physical_usage:ratio > 0.5", "1h")
    assert filling["keep_firing_for"] == "2h"
    assert filling["labels"]["severity"] == "warning"
    assert filling["annotations"]["runbook_url"] == "https://wiki.example.org/xo/XoSrFilling.md"
    assert storage["XoSrAlmostFull"]["expr"].endswith("> 0.95")
    assert "XoVmPaused" not in vms
    assert "XoVmMemoryLow" in vms


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("alerts: {XoSrFiling: {above: 0.5}}", "XoSrFiling"),
        ("alerts: {XoSrFilling: {over: 0.5}}", "over"),
        ("keep_firing: 1h", "keep_firing"),
    ],
)
def test_a_slip_in_ones_own_thresholds_is_told(tmp_path: Path, text: str, named: str) -> None:
    """What thresholds.yml doesn't know is refused by name, and nothing is written."""
    (tmp_path / "my.yml").write_text(text)
    done = _generate("--thresholds", tmp_path / "my.yml", "--to", tmp_path / "rules")
    assert done.returncode == 1
    assert named in done.stderr
    assert not (tmp_path / "rules").exists()


@pytest.fixture(scope="module")
def needed(groups: Groups) -> dict[str, set[str]]:
    """Give the metrics that the rules need by collector, without those that are always there."""
    collector_of = {
        metric.name: table.collector for table in ALL_TABLES for metric in table.metrics
    }
    found: dict[str, set[str]] = {}
    for group in groups:
        for rule in group["rules"]:
            for name in set(re.findall(r"(?<![\w:])xo_\w+(?![\w:])", rule["expr"])):
                found.setdefault(collector_of[name], set()).add(name)
    del found["exporter"]
    return found


def test_the_document_says_what_the_rules_need(needed: dict[str, set[str]]) -> None:
    """docs/choice.md names each collector with the metrics of it; all are on by default."""
    text = (ROOT / "docs" / "choice.md").read_text("utf-8")
    section = text.partition("\n## What the rules need\n")[2].partition("\n## ")[0]
    rows = [
        f"| `{collector}` | {', '.join(f'`{name}`' for name in sorted(names))} |"
        for collector, names in sorted(needed.items())
    ]
    assert re.findall(r"^\| `.*$", section, re.MULTILINE) == rows
    assert all(COLLECTORS[collector] for collector in needed)


def test_the_example_of_a_choice_disarms_no_alert(
    needed: dict[str, set[str]], tmp_path: Path
) -> None:
    """What docs/choice.md shows leaves the rules all that they need."""
    text = (ROOT / "docs" / "choice.md").read_text("utf-8")
    example = text.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "xo.yml").write_text(
        f"pools: [{{url: 'https://xcp', username: u, password: p}}]\n{example}"
    )
    names = choosable_names()
    config = load(tmp_path / "xo.yml", {}, collectors=COLLECTORS, metrics=names)
    selection = Selection(config.collectors, config.choice)
    tables = (*selection.objects, *selection.arrivals)
    exported = {family.name for table in tables for family in table.describe()}
    assert set().union(*needed.values()) <= exported

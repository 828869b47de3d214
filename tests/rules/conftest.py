"""What the tests of the rules share: the rules as they are committed, promtool."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.programs import output_of

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules"


@pytest.fixture(scope="session")
def groups() -> list[dict[str, Any]]:
    """Give all groups of rules."""
    return [
        group
        for file in sorted(RULES.glob("*.yml"))
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]
    ]


@pytest.fixture(scope="session")
def alerts(groups: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give all alerts by name."""
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


@pytest.fixture(scope="session")
def file_of() -> dict[str, Path]:
    """Give the file that each alert stands in."""
    return {
        rule["alert"]: file
        for file in RULES.glob("*.yml")
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }


@pytest.fixture(scope="session")
def promtool_tests(groups: list[dict[str, Any]]) -> Callable[..., None]:
    """Let promtool test the rules: a file to write, seconds between evaluations, tests, files."""

    def test(
        file: Path, step: int, tests: list[dict[str, Any]], rules: Iterable[Path] = ()
    ) -> None:
        files = {RULES / "xo-recording.yml", *rules} if rules else RULES.glob("*.yml")
        names = {group["name"] for group in groups} - {"xo-recording"}
        document = {
            "rule_files": sorted(map(str, files)),
            "evaluation_interval": f"{step}s",
            # In Prometheus an alert sees what a recording rule said a moment ago.
            "group_eval_order": ["xo-recording", *sorted(names)],
            "tests": tests,
        }
        file.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
        output_of("promtool", "test", "rules", file)

    return test

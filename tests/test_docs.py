"""What the documents say of the code is so."""

import re
from pathlib import Path

import pytest

from xo_exporter.metrics.tables import describe

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/prometheus/**/*.yml")]
NAMED = re.findall(
    r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / "reliability.md").read_text("utf-8")
)


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_each_test_that_is_named_exists(file: str, name: str) -> None:
    """A promise in docs/reliability.md names the tests that show it."""
    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)


def test_promises_have_tests() -> None:
    """Every row of a table names at least one."""
    text = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    rows = re.findall(r"^\| (?!---|promise).*\|$", text, re.MULTILINE)
    assert rows
    assert all("::" in row for row in rows)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_metric_that_is_named_exists(page: Path) -> None:
    """Each metric that a page names is exported; what others export stands in a table's cells."""
    ours = {family.name for family in describe()}
    text = page.read_text("utf-8")
    if page.name == "migration.md":
        text = re.sub(r"^\| `[^`]*` \|", "", text, flags=re.MULTILINE)
    named = set(re.findall(r"(?<![\w/.:])xo_[a-z]+(?:_[a-z]+)*(?![\w/.:])", text))
    assert named - {"xo_exporter"} <= ours

"""docs/migration.md: from each metric of other exporters to the one here."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from tests.metrics.families import describe, pool_families
from tests.programs import output_of
from xo_exporter.exposition import Family
from xo_exporter.metrics import arrivals, exporter, xo
from xo_exporter.metrics.exporter import STAGES, PoolStatus
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.model.messages import Kind
from xo_exporter.model.objects import PoolModel
from xo_exporter.model.totals import total, totals_of

PAGE: Final = (Path(__file__).parents[2] / "docs" / "migration.md").read_text("utf-8")
PEERS: Final = Path(__file__).with_name("peers.txt").read_text("utf-8")
ROWS: Final[list[tuple[str, str, str]]] = re.findall(
    r"^\| `([^`]*)` \| (.*?) \| (.*?) ?\|$",
    PAGE[PAGE.index("\n## Xen Orchestra's plugin") :],
    re.MULTILINE,
)
EXPRESSIONS: Final = sorted({one for _, here, _ in ROWS for one in re.findall(r"`([^`]+)`", here)})
QUERIES: Final = re.findall(r"```promql\n(.*?)```", PAGE, re.DOTALL)
BLOCKS: Final = [
    yaml.safe_load(block)
    for block in re.findall(r"^ *```yaml\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
]


def test_all_of_theirs_are_there() -> None:
    """Each metric of another exporter has a row, once, and there is no row of anything else."""
    theirs = [line.strip() for line in PEERS.splitlines() if line.startswith("    ")]
    assert len(theirs) > 300
    assert sorted(there for there, _, _ in ROWS) == sorted(theirs)


def test_all_of_ours_exist() -> None:
    """Each name that is said to be here is exported."""
    names = {family.name for family in describe()}
    for there, here, change in ROWS:
        ours = set(re.findall(r"\bxo_\w+", f"{here} {change}"))
        assert ours <= names, there
        if here == "—":
            assert change, f"{there}: say why there is none"
        else:
            assert ours, there


def everything(full: PoolModel, estate: PoolModel) -> Iterator[Family]:
    """Give all families of both pools, and those of the exporter itself."""
    status = PoolStatus(True, dict.fromkeys(STAGES, 0.5), dict.fromkeys(STAGES, 1), 2, 1, True)  # noqa: FBT003  as they stand
    arrived = arrivals.Arrived({Kind("ALARM", 3, "Host"): 1}, {"VM.start": 2})
    yield from exporter.POOL_TABLE.families([status], "Label")
    yield from xo.TABLE.families([total([totals_of(full)])], "")
    for table in arrivals.TABLES:
        yield from table.families([arrived], "Label")
    for model, label in ((full, "Label"), (estate, "Pool")):
        yield from pool_families(model, label, dict.fromkeys(COLLECTORS, True))


def promtool(command: str, path: Path, content: dict[str, Any]) -> None:
    """Have promtool look at a file."""
    path.write_text(json.dumps(content))
    output_of("promtool", *command.split(), path)


def test_expressions_have_answers(full: PoolModel, estate: PoolModel, tmp_path: Path) -> None:
    """What is said to be the same as a metric of theirs is an expression that gives something."""
    named = {*re.findall(r"\bxo_\w+", " ".join([*EXPRESSIONS, *QUERIES]))}
    series = [
        {"series": f"{family.name}{labels.text}", "values": str(float(value))}
        for family in everything(full, estate)
        if family.name in named
        for labels, value in family.samples
    ]
    tests = [
        {
            "expr": f"count({expression}) > bool 0",
            "eval_time": "0s",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for expression in [*EXPRESSIONS, *QUERIES]
    ]
    content = {"tests": [{"input_series": series, "promql_expr_test": tests}]}
    promtool("test rules", tmp_path / "tests.json", content)


def test_configuration_is_valid(tmp_path: Path) -> None:
    """Prometheus takes what the page says to put into its configuration and its rules."""
    scraping, rules = BLOCKS
    job = {"job_name": "xo", "static_configs": [{"targets": ["localhost:19773"]}], **scraping}
    promtool("check config", tmp_path / "prometheus.json", {"scrape_configs": [job]})
    promtool("check rules", tmp_path / "rules.json", rules)

"""The tables of metrics: that nothing of the contract is missing, and how names are formed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.metrics.families import describe, pool_families
from xo_exporter.exposition import Family
from xo_exporter.metrics import arrivals, exporter, xo
from xo_exporter.metrics.exporter import STAGES, PoolStatus
from xo_exporter.metrics.selection import Selection
from xo_exporter.metrics.source import Source
from xo_exporter.metrics.table import Metric
from xo_exporter.metrics.tables import (
    ALL_TABLES,
    COLLECTORS,
    OBJECT_TABLES,
    AnyTable,
    is_on,
)
from xo_exporter.metrics.units import UNITS
from xo_exporter.model.messages import Kind
from xo_exporter.model.objects import PoolModel
from xo_exporter.model.totals import total, totals_of

CONTRACT: Final = Path(__file__).with_name("contract.txt")
ROWS: Final[Mapping[str, tuple[AnyTable, Metric[Any] | Source[Any]]]] = {
    metric.name: (table, metric) for table in ALL_TABLES for metric in table.metrics
}
ARRIVED: Final = arrivals.Arrived({Kind("ALARM", 3, "Host"): 1}, {"VM.start": 2})
EVERY: Final = dict.fromkeys(COLLECTORS, True)
OTHER_UNITS: Final = re.compile(
    r"_(bits?|kb|mb|gb|kib|mib|gib|kilobytes|megabytes|ms|us|ns|milliseconds|microseconds"
    r"|nanoseconds|minutes|hours|days|percent|percentage|mhz|mw)(_|$)"
)


def contract() -> Iterator[tuple[str, set[str]]]:
    """Give each metric of the contract with all of its labels."""
    common: set[str] = set()
    for line in CONTRACT.read_text("utf-8").splitlines():
        if line.startswith("    "):
            name, *own = line.split()
            yield name, common | {*own}
        elif line and not line.startswith("#"):
            common = {*line.rpartition(":")[2].split()} - {"none"}


def everything(full: PoolModel) -> list[Family]:
    """Give every family, with samples of all that can be known."""
    status = PoolStatus(
        up=True,
        durations=dict.fromkeys(STAGES, 0.5),
        errors=dict.fromkeys(STAGES, 1),
        logins=2,
        resyncs=1,
        messages_up=True,
        dropped={"xo_vdi_info": 1},
    )
    return [
        *exporter.BUILD_TABLE.families([None], ""),
        *exporter.POOL_TABLE.families([status], "Label"),
        *(family for table in arrivals.TABLES for family in table.families([ARRIVED], "Label")),
        *xo.TABLE.families([total([totals_of(full)])], ""),
        *pool_families(full, "Label", EVERY),
    ]


@pytest.mark.parametrize(("name", "labels"), list(contract()))
def test_contract(full: PoolModel, name: str, labels: set[str]) -> None:
    """Each metric of the contract is there, with the labels that the contract gives it."""
    table, metric = ROWS[name]
    assert {*table.label_names, *metric.labels} == labels
    family = next(family for family in everything(full) if family.name == name)
    assert family.samples
    for sample, _ in family.samples:
        assert {label for label, _ in sample.pairs} == labels


@pytest.mark.parametrize("name", ROWS)
def test_labels_are_those_that_a_row_declares(
    full: PoolModel, estate: PoolModel, name: str
) -> None:
    """Every metric is seen, with the labels that its table and row name, and no others."""
    table, metric = ROWS[name]
    samples = [
        sample
        for model in (full, estate)
        for family in everything(model)
        if family.name == name
        for sample in family.samples
    ]
    declared = {*table.label_names, *metric.labels}
    seen = {label for labels, _ in samples for label, _ in labels.pairs}
    assert seen == declared


def test_no_series_twice(full: PoolModel, estate: PoolModel) -> None:
    """No two samples of a family have the same labels."""
    for family in [*everything(full), *everything(estate)]:
        pairs = [labels.pairs for labels, _ in family.samples]
        assert len({*pairs}) == len(pairs)


def faults(name: str, kind: str, labels: Sequence[str]) -> list[str]:
    """Give what is wrong with the name of a metric and of its labels."""
    ends = [ending for ending, _ in UNITS if name.endswith(ending)]
    words = {word for ending, _ in UNITS for word in ending.split("_")[1:]} - {"per", "second"}
    rules = {
        "form": re.fullmatch(r"xo(_[a-z]+)+", name),
        "base unit": not OTHER_UNITS.search(name),
        "unit at the end": all(
            any(word in ending.split("_") for ending in ends)
            for word in name.split("_")
            if word in words - {"timestamp", "info", "total"}
        ),
        "_total for counters": name.endswith("_total") == (kind == "counter"),
        "no ending of a histogram": not re.search(r"_(count|sum|bucket|created)$", name),
        "form of labels": all(re.fullmatch(r"[a-z]+(_[a-z]+)*", label) for label in labels),
        "labels of others": not {"le", "quantile", "instance", "job", "type"} & {*labels},
    }
    return [rule for rule, holds in rules.items() if not holds]


@pytest.mark.parametrize("name", ROWS)
def test_names_are_well_formed(name: str) -> None:
    """A name has its prefix and a base unit at its end; `_total` is for counters alone."""
    table, metric = ROWS[name]
    assert faults(name, metric.type, (*metric.labels, *table.label_names)) == []


@pytest.mark.parametrize(
    ("name", "kind", "label", "wrong"),
    [
        ("xo_host_read_bytes_per_second", "gauge", "sr", None),
        ("xo_host_requests_total", "gauge", "sr", "_total for counters"),
        ("xo_host_requests", "counter", "sr", "_total for counters"),
        ("xo_host_usage_percent", "gauge", "sr", "base unit"),
        ("xo_host_memory_kib", "gauge", "sr", "base unit"),
        ("xo_host_latency_ms", "gauge", "sr", "base unit"),
        ("xo_host_bytes_read", "gauge", "sr", "unit at the end"),
        ("xo_host_ratio_used", "gauge", "sr", "unit at the end"),
        ("xo_host_task_count", "gauge", "sr", "no ending of a histogram"),
        ("xo_host_cpu0_usage_ratio", "gauge", "sr", "form"),
        ("xcp_host_usage_ratio", "gauge", "sr", "form"),
        ("xo_host_disks", "gauge", "type", "labels of others"),
        ("xo_host_disks", "gauge", "srName", "form of labels"),
    ],
)
def test_a_name_that_breaks_the_style_is_found(
    name: str, kind: str, label: str, wrong: str | None
) -> None:
    """Each rule of the style finds what breaks it."""
    assert faults(name, kind, [label]) == ([] if wrong is None else [wrong])


@pytest.mark.parametrize("name", ROWS)
def test_help_is_a_sentence(name: str) -> None:
    """Each help text is one line, a sentence with its full stop."""
    text = ROWS[name][1].help
    assert re.fullmatch(r"[A-Z1]\S* [^\n]+\.", text)


def test_info_and_tags_are_the_constant_1(full: PoolModel) -> None:
    """What ends in `_info` is 1, whatever it says."""
    for family in everything(full):
        if family.name.endswith("_info"):
            assert {value for _, value in family.samples} <= {1}


@pytest.mark.parametrize("name", ROWS)
def test_uuids_of_others_are_on_info_alone(name: str) -> None:
    """UUIDs of related objects stand on the `_info` series only."""
    metric = ROWS[name][1]
    if not name.endswith("_info"):
        assert not [label for label in metric.labels if label.endswith("_uuid")]
    assert not [label for label in ROWS[name][0].label_names if label.endswith("_uuid")]


def test_labels_of_objects(full: PoolModel) -> None:
    """Every series about an object has uuid, name_label, pool and container.

    A pool is in no container; PBDs, VBDs, PIFs, bonds, VIFs and clusters have no name.
    """
    nameless = {kind: {"name_label"} for kind in ("pbd", "vbd", "pif", "bond", "vif", "cluster")}
    without = {"pool": {"container"}, **nameless}
    for table in OBJECT_TABLES:
        kinds = {metric.name.split("_")[1] for metric in table.metrics}
        assert len(kinds) == 1, "one kind of object a table"
        wanted = {"uuid", "name_label", "pool", "container"} - without.get(kinds.pop(), set())
        assert wanted <= {*table.label_names}


def test_describe_names_every_family(full: PoolModel) -> None:
    """`describe()` gives each family once, in the order of the exposition, without samples."""
    described = describe()
    names = [family.name for family in described]
    assert names == [family.name for family in everything(full)]
    assert len({*names}) == len(names)
    assert not any(family.samples for family in described)
    base_names = {family.base_name for family in described}
    assert len(base_names) == len(names)


def test_collectors() -> None:
    """There is a collector for the singleton and for each kind of object, all on by default."""
    contract = ("xo", "pool", "host", "vm", "sr", "pbd", "vdi", "vbd")
    assert {name: COLLECTORS[name] for name in contract} == dict.fromkeys(contract, True)
    for table in ALL_TABLES:
        if table.collector in COLLECTORS:
            assert table.default == COLLECTORS[table.collector], "one default a collector"


@pytest.mark.parametrize("collector", COLLECTORS)
def test_a_collector_switches_its_own_families(full: PoolModel, collector: str) -> None:
    """A collector that is off takes its own families away, and leaves every other one alone."""
    collectors = {**EVERY, collector: False}
    found = {family.name for family in pool_families(full, "Label", collectors)}
    rest = {
        metric.name
        for table in OBJECT_TABLES
        if table.collector != collector
        for metric in table.metrics
    }
    assert found == rest
    assert found == {family.name for family in Selection(collectors).described()}
    assert "xo_host_rrd_up" in found
    assert is_on(xo.TABLE, collectors) == (collector != "xo")
    assert is_on(exporter.POOL_TABLE, collectors)
    assert is_on(exporter.BUILD_TABLE, collectors)

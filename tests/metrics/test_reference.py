"""The reference of all metrics, docs/metrics.md."""

import re
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from tests.metrics.families import describe
from xo_exporter.metrics.collectors import ABOUT
from xo_exporter.metrics.reference import document, unit
from xo_exporter.metrics.source import Source
from xo_exporter.metrics.table import Metric
from xo_exporter.metrics.tables import ALL_TABLES, COLLECTORS
from xo_exporter.metrics.units import unit_of
from xo_exporter.xapi.records import CLASSES

REFERENCE: Final = Path(__file__).parents[2] / "docs" / "metrics.md"
ROWS: Final[list[Metric[Any] | Source[Any]]] = [
    metric for table in ALL_TABLES for metric in table.metrics
]


def test_reference_is_that_of_the_code() -> None:
    """The reference is what the tables of the code give; `make metrics-doc` writes it."""
    assert REFERENCE.read_text("utf-8") == document()


def test_every_metric_has_its_row() -> None:
    """Each metric that is ever exported has one row, and there is no row of another."""
    named = re.findall(r"^\| `(xo_\w+)` \|", REFERENCE.read_text("utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(family.name for family in describe())


def test_every_collector_is_explained() -> None:
    """Each collector says what it is for and what it costs, in a sentence each."""
    assert {*ABOUT} == {"exporter", *COLLECTORS}
    for about in ABOUT.values():
        for sentence in about:
            assert re.fullmatch(r"[A-Z][^\n]+\.", sentence)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("xo_x_read_bytes_per_second", "bytes per second"),
        ("xo_x_operations_per_second", "per second"),
        ("xo_x_start_timestamp_seconds", "seconds since 1970"),
        ("xo_x_latency_seconds", "seconds"),
        ("xo_x_size_bytes", "bytes"),
        ("xo_x_usage_ratio", "ratio"),
        ("xo_x_vms", None),
        ("xo_x_bytes_read", None),
    ],
)
def test_unit(name: str, wanted: str | None) -> None:
    """A unit is what a name ends in."""
    assert unit_of(name) == wanted


def test_unit_of_a_yes_or_no() -> None:
    """What is a yes or a no by its help has the unit "0 or 1", and a count is a number."""
    units = {metric.name: unit(metric) for metric in ROWS}
    assert units["xo_up"] == units["xo_vm_power_state"] == "0 or 1"
    assert units["xo_pools"] == "number"


# What the exporter itself counts, or knows from what XAPI said to it.
OWN: Final = re.compile(
    r"xo_(exporter|up|messages_up|scrape|series_dropped|xapi|pools$)|xo_(host|sr)_(rrd|plugin)_"
)
_FIELD: Final = re.compile(r"\b([A-Za-z]\w+)\.([A-Za-z]\w+)")
_SOURCE: Final = re.compile(r"\bRRD \S|\bplugin \S")


def named_fields(text: str) -> list[tuple[str, str]]:
    """Give the fields of XAPI's records that a help text names: class and field."""
    found: list[tuple[str, str]] = _FIELD.findall(text)
    return [(kind, field) for kind, field in found if kind.lower() in CLASSES]


@pytest.mark.parametrize("metric", ROWS, ids=lambda metric: metric.name)
def test_help_names_its_source(metric: Metric[Any] | Source[Any]) -> None:
    """A help text names the field, RRD source or plugin that its metric comes from."""
    if not OWN.match(metric.name):
        assert named_fields(metric.help) or _SOURCE.search(metric.help)


@pytest.mark.parametrize("metric", ROWS, ids=lambda metric: metric.name)
def test_fields_that_help_names_are_read(metric: Metric[Any] | Source[Any]) -> None:
    """A field of XAPI that a help text names is one that the exporter reads."""
    for kind, field in named_fields(metric.help):
        if (kind, field) != ("host", "get_servertime"):  # a call
            fields = msgspec.structs.fields(CLASSES[kind.lower()])
            assert field in {one.encode_name for one in fields}

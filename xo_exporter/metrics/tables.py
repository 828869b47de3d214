"""All tables, and a pool's families by them."""

from collections.abc import Mapping
from typing import Any, Final

from xo_exporter.exposition import Family
from xo_exporter.metrics import exporter, host, host_load, pbd, pool, sr, vbd, vdi, vm, xo
from xo_exporter.metrics.source import SourceTable
from xo_exporter.metrics.table import Table
from xo_exporter.model.objects import PoolModel

AnyTable = Table[Any] | SourceTable[Any]

OBJECT_TABLES: Final[tuple[AnyTable, ...]] = (
    pool.TABLE,
    host.TABLE,
    host_load.TABLE,
    exporter.RRD_TABLE,
    vm.TABLE,
    sr.TABLE,
    pbd.TABLE,
    vdi.TABLE,
    vbd.TABLE,
)
"""The tables of a pool's objects, in the order of the exposition."""

ALL_TABLES: Final[tuple[AnyTable, ...]] = (
    exporter.BUILD_TABLE,
    exporter.POOL_TABLE,
    xo.TABLE,
    *OBJECT_TABLES,
)

COLLECTORS: Final[Mapping[str, bool]] = {
    table.collector: table.default
    for table in (xo.TABLE, *OBJECT_TABLES)
    if table.collector != "exporter"
}
"""The collectors that can be switched, each with its default."""


def is_on(table: AnyTable, collectors: Mapping[str, bool]) -> bool:
    """Whether a table is exported; the exporter's own, which are not in COLLECTORS, always are."""
    return collectors.get(table.collector, True)


def parts(collectors: Mapping[str, bool]) -> frozenset[str]:
    """The parts of the model that the collectors which are on need."""
    return frozenset(table.part for table in OBJECT_TABLES if is_on(table, collectors)) - {""}


def need_rrds(collectors: Mapping[str, bool]) -> bool:
    """Whether the collectors that are on need RRDs; the exporter's own families say how it went."""
    tables: tuple[AnyTable, ...] = (xo.TABLE, *OBJECT_TABLES)
    return any(
        table.needs_rrds and table.collector != "exporter" and is_on(table, collectors)
        for table in tables
    )


def pool_families(model: PoolModel, label: str, collectors: Mapping[str, bool]) -> list[Family]:
    """The families of one pool's objects; `label` is the value of the label `pool`."""
    return [
        family
        for table in OBJECT_TABLES
        if is_on(table, collectors)
        for family in table.families(table.objects(model), label)
    ]


def described_objects(collectors: Mapping[str, bool]) -> list[Family]:
    """The families that `pool_families` gives, without samples."""
    tables = (table for table in OBJECT_TABLES if is_on(table, collectors))
    return [family for table in tables for family in table.describe()]


def describe() -> list[Family]:
    """Every family that is ever exported, without samples."""
    return [family for table in ALL_TABLES for family in table.describe()]

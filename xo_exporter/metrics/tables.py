"""All tables, and a pool's families by them."""

from collections.abc import Mapping
from typing import Any, Final

from xo_exporter.exposition import Family
from xo_exporter.metrics import exporter, host, pbd, pool, sr, vbd, vdi, vm, xo
from xo_exporter.metrics.table import Table
from xo_exporter.model.objects import PoolModel

OBJECT_TABLES: Final[tuple[Table[Any], ...]] = (
    pool.TABLE,
    host.TABLE,
    exporter.RRD_TABLE,
    vm.TABLE,
    sr.TABLE,
    pbd.TABLE,
    vdi.TABLE,
    vbd.TABLE,
)
"""The tables of a pool's objects, in the order of the exposition."""

ALL_TABLES: Final[tuple[Table[Any], ...]] = (
    exporter.BUILD_TABLE,
    exporter.POOL_TABLE,
    xo.TABLE,
    *OBJECT_TABLES,
)

COLLECTORS: Final[Mapping[str, bool]] = {
    table.collector: True for table in (xo.TABLE, *OBJECT_TABLES) if table.collector != "exporter"
}
"""The collectors that can be switched, each with its default."""


def is_on(table: Table[Any], collectors: Mapping[str, bool]) -> bool:
    """Whether a table is exported; the exporter's own, which are not in COLLECTORS, always are."""
    return collectors.get(table.collector, True)


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

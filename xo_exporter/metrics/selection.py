"""What is exported: the tables that are on, with the rows and labels that were chosen."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Final, TypeVar

from xo_exporter.choice import EVERYTHING, Choice
from xo_exporter.exposition import Family, Labels
from xo_exporter.metrics import arrivals, vm_guest, xo
from xo_exporter.metrics.table import Metric, Sample, Table
from xo_exporter.metrics.tables import (
    ALL_TABLES,
    COLLECTORS,
    OBJECT_TABLES,
    AnyTable,
    is_on,
    plugins,
)

EXPORTER: Final = "exporter"
"""The collector of the exporter's own families, which are always there."""

_INFO: Final = {f"xo_{name}_info": name for name in ("pool", "host", "vm", "sr", "network", "vdi")}

_OF_GUESTS: Final = frozenset({"xo_vm_info", *(row.name for row in vm_guest.TABLE.metrics)})
"""What is read from VM_guest_metrics."""

TableType = TypeVar("TableType", bound=AnyTable)


def choosable_names() -> tuple[str, ...]:
    """The names of all metrics but the exporter's own."""
    tables = (table for table in ALL_TABLES if table.collector != EXPORTER)
    return tuple(metric.name for table in tables for metric in table.metrics)


class Selection:
    """What is exported by these collectors and this choice.

    `objects` are the tables of a pool's objects, `arrivals` those of what came; a table of which
    no row was chosen is not among them. `xo` has the rows about all pools, which may be none.
    """

    def __init__(self, collectors: Mapping[str, bool], choice: Choice = EVERYTHING) -> None:
        self.choice = choice
        chosen = partial(_chosen, collectors=collectors, choice=choice)
        self.objects: tuple[AnyTable, ...] = tuple(
            _labelled(table, choice) for table in map(chosen, OBJECT_TABLES) if table.metrics
        )
        self.arrivals = tuple(table for table in map(chosen, arrivals.TABLES) if table.metrics)
        self.xo = chosen(xo.TABLE)

    @property
    def parts(self) -> frozenset[str]:
        """The parts of the model that are needed."""
        tables: tuple[AnyTable, ...] = (*self.objects, *self.arrivals)
        return frozenset(table.part for table in tables) - {""}

    @property
    def need_rrds(self) -> bool:
        """Whether RRDs are; the exporter's own families say no more than how it went."""
        tables: tuple[AnyTable, ...] = (self.xo, *self.objects)
        return any(table.needs_rrds for table in tables if table.collector != EXPORTER)

    @property
    def need_guests(self) -> bool:
        """Whether what the guest agents of VMs tell is."""
        names = {row.name for table in self.objects for row in table.metrics}
        return not names.isdisjoint(_OF_GUESTS)

    @property
    def plugins(self) -> frozenset[str]:
        """The plugins of hosts that are asked, by the names of their values."""
        on = {table.collector for table in self.objects}
        return plugins({collector: collector in on for collector in COLLECTORS})

    def described(self) -> list[Family]:
        """The families of a pool's objects, without samples."""
        return [family for table in self.objects for family in table.describe()]


def _chosen(table: TableType, collectors: Mapping[str, bool], choice: Choice) -> TableType:
    """The table with the rows that are exported."""
    if table.collector == EXPORTER:
        return table
    metrics: tuple[Any, ...] = table.metrics if is_on(table, collectors) else ()
    rows: Any = tuple(row for row in metrics if _is_chosen(row.name, choice))
    # The same table where it is whole: it remembers which sources its rows take.
    return table if rows == table.metrics else replace(table, metrics=rows)


def _is_chosen(name: str, choice: Choice) -> bool:
    def is_meant(patterns: Iterable[str]) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    return (not choice.include or is_meant(choice.include)) and not is_meant(choice.exclude)


def _labelled(table: AnyTable, choice: Choice) -> AnyTable:
    """The table with the further labels of its `_info` series."""
    if not choice.labels or not isinstance(table, Table):
        return table
    metrics: tuple[Metric[Any], ...] = table.metrics
    if not any(_INFO.get(row.name) in choice.labels for row in metrics):
        return table
    return replace(table, metrics=tuple(_with_labels(row, choice) for row in metrics))


def _with_labels(metric: Metric[Any], choice: Choice) -> Metric[Any]:
    labels = choice.labels.get(_INFO.get(metric.name, ""))
    if labels is None:
        return metric
    read: Callable[[Any], Any] = metric.read
    write = metric.write

    def read_all(thing: Any) -> Any:
        return thing.labels, read(thing)

    def write_all(base: Labels, known: Any) -> Iterable[Sample]:
        further, rest = known
        return write(base.also(*further), rest)

    return replace(metric, read=read_all, write=write_all, labels=(*metric.labels, *labels.names))

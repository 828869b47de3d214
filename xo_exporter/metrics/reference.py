"""The reference of all metrics, docs/metrics.md, made from the tables."""

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from xo_exporter.metrics.collectors import ABOUT
from xo_exporter.metrics.left_out import OF_HOSTS, OF_VMS
from xo_exporter.metrics.source import Source
from xo_exporter.metrics.table import Metric
from xo_exporter.metrics.tables import ALL_TABLES, COLLECTORS, AnyTable
from xo_exporter.metrics.units import unit_of
from xo_exporter.model.parts import PARTS
from xo_exporter.xapi.records import BASE

BEGIN: Final = """\
# Metrics

Made from the code by `make metrics-doc`.

All are gauges, but for those that end in `_total`, which are counters. Unknown is no sample, never
0, -1 or NaN in its place. A label without a value is left out. The end of a name is its unit: base
units throughout, ratios from 0 to 1 unless the meaning says that they may be above, rates by
second (XAPI has them as rates already: no `rate()`), times as seconds since 1970.

Each metric says where it comes from: a field of XAPI by class, such as `VM.power_state`, or a data
source of the RRDs that each host records, such as `RRD loadavg`. **Since** is the first version of
xapi that has it, where not all do: XCP-ng 8.2 has xapi 1.249, XCP-ng 8.3 began with 24.19. What a
server hasn't got gives no sample.

A **stable** metric keeps its name, labels and meaning until the next major version. An
**experimental** one may change with any; the changelog says so.

A collector is a switch: `--collector.<name>` and `--no-collector.<name>`, or in the configuration
`collectors:`. It takes away its own metrics and no other's.
"""

END_OF_ALL: Final = """\
## Left out

Of what hosts record, this is not exported:

"""


def document() -> str:
    """The whole text, in Markdown."""
    sections = [_section(collector) for collector in _names()]
    return "\n".join([BEGIN, _overview(), *sections, END_OF_ALL + _left_out()])


def _names() -> list[str]:
    """All collectors, the exporter's own first, in the order of the exposition."""
    return ["exporter", *COLLECTORS]


def _tables(collector: str) -> list[AnyTable]:
    return [table for table in ALL_TABLES if table.collector == collector]


def _overview() -> str:
    rows = ["| collector | default | metrics | what for |", "| --- | --- | --- | --- |"]
    for name in _names():
        count = sum(len(table.metrics) for table in _tables(name))
        link = f"[`{name}`](#{name})"
        rows.append(f"| {link} | {_default(name)} | {count} | {ABOUT[name].purpose} |")
    return "\n".join(rows) + "\n"


def _default(collector: str) -> str:
    if collector not in COLLECTORS:
        return "always on"
    return "on" if COLLECTORS[collector] else "off"


def _section(collector: str) -> str:
    """A collector: what it is for and costs, and its metrics by the kind of object."""
    about, tables = ABOUT[collector], _tables(collector)
    standing = "Stable" if all(table.stable for table in tables) else "Experimental"
    lines = [f"## {collector}", "", about.purpose, about.cost]
    if collector in COLLECTORS:
        lines += [*_reads(tables), f"{standing}, {_default(collector)} by default.", *_role(tables)]
    else:
        lines += [f"{standing}, {_default(collector)}."]
    lines.append("")
    for labels, group in groupby(tables, lambda table: table.label_names):
        lines += [_common(labels), ""]
        lines += [
            "| metric | unit | further labels | since | meaning and source |",
            "| --- | --- | --- | --- | --- |",
            *(_row(metric) for table in group for metric in table.metrics),
            "",
        ]
    return "\n".join(lines)


def _reads(tables: list[AnyTable]) -> Iterator[str]:
    """What XAPI and the hosts are asked for it, beyond the objects that are always read."""
    parts = dict.fromkeys(table.part for table in tables if table.part)
    classes = dict.fromkeys(name for part in parts for name in PARTS[part].classes)
    further = [name for name in classes if name not in BASE]
    if further:
        yield f"It reads {_listed(further)} from XAPI."
    if any(table.needs_rrds for table in tables):
        yield "It reads the hosts' RRDs."


def _role(tables: list[AnyTable]) -> Iterator[str]:
    for role in sorted({table.role for table in tables} - {"read-only"}):
        yield f"It needs the role **{role}**."


def _common(labels: tuple[str, ...]) -> str:
    return f"Each series has {_listed(labels)}:" if labels else "No common labels:"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def unit(metric: Metric[Any] | Source[Any]) -> str:
    """A metric's unit: the end of its name, else a number or, as its help tells, 0 or 1."""
    found = unit_of(metric.name)
    if found is not None:
        return found
    return "0 or 1" if metric.help.startswith(("Whether ", "1 for ")) else "number"


def _row(metric: Metric[Any] | Source[Any]) -> str:
    cells = (f"`{metric.name}`", unit(metric), _listed(metric.labels), metric.since)
    return f"| {' | '.join(cells)} | {metric.help.replace('<', '&lt;')} |"


def _left_out() -> str:
    rows: Iterator[str] = (
        f"| {kind} | {one.sources} | {one.why} |"
        for kind, group in (("host", OF_HOSTS), ("VM", OF_VMS))
        for one in group
    )
    return "\n".join(["| of a | data sources | why |", "| --- | --- | --- |", *rows]) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document(), "utf-8")

"""The lines of a pool's samples, made anew only where something has changed.

From one scrape to the next most of a pool stays as it is. What a row reads of an object is
cheap to compare; the text of its samples is kept for as long as that is the same. Where it is
known which objects changed, the others are not even looked at, but for what is measured.

A family that would have too many series ends after the objects that there is room for, in the
order of UUID: so they are the same ones from scrape to scrape.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from xo_exporter.choice import EVERYTHING, Choice
from xo_exporter.exposition import Family, Labels, number
from xo_exporter.metrics.selection import EXPORTER, Selection
from xo_exporter.metrics.shown import Shown
from xo_exporter.metrics.source import SourceTable
from xo_exporter.metrics.table import Metric, Pair, Table
from xo_exporter.metrics.tables import AnyTable
from xo_exporter.model.kept import Changes
from xo_exporter.model.objects import PoolModel
from xo_exporter.rrd.values import Sources

_NOTHING: Final = object()  # equals nothing that is read

_Row = tuple[int, Metric[Any]]
"""A metric and its position in the table."""


class _Known:
    """An object's labels and, by row, what was read of it and the lines that this made."""

    __slots__ = ("labels", "lines", "pairs", "read", "thing")

    def __init__(self, pairs: tuple[Pair, ...], rows: int) -> None:
        self.thing: Any = None
        self.pairs = pairs
        self.labels = Labels(pairs)
        self.read: list[Any] = [_NOTHING] * rows
        self.lines = [""] * rows


class _TableLines:
    """The lines of one table."""

    def __init__(self, table: Table[Any], most: float) -> None:
        self._table = table
        self._most = most
        self.dropped: dict[str, int] = {}
        self._rows = tuple(enumerate(table.metrics))
        self._measured = tuple(row for row in self._rows if row[1].measured)
        self._from_records = tuple(row for row in self._rows if not row[1].measured)
        self._pool: str | None = None
        self._known: dict[str, _Known] = {}  # by UUID, in the order of the objects
        self._texts = [b""] * len(self._rows)
        self.families = tuple(table.describe())

    def of(
        self, objects: Sequence[Any], pool: str, changed: Collection[str] | None
    ) -> Sequence[bytes]:
        """The lines of each row, all objects together; as `PoolLines.of`."""
        if changed is None or pool != self._pool:
            self._pool = pool
            self._known = self._labelled(objects, pool)
            for row in self._rows:
                _update(self._known.values(), row)
                self._join(row)
        else:
            dirty = [known for uuid in changed if (known := self._known.get(uuid))]
            for row in self._from_records if dirty else ():
                if _update(dirty, row):
                    self._join(row)
            for row in self._measured:
                if _update(self._known.values(), row):
                    self._join(row)
        return tuple(self._texts)

    def _labelled(self, objects: Sequence[Any], pool: str) -> dict[str, _Known]:
        labels_of, before, now = self._table.labels, self._known, {}
        rows = len(self._rows)
        for thing in objects:
            pairs = labels_of(thing, pool)
            known = before.get(thing.UUID)
            if known is None or known.pairs != pairs:
                known = _Known(pairs, rows)
            known.thing = thing
            now[thing.UUID] = known
        return now

    def _join(self, row: _Row) -> None:
        position = row[0]
        parts = [known.lines[position] for known in self._known.values()]
        self._texts[position] = _joined(parts, self._most, row[1].name, self.dropped)


def _joined(parts: Sequence[str], most: float, name: str, dropped: dict[str, int]) -> bytes:
    """The lines of all objects, or of the first for which there is room.

    How many lines are left out is put into `dropped`, by the family's name.
    """
    text = "".join(parts)
    total = text.count("\n")
    if total <= most:
        dropped.pop(name, None)
        return text.encode()
    kept, lines = 0, 0
    for part in parts:
        lines += part.count("\n")
        if lines > most:
            break
        kept += 1
    text = "".join(parts[:kept])
    dropped[name] = total - text.count("\n")
    return text.encode()


def _update(some: Collection[_Known], row: _Row) -> bool:
    """Make the lines of a row anew where it reads something else; whether there was any."""
    position, metric = row
    read, write, name = metric.read, metric.write, metric.name
    updated = False
    for known in some:
        found = read(known.thing)
        if found != known.read[position]:
            updated = True
            known.read[position] = found
            known.lines[position] = "".join(
                [
                    f"{name}{labels.text} {number(value)}\n"
                    for labels, value in write(known.labels, found)
                ]
            )
    return updated


class _Planned:
    """An object's series of data sources, for as long as these, and its labels, are the same."""

    __slots__ = ("pairs", "plan", "sources", "thing")

    def __init__(self, thing: Any, pairs: tuple[Pair, ...]) -> None:
        self.thing = thing
        self.pairs = pairs
        self.sources: Sources | None = None
        # The place of the value, the lines of the row, what stands before the number, the factor.
        self.plan: list[tuple[int, int, str, float]] = []


class _SourceLines:
    """The lines of one table of data sources: all new at each reading, but for their beginnings."""

    def __init__(self, table: SourceTable[Any], most: float) -> None:
        self._table = table
        self._most = most
        self.dropped: dict[str, int] = {}
        self._pool: str | None = None
        self._planned: list[_Planned] = []
        self.families = tuple(table.describe())

    def of(
        self, objects: Sequence[Any], pool: str, changed: Collection[str] | None
    ) -> Sequence[bytes]:
        """The lines of each row, all objects together; as `PoolLines.of`."""
        if changed is None or pool != self._pool:
            self._pool = pool
            labels_of = self._table.labels
            self._planned = [_Planned(thing, labels_of(thing, pool)) for thing in objects]
        values_of = self._table.values
        rows: list[list[str]] = [[] for _ in self.families]
        for planned in self._planned:
            values = values_of(planned.thing)
            if values.sources is not planned.sources:
                planned.sources = values.sources
                planned.plan = self._plan(planned)
            numbers = values.numbers
            for place, row, beginning, factor in planned.plan:
                known = numbers[place]
                if known is not None:
                    rows[row].append(f"{beginning}{number(known * factor)}\n")
        return [
            _joined(row, self._most, family.name, self.dropped)
            for row, family in zip(rows, self.families, strict=True)
        ]

    def _plan(self, planned: _Planned) -> list[tuple[int, int, str, float]]:
        names = [family.name for family in self.families]
        return [
            (one.place, one.row, f"{names[one.row]}{one.labels.text} ", one.factor)
            for one in self._table.series(planned.thing, Labels(planned.pairs))
        ]


class PoolLines:
    """The lines of all of one pool's objects, remembered from scrape to scrape.

    One model after the other: not for two threads at once.
    """

    def __init__(self, collectors: Mapping[str, bool], choice: Choice = EVERYTHING) -> None:
        self._shown = Shown(choice.vms)
        self._label: str | None = None
        self._tables: list[tuple[AnyTable, _TableLines | _SourceLines]] = []
        for table in Selection(collectors, choice).objects:
            most = math.inf if table.collector == EXPORTER else choice.max_series
            lines: _TableLines | _SourceLines
            if isinstance(table, SourceTable):
                lines = _SourceLines(table, most)
            else:
                lines = _TableLines(table, most)
            self._tables.append((table, lines))

    @property
    def dropped(self) -> dict[str, int]:
        """How many series the last lines lack that there was no room for, by family."""
        return {name: lost for _, lines in self._tables for name, lost in lines.dropped.items()}

    def of(
        self, model: PoolModel, label: str, changes: Changes | None = None
    ) -> tuple[tuple[Family, bytes], ...]:
        """Each family, without its samples, and their lines; `label` is that of the pool.

        `changes` says what changed since the last call, which was with the same model; None
        where anything may have, and the model may be another.
        """
        if changes is None:
            self._shown.look_at(model)
        found: list[tuple[Family, bytes]] = []
        for table, lines in self._tables:
            is_new = changes is None or table.part in changes.parts
            changed = None if changes is None or is_new else changes.uuids
            objects = table.objects(model)
            if is_new or label != self._label:
                objects = self._shown.of(objects)
            found += zip(lines.families, lines.of(objects, label, changed), strict=True)
        self._label = label
        return tuple(found)

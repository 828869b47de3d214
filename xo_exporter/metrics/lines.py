"""The lines of a pool's samples, made anew only where something has changed.

From one scrape to the next most of a pool stays as it is. What a row reads of an object is
cheap to compare; the text of its samples is kept for as long as that is the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from xo_exporter.exposition import Family, Labels, number
from xo_exporter.metrics.table import Pair, Table
from xo_exporter.metrics.tables import OBJECT_TABLES, is_on
from xo_exporter.model.objects import PoolModel

_NOTHING: Final = object()  # equals nothing that is read


class _Known:
    """An object's labels and, by row, what was read of it and the lines that this made."""

    __slots__ = ("labels", "lines", "pairs", "read")

    def __init__(self, pairs: tuple[Pair, ...], rows: int) -> None:
        self.pairs = pairs
        self.labels = Labels(pairs)
        self.read: list[Any] = [_NOTHING] * rows
        self.lines = [""] * rows


class _TableLines:
    """The lines of one table."""

    def __init__(self, table: Table[Any]) -> None:
        self._table = table
        self._known: dict[str, _Known] = {}
        self.families = tuple(table.describe())

    def of(self, objects: Sequence[Any], pool: str) -> list[str]:
        """The lines of each row, all objects together."""
        metrics = self._table.metrics
        parts: list[list[str]] = [[] for _ in metrics]
        rows = [
            (position, metric.read, metric.write, metric.name, parts[position].append)
            for position, metric in enumerate(metrics)
        ]
        labels_of, before, now = self._table.labels, self._known, {}
        for thing in objects:
            pairs = labels_of(thing, pool)
            known = before.get(thing.UUID)
            if known is None or known.pairs != pairs:
                known = _Known(pairs, len(rows))
            now[thing.UUID] = known
            for position, read, write, name, append in rows:
                found = read(thing)
                if found != known.read[position]:
                    known.read[position] = found
                    known.lines[position] = "".join(
                        [
                            f"{name}{labels.text} {number(value)}\n"
                            for labels, value in write(known.labels, found)
                        ]
                    )
                append(known.lines[position])
        self._known = now
        return ["".join(row) for row in parts]


class PoolLines:
    """The lines of all of one pool's objects, remembered from scrape to scrape.

    One model after the other: not for two threads at once.
    """

    def __init__(self, collectors: Mapping[str, bool]) -> None:
        self._tables = [
            (table, _TableLines(table)) for table in OBJECT_TABLES if is_on(table, collectors)
        ]

    def of(self, model: PoolModel, label: str) -> tuple[tuple[Family, str], ...]:
        """Each family, without its samples, and their lines; `label` is that of the pool."""
        return tuple(
            pair
            for table, lines in self._tables
            for pair in zip(lines.families, lines.of(table.objects(model), label), strict=True)
        )

"""The lines of a table that reads objects, remembered object by object.

What a row reads of an object is cheap to compare; the text of its samples is kept for as long
as that is the same. Where it is known which objects changed, the others are not even looked at,
but for what is measured.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from xo_exporter.exposition import Labels, number
from xo_exporter.metrics.family_text import joined
from xo_exporter.metrics.table import Metric, Pair, Table

_NOTHING: Final = object()  # equals nothing that is read


class _Column:
    """What a row read of each object, in their order, and the lines that this made."""

    __slots__ = ("lines", "metric", "read")

    def __init__(self, metric: Metric[Any]) -> None:
        self.metric = metric
        self.read: list[Any] = []
        self.lines: list[str] = []

    def place(self, kept: Sequence[int | None]) -> None:
        """Go over to other objects; of each, its place so far, or None where it has none."""
        read, lines = self.read, self.lines
        self.read = [_NOTHING if place is None else read[place] for place in kept]
        self.lines = ["" if place is None else lines[place] for place in kept]


class TableLines:
    """The lines of one table; `most` is how many series a family may have.

    `dropped` says of how many more there was no room, by the family's name.
    """

    def __init__(self, table: Table[Any], most: float) -> None:
        self._table = table
        self._most = most
        self.dropped: dict[str, int] = {}
        self._columns = tuple(_Column(metric) for metric in table.metrics)
        rows = range(len(self._columns))
        self._measured = [row for row in rows if table.metrics[row].measured]
        self._from_records = [row for row in rows if not table.metrics[row].measured]
        self._pool: str | None = None
        self._things: list[Any] = []
        self._places: dict[str, int] = {}  # of each thing, by its UUID
        self._pairs: list[tuple[Pair, ...]] = []
        self._labels: list[Labels | None] = []
        self._texts = [b""] * len(self._columns)
        self.families = tuple(table.describe())

    def of(
        self, objects: Sequence[Any], pool: str, changed: Collection[str] | None
    ) -> Sequence[bytes]:
        """The lines of each row, all objects together; as `PoolLines.of`."""
        if changed is None or pool != self._pool:
            self._pool = pool
            self._place({thing.UUID: thing for thing in objects}, pool)
            stale = set(range(len(self._columns)))
            self._update(range(len(self._things)), stale)
        else:
            places = (self._places.get(uuid) for uuid in changed)
            stale = self._update(
                [place for place in places if place is not None], self._from_records
            )
            stale |= self._update(range(len(self._things)), self._measured)
        if not self._measured:  # they are larger than what they are made of
            self._labels = [None] * len(self._things)
        for row in stale:
            parts, name = self._columns[row].lines, self.families[row].name
            self._texts[row] = joined(parts, self._most, name, self.dropped)
        return tuple(self._texts)

    def _place(self, things: dict[str, Any], pool: str) -> None:
        """Go over to these objects by UUID; what is known of one stays, if its labels do."""
        labels_of = self._table.labels
        pairs = [labels_of(thing, pool) for thing in things.values()]
        kept = [
            before if before is not None and self._pairs[before] == those else None
            for before, those in zip(map(self._places.get, things), pairs, strict=True)
        ]
        self._labels = [None if before is None else self._labels[before] for before in kept]
        self._things, self._pairs = list(things.values()), pairs
        self._places = {uuid: place for place, uuid in enumerate(things)}
        for column in self._columns:
            column.place(kept)

    def _update(self, places: Collection[int], rows: Iterable[int]) -> set[int]:
        """Bring the lines of some objects up to date; gives the rows that have others now."""
        return {row for row in rows if self._has_changed(self._columns[row], places)}

    def _has_changed(self, column: _Column, places: Iterable[int]) -> bool:
        things, read, metric = self._things, column.read, column.metric
        changed = [
            (place, found)
            for place in places
            if (found := metric.read(things[place])) != read[place]
        ]
        for place, found in changed:
            labels = self._labels[place]
            if labels is None:
                labels = self._labels[place] = Labels(self._pairs[place])
            column.lines[place] = "".join(
                [
                    f"{metric.name}{one.text} {number(value)}\n"
                    for one, value in metric.write(labels, found)
                ]
            )
            read[place] = found
        return bool(changed)

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

_Row = tuple[int, Metric[Any]]
"""A metric and its position in the table."""


class _Known:
    """An object's labels and, by row, what was read of it and the lines that this made."""

    __slots__ = ("_labels", "lines", "pairs", "read", "thing")

    def __init__(self, pairs: tuple[Pair, ...], rows: int) -> None:
        self.thing: Any = None
        self.pairs = pairs
        self._labels: Labels | None = None
        self.read: list[Any] = [_NOTHING] * rows
        self.lines = [""] * rows

    def update(self, rows: Iterable[_Row], *, keep_labels: bool) -> list[int]:
        """Make the lines of those rows anew that read something else; gives their positions."""
        thing, known = self.thing, self.read
        updated: list[int] = []
        for position, metric in rows:
            found = metric.read(thing)
            if found != known[position]:
                updated.append(position)
                known[position] = found
                if self._labels is None:
                    self._labels = Labels(self.pairs)
                self.lines[position] = "".join(
                    [
                        f"{metric.name}{labels.text} {number(value)}\n"
                        for labels, value in metric.write(self._labels, found)
                    ]
                )
        if not keep_labels:  # they are larger than what they are made of
            self._labels = None
        return updated


class TableLines:
    """The lines of one table; `most` is how many series a family may have.

    `dropped` says of how many more there was no room, by the family's name.
    """

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
            self._update(self._known.values(), self._rows)
            stale = set(range(len(self._rows)))
        else:
            dirty = [known for uuid in changed if (known := self._known.get(uuid))]
            stale = self._update(dirty, self._from_records)
            if self._measured:
                stale |= self._update(self._known.values(), self._measured)
        for position in stale:
            parts = [known.lines[position] for known in self._known.values()]
            name = self.families[position].name
            self._texts[position] = joined(parts, self._most, name, self.dropped)
        return tuple(self._texts)

    def _update(self, some: Iterable[_Known], rows: Sequence[_Row]) -> set[int]:
        """Bring the lines of some objects up to date; gives the rows that have others now."""
        keep_labels = bool(self._measured)
        return {
            position for known in some for position in known.update(rows, keep_labels=keep_labels)
        }

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

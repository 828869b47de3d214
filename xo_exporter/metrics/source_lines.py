"""The lines of a table of data sources: all new at each reading, but for their beginnings."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from xo_exporter.exposition import Labels, number
from xo_exporter.metrics.family_text import joined
from xo_exporter.metrics.source import SourceTable, Taken
from xo_exporter.metrics.table import Pair
from xo_exporter.rrd.values import Sources

_MOST_TAKEN: Final = 4096
"""Sources whose rows are remembered; beyond that hosts make them up."""


class _Planned:
    """An object's series of data sources, for as long as its labels and what follows stay."""

    __slots__ = ("correction", "pairs", "plan", "sources", "thing")

    def __init__(self, thing: Any, pairs: tuple[Pair, ...]) -> None:
        self.thing = thing
        self.pairs = pairs
        self.sources: Sources | None = None
        self.correction = 1.0
        # The place of the value, the lines of the row, what stands before the number, the factor.
        self.plan: list[tuple[int, int, str, float]] = []


class SourceLines:
    """The lines of one table; `most` and `dropped` are as those of `TableLines`."""

    def __init__(self, table: SourceTable[Any], most: float) -> None:
        self._table = table
        self._most = most
        self.dropped: dict[str, int] = {}
        self._pool: str | None = None
        self._planned: list[_Planned] = []
        self._taken: dict[int, tuple[Sources, list[Taken]]] = {}  # by the identity of the sources
        self.families = tuple(table.describe())

    def of(
        self, objects: Sequence[Any], pool: str, changed: Collection[str] | None
    ) -> Sequence[bytes]:
        """The lines of each row, all objects together; as `PoolLines.of`."""
        values_of, correction_of = self._table.values, self._table.correction
        if changed is None or pool != self._pool:
            self._pool = pool
            labels_of = self._table.labels
            self._planned = [_Planned(thing, labels_of(thing, pool)) for thing in objects]
            live = {id(values_of(thing).sources) for thing in objects}
            self._taken = {key: taken for key, taken in self._taken.items() if key in live}
        rows: list[list[str]] = [[] for _ in self.families]
        for planned in self._planned:
            values = values_of(planned.thing)
            correction = correction_of(planned.thing)
            if values.sources is not planned.sources or correction != planned.correction:
                planned.sources, planned.correction = values.sources, correction
                planned.plan = self._plan(planned, values.sources)
            numbers = values.numbers
            for place, row, beginning, factor in planned.plan:
                known = numbers[place]
                if known is not None:
                    rows[row].append(f"{beginning}{number(known * factor)}\n")
        return [
            joined(
                lines if len(lines) <= self._most else self._by_object(row),
                self._most,
                self.families[row].name,
                self.dropped,
            )
            for row, lines in enumerate(rows)
        ]

    def _by_object(self, wanted: int) -> list[str]:
        """The lines of a row, those of an object together, so that none is cut in two."""
        found = []
        for planned in self._planned:
            numbers = self._table.values(planned.thing).numbers
            of_row = (
                f"{beginning}{number(known * factor)}\n"
                for place, row, beginning, factor in planned.plan
                if row == wanted and (known := numbers[place]) is not None
            )
            found.append("".join(of_row))
        return found

    def _plan(self, planned: _Planned, sources: Sources) -> list[tuple[int, int, str, float]]:
        known = self._taken.get(id(sources))
        if known is None or known[0] is not sources:
            if len(self._taken) >= _MOST_TAKEN:
                self._taken.clear()
            known = self._taken[id(sources)] = sources, self._table.taken(sources)
        names = [family.name for family in self.families]
        return [
            (one.place, one.row, f"{names[one.row]}{one.labels.text} ", one.factor)
            for one in self._table.series(planned.thing, Labels(planned.pairs), known[1])
        ]

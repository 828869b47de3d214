"""What a table of data sources is: a kind of object, and for each source of its RRDs a metric.

A row says which sources it takes by a pattern, and by what a value is multiplied to be in base
units. A source that no row takes is not exported.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from xo_exporter.exposition import Family, FamilyType, Labels
from xo_exporter.metrics.table import Pair
from xo_exporter.model.objects import PoolModel
from xo_exporter.rrd.values import Sources, Values

T = TypeVar("T")

Match = re.Match[str]


def _no_labels(_thing: object, _match: Match) -> tuple[str | None, ...] | None:
    return ()


def _times_one(_thing: object) -> float:
    return 1.0


@dataclass(frozen=True)
class Source(Generic[T]):
    """A row: the sources whose whole name matches `pattern`, in `factor` base units each.

    `label_values` gives the values of `labels` for an object and a match, or None where the
    source is to be left out. `absolute` says that the source is of the type ABSOLUTE, whose values
    some builds get wrong: the table's `correction` is a further factor. `since` says which xapi
    first has the source, where not all do.
    """

    name: str
    help: str
    pattern: str
    factor: float = 1.0
    labels: tuple[str, ...] = ()
    label_values: Callable[[T, Match], tuple[str | None, ...] | None] = _no_labels
    absolute: bool = False
    since: str = ""
    type: FamilyType = field(default="gauge", init=False)


class Series(NamedTuple):
    """What a source of an object becomes: its place among the values, the row, and the labels."""

    place: int
    row: int
    labels: Labels
    factor: float


Taken = tuple[int, int, Match]
"""A source that a row takes: its place among the sources, the row, and how the pattern matched."""


@dataclass(frozen=True)
class SourceTable(Generic[T]):
    """Rows for the data sources of one kind of object; `values` gives these.

    `correction` gives by what the values of ABSOLUTE sources are to be multiplied, of the host
    whose RRDs these are: another one at the next reading, while a VM moves.
    The other fields are as those of `Table`.
    """

    collector: str
    label_names: tuple[str, ...]
    labels: Callable[[T, str], tuple[Pair, ...]]
    metrics: tuple[Source[T], ...]
    objects: Callable[[PoolModel], Sequence[T]]
    values: Callable[[T], Values]
    correction: Callable[[T], float] = _times_one
    part: str = ""
    default: bool = True
    stable: bool = True
    role: str = field(default="read-only", init=False)
    needs_rrds: bool = field(default=True, init=False)
    _rows: dict[str, tuple[tuple[int, Match], ...]] = field(default_factory=dict, init=False)

    def rows_of(self, source: str) -> tuple[tuple[int, Match], ...]:
        """The rows that take a source."""
        found = self._rows.get(source)
        if found is None:
            if len(self._rows) >= _MOST_NAMES:
                self._rows.clear()
            matches = (re.fullmatch(metric.pattern, source) for metric in self.metrics)
            found = tuple((row, match) for row, match in enumerate(matches) if match)
            self._rows[source] = found
        return found

    def taken(self, sources: Sources) -> list[Taken]:
        """The places of the sources that rows take; it holds for as long as the names do."""
        return [
            (place, row, match)
            for place, source in enumerate(sources.names)
            for row, match in self.rows_of(source)
        ]

    def series(self, thing: T, labels: Labels, taken: Sequence[Taken]) -> list[Series]:
        """The series of an object that has these labels, each once."""
        correction = self.correction(thing)
        found: dict[tuple[int, str], Series] = {}
        # Many sources have the same labels: all of a disk, for one.
        made: dict[tuple[tuple[str, ...], tuple[str | None, ...]], Labels] = {}
        for place, row, match in taken:
            metric = self.metrics[row]
            texts = metric.label_values(thing, match)
            if texts is not None:
                own = labels
                if metric.labels:
                    key = metric.labels, texts
                    if key not in made:
                        made[key] = labels.also(*zip(metric.labels, texts, strict=True))
                    own = made[key]
                factor = metric.factor * (correction if metric.absolute else 1.0)
                found.setdefault((row, own.text), Series(place, row, own, factor))
        return list(found.values())

    def describe(self) -> list[Family]:
        """One family a row, in their order, without samples."""
        return [Family(metric.name, metric.help) for metric in self.metrics]


_MOST_NAMES = 20_000
"""Names of sources that are remembered; beyond that hosts make them up."""

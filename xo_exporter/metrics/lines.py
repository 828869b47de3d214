"""The lines of all of a pool's samples, made anew only where something has changed.

From one scrape to the next most of a pool stays as it is. A family that would have too many
series ends after the objects that there is room for, in the order of UUID: so they are the same
ones from scrape to scrape.
"""

import math

from xo_exporter.exposition import Family
from xo_exporter.metrics.selection import EXPORTER, Selection
from xo_exporter.metrics.shown import Shown
from xo_exporter.metrics.source import SourceTable
from xo_exporter.metrics.source_lines import SourceLines
from xo_exporter.metrics.table_lines import TableLines
from xo_exporter.metrics.tables import AnyTable
from xo_exporter.model.kept import Changes
from xo_exporter.model.objects import PoolModel


class PoolLines:
    """The lines of all of one pool's objects, remembered from scrape to scrape.

    One model after the other: not for two threads at once.
    """

    def __init__(self, selection: Selection) -> None:
        choice = selection.choice
        self._shown = Shown(choice.vms)
        self._label: str | None = None
        self._tables: list[tuple[AnyTable, TableLines | SourceLines]] = []
        for table in selection.objects:
            most = math.inf if table.collector == EXPORTER else choice.max_series
            lines: TableLines | SourceLines
            if isinstance(table, SourceTable):
                lines = SourceLines(table, most)
            else:
                lines = TableLines(table, most)
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

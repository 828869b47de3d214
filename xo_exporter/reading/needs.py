"""What is to be read of a pool."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from xo_exporter.metrics.selection import Selection
from xo_exporter.model.parts import classes
from xo_exporter.xapi.batch import Decoders, decoders
from xo_exporter.xapi.records import BASE, CLASSES, with_labels


@dataclass(frozen=True)
class Needs:
    """The classes of records, what of their maps an operator wants as labels, and what else.

    Two that are equal are answered by the same reading.
    """

    classes: tuple[str, ...] = BASE
    labels: Mapping[str, Any] = field(default_factory=dict)
    with_rrds: bool = True
    plugins: frozenset[str] = frozenset()

    @classmethod
    def of(cls, selection: Selection) -> "Needs":
        """What a selection needs."""
        return cls(
            classes(selection.parts, with_guests=selection.need_guests),
            selection.choice.labels,
            selection.need_rrds,
            selection.plugins,
        )

    @cached_property
    def decoders(self) -> Decoders:
        """What records are decoded by."""
        return decoders(with_labels(CLASSES, self.labels))

"""A scrape of several pools that is done, and its exposition."""

import asyncio
from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from xo_exporter.collector.body import Bodies, Form, compress
from xo_exporter.collector.pool import Outcome
from xo_exporter.exposition import Exposition, Family
from xo_exporter.metrics import exporter
from xo_exporter.metrics.selection import Selection
from xo_exporter.model.objects import XO, PoolModel
from xo_exporter.model.totals import total

_PROCESS: Final = CollectorRegistry()
ProcessCollector(registry=_PROCESS)
PlatformCollector(registry=_PROCESS)


def _process_families() -> list[Family]:
    return [Family.of(metric) for metric in _PROCESS.collect()]


class Scrape:
    """A scrape that is done: its outcomes, and the exposition.

    at_work: bounds how many bodies are rendered at a time.
    """

    def __init__(
        self,
        outcomes: Sequence[Outcome],
        selection: Selection,
        at_work: asyncio.Semaphore,
    ) -> None:
        self.outcomes = tuple(outcomes)
        self._selection = selection
        self._bodies = Bodies(at_work)

    @property
    def models(self) -> list[PoolModel]:
        """The pools that could be read."""
        return [outcome.model for outcome in self.outcomes if outcome.model is not None]

    @property
    def xo(self) -> XO:
        """The totals over them."""
        return total([outcome.built.totals for outcome in self.outcomes if outcome.built])

    @property
    def complete(self) -> bool:
        """Whether every pool was read in full."""
        return not any(outcome.failures for outcome in self.outcomes)

    def exposition(self, *, process: bool = False) -> Exposition:
        """All families; with `process` those about this process, too."""
        result = Exposition()
        result.add_all(exporter.BUILD_TABLE.families([None], ""))
        for outcome in self.outcomes:
            result.add_all(exporter.POOL_TABLE.families([outcome.status], outcome.label))
        for table in self._selection.arrivals:
            for outcome in self.outcomes:
                result.add_all(table.families([outcome.arrived], outcome.label))
        result.add_all(self._selection.xo.families([self.xo], ""))
        result.add_all(self._selection.described())
        for outcome in self.outcomes:
            for family, sample_lines in outcome.built.families if outcome.built else ():
                result.add(family, sample_lines)
        if process:
            result.add_all(_process_families())
        return result

    def body(self, form: Form) -> "asyncio.Task[bytes]":
        """The exposition as the body of an answer; see `Bodies.body`."""
        return self._bodies.body(form, self._render)

    def _render(self, form: Form) -> bytes:
        exposition = self.exposition(process=form.process)
        parts = exposition.parts(openmetrics=form.openmetrics)
        return compress(parts) if form.compressed else b"".join(parts)

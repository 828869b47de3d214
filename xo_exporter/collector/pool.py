"""One pool, scraped: what its readings become, and what is remembered of it.

A pool's lines are made once for a reading and serve every scrape that shares it, in either
format, on `/metrics` and `/probe`.
"""

import asyncio
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from xo_exporter.collector.arrivals import Arrivals
from xo_exporter.collector.seen import Seen, SeenHost, counted, hosts_of
from xo_exporter.collector.told import ToldFaults
from xo_exporter.errors import BadAnswer, DuplicatePool, drop_frames
from xo_exporter.exposition import Family
from xo_exporter.metrics.arrivals import Arrived, cut
from xo_exporter.metrics.exporter import STAGES, PoolStatus, Stage
from xo_exporter.metrics.lines import PoolLines
from xo_exporter.metrics.selection import Selection
from xo_exporter.model.kept import KeptModel
from xo_exporter.model.objects import XO, PoolModel
from xo_exporter.model.totals import totals_of
from xo_exporter.pool_labels import Identity
from xo_exporter.reading import Failure, PoolReader, Reading

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Built:
    """What was made of a reading: each family with its samples' lines, the totals, the counts.

    `dropped` is how many series there was no room for, by family.

    The model itself is kept for the next reading, which changes it: only where no other reading
    follows may it be looked at.
    """

    model: PoolModel
    families: tuple[tuple[Family, bytes], ...]
    totals: XO
    counts: Mapping[str, int]
    hosts: tuple[SeenHost, ...]
    dropped: Mapping[str, int]
    durations: Mapping[Stage, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scrape of one pool ended; `built` is None when its objects could not be read."""

    name: str
    label: str
    built: Built | None
    failures: tuple[Failure, ...]
    status: PoolStatus
    arrived: Arrived

    @property
    def model(self) -> PoolModel | None:
        """The pool's objects."""
        return self.built.model if self.built else None


class PoolScraper:
    """One pool and what is remembered of it between scrapes."""

    def __init__(self, reader: PoolReader, selection: Selection) -> None:
        self.reader = reader
        self.errors: dict[Stage, int] = dict.fromkeys(STAGES, 0)
        self.last: Seen | None = None
        self.last_error: tuple[float, Failure] | None = None  # and when, in Unix time
        self._selection = selection
        self._workshop = _Workshop(selection)
        self._built: tuple[Reading, str, asyncio.Task[Built]] | None = None
        self.told = ToldFaults(reader.config.key)
        self.arrivals = Arrivals()

    def inherit(self, before: "PoolScraper") -> None:
        """Go on where the scraper of the same pool left off, which may have the same reader."""
        self.errors = before.errors
        self.last, self.last_error = before.last, before.last_error
        self.arrivals = before.arrivals
        self.told = before.told
        if self.reader is not before.reader:
            self.reader.inherit(before.reader)

    @property
    def name(self) -> str:
        """The pool's NAME."""
        return self.reader.config.key

    @property
    def identity(self) -> Identity:
        """What the pool is known as."""
        config = self.reader.config
        return Identity(config.key, config.name, self.reader.uuid, self.reader.name)

    @property
    def series(self) -> Mapping[str, int]:
        """How many series each family had when the pool was last built; nothing before that."""
        task = self._built[2] if self._built else None
        if task is None or not task.done() or task.cancelled() or task.exception():
            return {}
        return {family.name: text.count(b"\n") for family, text in task.result().families}

    def prepare(self, reading: Reading, label: str) -> None:
        """Begin to build what `outcome` will need, while other pools still answer."""
        if reading.records is not None:
            self._build(reading, label)

    def is_prepared(self, reading: Reading) -> bool:
        """Whether `prepare` was called with this reading last, or has nothing to do."""
        return reading.records is None or (self._built is not None and self._built[0] is reading)

    async def outcome(self, reading: Reading, label: str, twin: str | None) -> Outcome:
        """What comes of a reading; `twin` is the NAME of the entry that this pool is already."""
        failures = list(reading.failures)
        built: Built | None = None
        if twin is not None:
            hint = "take one of the two out of the configuration"
            error = DuplicatePool(f"this is the pool that the entry {twin} is already", hint=hint)
            failures = [Failure("objects", error)]
        elif reading.records is not None:
            try:
                built = await asyncio.shield(self._build(reading, label))
            except Exception as error:
                log.exception("the model can't be built", pool=self.name)
                failures.append(Failure("build", BadAnswer(f"unexpected: {type(error).__name__}")))
        _drop_frames(failures)
        self._count(reading, failures)
        self.told.tell(failures, sum(reading.durations.values()))
        arrived, dropped = self._arrived() if twin is None else (Arrived(), {})
        status = PoolStatus(
            up=built is not None,
            durations={**reading.durations, **(built.durations if built else {})},
            errors=dict(self.errors),
            logins=self.reader.logins,
            resyncs=self.reader.resyncs,
            messages_up=self.reader.messages_up if built else None,
            dropped={**built.dropped, **dropped} if built else dropped,
        )
        outcome = Outcome(self.name, label, built, tuple(failures), status, arrived)
        self._remember(outcome.failures, up=status.up, durations=status.durations, built=built)
        return outcome

    def _arrived(self) -> tuple[Arrived, dict[str, int]]:
        arrived, dropped = cut(self.arrivals.arrived, self._selection.choice.max_series)
        rows = {row.name for table in self._selection.arrivals for row in table.metrics}
        return arrived, {name: lost for name, lost in dropped.items() if name in rows}

    def note(self, reading: Reading) -> None:
        """Take in how the start's own reading went, which asks for no more than the name."""
        _drop_frames(reading.failures)
        self._count(reading, reading.failures)
        self.told.tell(reading.failures, sum(reading.durations.values()))
        if self.last is None:
            up = False if reading.failures else None
            self._remember(reading.failures, up=up, durations=reading.durations, built=None)

    def _remember(
        self,
        failures: Sequence[Failure],
        *,
        up: bool | None,
        durations: Mapping[Stage, float],
        built: Built | None,
    ) -> None:
        now = time.time()
        objects, hosts = (built.counts, built.hosts) if built else ({}, ())
        self.last = Seen(now, up, tuple(failures), durations, objects, hosts)
        if failures:
            self.last_error = now, failures[0]

    def _count(self, reading: Reading, failures: Sequence[Failure]) -> None:
        if not reading.counted:
            reading.counted = True
            if reading.records is not None:
                self.arrivals.note(reading.records)
            for failure in failures:
                self.errors[failure.stage] += 1

    def _build(self, reading: Reading, label: str) -> "asyncio.Task[Built]":
        if self._built is not None:
            of_reading, with_label, task = self._built
            if with_label == label and _alike(of_reading, reading):
                return task
        # In a thread, so that the event loop answers others meanwhile.
        work = asyncio.to_thread(self._workshop.built, reading, label)
        task = asyncio.create_task(work)
        self._built = reading, label, task
        return task

    async def close(self) -> None:
        """Log out and forget what was read."""
        self._forget()
        await self.reader.close()

    def _forget(self) -> None:
        self._built = None
        self._workshop = _Workshop(self._selection)
        self.arrivals.let_go()

    async def close_if_idle(self) -> None:
        """As `close`, when nobody has asked for long."""
        await self.reader.close_if_idle()
        if self._built is not None and not self.reader.is_connected:
            self._forget()


def _alike(one: Reading, other: Reading) -> bool:
    """Whether the same comes of two readings; they may differ in how long they took."""
    if one is other:
        return True
    return (
        one.records is other.records
        and one.plugins == other.plugins
        and one.rrds.keys() == other.rrds.keys()
        and all(rrd is other.rrds[ref] for ref, rrd in one.rrds.items())
    )


def _drop_frames(failures: Iterable[Failure]) -> None:
    """Of what is remembered of errors: all records would stay alive."""
    for failure in failures:
        drop_frames(failure.error)


class _Workshop:
    """Where a reading becomes text; what is kept of it serves the next one.

    Of two threads that ask at once one waits for the other.
    """

    def __init__(self, selection: Selection) -> None:
        self._parts = selection.parts
        self._model = KeptModel(self._parts)
        self._lines = PoolLines(selection)
        self._lock = threading.Lock()

    def built(self, reading: Reading, label: str) -> Built:
        with self._lock:
            try:
                return self._built(reading, label)
            except BaseException:
                self._model = KeptModel(
                    self._parts
                )  # halfway through: the next reading is built anew
                raise

    def _built(self, reading: Reading, label: str) -> Built:
        assert reading.records is not None  # noqa: S101  the caller has looked
        started = time.perf_counter()
        model, changes = self._model.update(reading.records, reading.rrds, reading.plugins)
        built = time.perf_counter()
        families = self._lines.of(model, label, changes)
        rendered = time.perf_counter()
        durations: dict[Stage, float] = {"build": built - started, "render": rendered - built}
        return Built(
            model,
            families,
            totals_of(model),
            counted(model),
            hosts_of(model),
            self._lines.dropped,
            durations,
        )

"""All pools, scraped: read, build, translate, and the lines of the exposition.

Each pool's lines are made once for a reading and serve every scrape that shares it, in either
format, on `/metrics` and `/probe`.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from xo_exporter.config import Config
from xo_exporter.errors import BadAnswer, DuplicatePool
from xo_exporter.exposition import Exposition, Family, lines
from xo_exporter.metrics import exporter, tables, xo
from xo_exporter.metrics.exporter import STAGES, PoolStatus, Stage
from xo_exporter.model.build import build
from xo_exporter.model.objects import XO, PoolModel
from xo_exporter.model.totals import total
from xo_exporter.pool_labels import Identity, PoolLabels, duplicates
from xo_exporter.reading import Depth, Failure, PoolReader, Reading

log = structlog.get_logger()

_IDLE_CHECK: Final = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Built:
    """What was made of a reading: the model, and each family with its samples' lines."""

    model: PoolModel
    families: tuple[tuple[Family, str], ...]
    durations: Mapping[Stage, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scrape of one pool ended; `built` is None when its objects could not be read."""

    name: str
    label: str
    finished: float  # time.time()
    built: Built | None
    failures: tuple[Failure, ...]
    status: PoolStatus

    @property
    def model(self) -> PoolModel | None:
        """The pool's objects."""
        return self.built.model if self.built else None


class PoolScraper:
    """One pool and what is remembered of it between scrapes."""

    def __init__(self, reader: PoolReader, collectors: Mapping[str, bool]) -> None:
        self.reader = reader
        self.errors: dict[Stage, int] = dict.fromkeys(STAGES, 0)
        self.last: Outcome | None = None
        self._collectors = collectors
        self._built: tuple[Reading, str, asyncio.Task[Built]] | None = None
        self._logged: dict[tuple[Stage, str], str] = {}

    @property
    def name(self) -> str:
        """The pool's NAME."""
        return self.reader.config.key

    @property
    def identity(self) -> Identity:
        """What the pool is known as."""
        config = self.reader.config
        return Identity(config.key, config.name, self.reader.uuid, self.reader.name)

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
                failures.append(Failure("build", BadAnswer(f"unexpected: {error!r}")))
        self._count(reading, failures)
        self._log(failures)
        status = PoolStatus(
            up=built is not None,
            durations={**reading.durations, **(built.durations if built else {})},
            errors=dict(self.errors),
            logins=self.reader.logins,
            resyncs=self.reader.resyncs,
        )
        self.last = Outcome(self.name, label, time.time(), built, tuple(failures), status)
        return self.last

    def note(self, reading: Reading) -> None:
        """Count and log what a reading could not do, once, whoever shares it."""
        self._count(reading, reading.failures)
        self._log(reading.failures)

    def _count(self, reading: Reading, failures: Sequence[Failure]) -> None:
        if not reading.counted:
            reading.counted = True
            for failure in failures:
                self.errors[failure.stage] += 1

    def _build(self, reading: Reading, label: str) -> "asyncio.Task[Built]":
        if self._built is not None:
            of_reading, with_label, task = self._built
            if of_reading is reading and with_label == label:
                return task
        # In a thread, so that the event loop answers others meanwhile.
        work = asyncio.to_thread(_build, reading, label, self._collectors)
        task = asyncio.create_task(work)
        self._built = reading, label, task
        return task

    def _log(self, failures: Sequence[Failure]) -> None:
        """One line for a fault when it comes, when it changes, and when it is gone."""
        now = {(failure.stage, failure.host): failure for failure in failures}
        for key, failure in now.items():
            if self._logged.get(key) != str(failure.error):
                where = {"host": failure.host} if failure.host else {}
                what = "a host's RRDs can't be read" if failure.host else "the pool can't be read"
                log.warning(
                    what, pool=self.name, stage=failure.stage, error=str(failure.error), **where
                )
        for stage, host in self._logged.keys() - now.keys():
            where = {"host": host} if host else {}
            log.info("readable again", pool=self.name, stage=stage, **where)
        self._logged = {key: str(failure.error) for key, failure in now.items()}

    async def close(self) -> None:
        """Log out and forget what was read."""
        self._built = None
        await self.reader.close()

    async def close_if_idle(self) -> None:
        """As `close`, when nobody has asked for long."""
        await self.reader.close_if_idle()
        if not self.reader.is_connected:
            self._built = None


def _build(reading: Reading, label: str, collectors: Mapping[str, bool]) -> Built:
    assert reading.records is not None  # noqa: S101  the caller has looked
    started = time.perf_counter()
    model = build(reading.records, reading.rrds)
    built = time.perf_counter()
    families = tuple(
        (family, lines(family)) for family in tables.pool_families(model, label, collectors)
    )
    rendered = time.perf_counter()
    return Built(model, families, {"build": built - started, "render": rendered - built})


class Scrape:
    """A scrape that is done: its outcomes, and the exposition."""

    def __init__(self, outcomes: Sequence[Outcome], collectors: Mapping[str, bool]) -> None:
        self.outcomes = tuple(outcomes)
        self._collectors = collectors

    @property
    def models(self) -> list[PoolModel]:
        """The pools that could be read."""
        return [outcome.model for outcome in self.outcomes if outcome.model is not None]

    @property
    def xo(self) -> XO:
        """The totals over them."""
        return total(self.models)

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
        if tables.is_on(xo.TABLE, self._collectors):
            result.add_all(xo.TABLE.families([self.xo], ""))
        result.add_all(tables.described_objects(self._collectors))
        for outcome in self.outcomes:
            for family, sample_lines in outcome.built.families if outcome.built else ():
                result.add(family, sample_lines)
        if process:
            result.add_all(_process_families())
        return result


_PROCESS: Final = CollectorRegistry()
ProcessCollector(registry=_PROCESS)
PlatformCollector(registry=_PROCESS)


def _process_families() -> list[Family]:
    return [Family.of(metric) for metric in _PROCESS.collect()]


class Collector:
    """All pools of a configuration."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.pools = {
            pool.key: PoolScraper(PoolReader(pool), config.collectors) for pool in config.pools
        }
        self._labels = PoolLabels()
        self._tried: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_ready(self) -> bool:
        """Whether each pool was tried once."""
        return self._tried >= self.pools.keys()

    @property
    def overhead(self) -> float:
        """Seconds that building and rendering took at the last scrape of each pool."""
        durations = [pool.last.status.durations for pool in self.pools.values() if pool.last]
        return sum(spent.get("build", 0.0) + spent.get("render", 0.0) for spent in durations)

    @property
    def labels(self) -> dict[str, str]:
        """The value of the label `pool` by NAME, as of now."""
        return self._labels.labels(self._identities())

    def _identities(self) -> list[Identity]:
        return [pool.identity for pool in self.pools.values()]

    def start(self) -> None:
        """Try each pool once, beside everything else, and let go of idle ones from now on."""
        self._tasks = [asyncio.create_task(self._greet(pool)) for pool in self.pools.values()]
        self._tasks.append(asyncio.create_task(self._watch_idle()))

    async def _greet(self, pool: PoolScraper) -> None:
        reading = await pool.reader.read(time.monotonic() + pool.reader.config.timeout, Depth.NAME)
        pool.note(reading)
        self._tried.add(pool.name)

    async def _watch_idle(self) -> None:
        while True:
            await asyncio.sleep(_IDLE_CHECK)
            for pool in self.pools.values():
                await pool.close_if_idle()

    async def scrape(
        self, names: Sequence[str] | None = None, seconds: float | None = None
    ) -> Scrape:
        """Scrape the pools of these NAMEs, or all, within so many seconds.

        Without a number each pool's own `timeout` holds. A pool that can't be read is an outcome
        with failures, never an exception.
        """
        pools = [self.pools[name] for name in (self.pools if names is None else names)]
        now = time.monotonic()
        readings = await asyncio.gather(
            *(
                pool.reader.read(now + (pool.reader.config.timeout if seconds is None else seconds))
                for pool in pools
            )
        )
        labels, twins = self.labels, duplicates(self._identities())
        outcomes = await asyncio.gather(
            *(
                pool.outcome(reading, labels[pool.name], twins.get(pool.name))
                for pool, reading in zip(pools, readings, strict=True)
            )
        )
        self._tried.update(pool.name for pool in pools)
        return Scrape(outcomes, self.config.collectors)

    async def close(self) -> None:
        """Log out of every pool."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(pool.close() for pool in self.pools.values()))

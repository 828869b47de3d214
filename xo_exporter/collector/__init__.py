"""All pools, scraped: read, build, translate, and the lines of the exposition."""

import asyncio
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from xo_exporter.collector.body import AT_WORK, Form
from xo_exporter.collector.pool import Outcome, PoolScraper
from xo_exporter.collector.scrape import Scrape
from xo_exporter.collector.seen import Seen, SeenHost
from xo_exporter.config import Config
from xo_exporter.metrics.selection import Selection
from xo_exporter.pool_labels import Identity, PoolLabels
from xo_exporter.reading import Depth, Needs, PoolReader, Reading

__all__ = [
    "IDLE_CHECK",
    "Collector",
    "Form",
    "Outcome",
    "PoolScraper",
    "Scrape",
    "Seen",
    "SeenHost",
]

IDLE_CHECK: Final = 30.0  # seconds


class _Part(NamedTuple):
    """What a scrape has of one pool: the reading, the label, and the entry that it is already."""

    reading: Reading
    label: str
    twin: str | None


class Collector:
    """All pools of a configuration."""

    def __init__(self, config: Config) -> None:
        self._labels = PoolLabels()
        self._at_work = asyncio.Semaphore(AT_WORK)
        self._last: dict[tuple[str, ...], tuple[list[_Part], asyncio.Task[Scrape]]] = {}
        self._tried: set[str] = set()
        self._greetings: set[asyncio.Task[None]] = set()
        self._leaving: set[asyncio.Task[None]] = set()  # pools that are configured no more
        self._watch: asyncio.Task[None] | None = None
        self._take(config, {})

    def _take(self, config: Config, before: Mapping[str, PoolScraper]) -> None:
        self.config = config
        self._selection = selection = Selection(config.collectors, config.choice)
        needs = Needs.of(selection)
        self.pools: dict[str, PoolScraper] = {}
        for pool in config.pools:
            known = before.get(pool.key)
            is_same = known and known.reader.config == pool and known.reader.needs == needs
            reader = known.reader if known and is_same else PoolReader(pool, needs)
            # Of its own, since a scrape under way goes on by what was selected before.
            self.pools[pool.key] = PoolScraper(reader, selection)
            if known:
                self.pools[pool.key].inherit(known)

    def replace(self, config: Config) -> None:
        """Go by another configuration from now on.

        A pool that is configured as before, and of which the same is to be read, keeps its
        session; the others are logged out of, beside what comes next. What was counted of a
        pool that is still there is not lost.
        """
        before = self.pools
        self._take(config, before)
        self._last.clear()
        self._tried &= self.pools.keys()
        for pool in before.values():
            if not self._has_reader_of(pool):
                self._tried.discard(pool.name)
                _keep(self._leaving, _leave(pool))
        known = {pool.reader for pool in before.values()}
        for pool in self.pools.values():
            if pool.reader not in known:
                _keep(self._greetings, self._greet(pool))

    def _has_reader_of(self, pool: PoolScraper) -> bool:
        """Whether what this one reads by is still in use."""
        present = self.pools.get(pool.name)
        return present is not None and present.reader is pool.reader

    @property
    def is_ready(self) -> bool:
        """Whether each pool was tried once."""
        return self._tried >= self.pools.keys()

    @property
    def overhead(self) -> float:
        """Seconds that building and rendering took at the last scrape of each pool."""
        durations = [pool.last.durations for pool in self.pools.values() if pool.last]
        return sum(spent.get("build", 0.0) + spent.get("render", 0.0) for spent in durations)

    @property
    def labels(self) -> Mapping[str, str]:
        """The value of the label `pool` by NAME, as of now."""
        return self._labels.labels(_identities(self.pools))

    def start(self) -> None:
        """Try each pool once, beside everything else, and let go of idle ones from now on."""
        for pool in self.pools.values():
            _keep(self._greetings, self._greet(pool))
        self._watch = asyncio.create_task(self._watch_idle())

    async def _greet(self, pool: PoolScraper) -> None:
        reading = await pool.reader.read(time.monotonic() + pool.reader.config.timeout, Depth.NAME)
        pool.note(reading)
        self._note_tried([pool])

    async def _watch_idle(self) -> None:
        while True:
            await asyncio.sleep(IDLE_CHECK)
            for pool in self.pools.values():
                await pool.close_if_idle()
                if not pool.reader.is_connected:
                    self._forget(pool.name)

    def _forget(self, name: str) -> None:
        """Let go of the scrapes that a pool is part of."""
        for names in [names for names in self._last if name in names]:
            del self._last[names]

    def _forget_older(self, newest: Mapping[str, Reading]) -> None:
        """Let go of the scrapes that have an older reading of one of these pools, by NAME."""
        self._last = {
            names: (parts, scrape)
            for names, (parts, scrape) in self._last.items()
            if all(
                newest.get(name, part.reading) is part.reading
                for name, part in zip(names, parts, strict=True)
            )
        }

    async def scrape(
        self, names: Sequence[str] | None = None, seconds: float | None = None
    ) -> Scrape:
        """Scrape the pools of these NAMEs, or all, within so many seconds.

        Without a number each pool's own `timeout` holds. A pool that can't be read is an outcome
        with failures, never an exception. Scrapes with the same readings are one object. A scrape
        goes by the configuration that it began with.
        """
        everyone, selection = self.pools, self._selection
        wanted = tuple(everyone if names is None else names)
        pools = [everyone[name] for name in wanted]
        readings = await asyncio.gather(*(self._read(pool, everyone, seconds) for pool in pools))
        identities = _identities(everyone)
        labels, twins = self._labels.labels(identities), self._labels.twins(identities)
        parts = [
            _Part(reading, labels[name], twins.get(name))
            for name, reading in zip(wanted, readings, strict=True)
        ]
        last = self._last.get(wanted)
        if last is None or last[0] != parts:
            last = parts, asyncio.create_task(self._scraped(pools, parts, selection))
            if everyone is self.pools:
                self._forget_older(dict(zip(wanted, readings, strict=True)))
                self._last[wanted] = last
        # Whoever goes away does not take it from the others.
        return await asyncio.shield(last[1])

    async def _scraped(
        self, pools: Sequence[PoolScraper], parts: Sequence[_Part], selection: Selection
    ) -> Scrape:
        outcomes = await asyncio.gather(
            *(pool.outcome(*part) for pool, part in zip(pools, parts, strict=True))
        )
        self._note_tried(pools)
        return Scrape(outcomes, selection, self._at_work)

    def _note_tried(self, pools: Iterable[PoolScraper]) -> None:
        """These were tried; one that another took the place of meanwhile says nothing of it."""
        self._tried.update(pool.name for pool in pools if self._has_reader_of(pool))

    async def _read(
        self, pool: PoolScraper, everyone: Mapping[str, PoolScraper], seconds: float | None
    ) -> Reading:
        timeout = pool.reader.config.timeout if seconds is None else seconds
        reading = await pool.reader.read(time.monotonic() + timeout)
        if pool.is_prepared(reading):
            return reading
        identities = _identities(everyone)
        if pool.name not in self._labels.twins(identities):
            pool.prepare(reading, self._labels.labels(identities)[pool.name])
        return reading

    async def close(self) -> None:
        """Log out of every pool."""
        if self._watch is not None:
            self._watch.cancel()
        await asyncio.gather(*(pool.close() for pool in self.pools.values()))
        watch = [] if self._watch is None else [self._watch]
        scrapes = [scrape for _, scrape in self._last.values()]
        self._last.clear()
        ending = [*self._greetings, *self._leaving, *watch, *scrapes]
        await asyncio.gather(*ending, return_exceptions=True)


def _identities(pools: Mapping[str, PoolScraper]) -> list[Identity]:
    return [pool.identity for pool in pools.values()]


async def _leave(pool: PoolScraper) -> None:
    """Let who still waits for it have its answer, then log out."""
    await pool.reader.come_to_rest()
    await pool.close()


def _keep(tasks: set[asyncio.Task[None]], work: Coroutine[None, None, None]) -> None:
    """Start something, and hold on to it until it is done."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)

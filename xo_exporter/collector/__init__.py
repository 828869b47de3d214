"""All pools, scraped: read, build, translate, and the lines of the exposition."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from xo_exporter.collector.body import AT_WORK, Form
from xo_exporter.collector.pool import Outcome, PoolScraper
from xo_exporter.collector.scrape import Scrape
from xo_exporter.collector.seen import Seen, SeenHost
from xo_exporter.config import Config
from xo_exporter.metrics.selection import Selection
from xo_exporter.model.parts import classes
from xo_exporter.pool_labels import Identity, PoolLabels
from xo_exporter.reading import Depth, PoolReader, Reading
from xo_exporter.xapi.batch import decoders
from xo_exporter.xapi.records import CLASSES, with_labels

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
        self.config = config
        self._selection = Selection(config.collectors, config.choice)
        records = decoders(with_labels(CLASSES, config.choice.labels))
        self.pools = {
            pool.key: PoolScraper(
                PoolReader(
                    pool,
                    classes=classes(self._selection.parts),
                    decoders=records,
                    with_rrds=self._selection.need_rrds,
                    plugins=self._selection.plugins,
                ),
                self._selection,
            )
            for pool in config.pools
        }
        self._labels = PoolLabels()
        self._at_work = asyncio.Semaphore(AT_WORK)
        self._last: dict[tuple[str, ...], tuple[list[_Part], asyncio.Task[Scrape]]] = {}
        self._tried: set[str] = set()
        self._greetings: list[asyncio.Task[None]] = []
        self._watch: asyncio.Task[None] | None = None

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
        return self._labels.labels(self._identities())

    def _identities(self) -> list[Identity]:
        return [pool.identity for pool in self.pools.values()]

    def start(self) -> None:
        """Try each pool once, beside everything else, and let go of idle ones from now on."""
        self._greetings = [asyncio.create_task(self._greet(pool)) for pool in self.pools.values()]
        self._watch = asyncio.create_task(self._watch_idle())

    async def _greet(self, pool: PoolScraper) -> None:
        reading = await pool.reader.read(time.monotonic() + pool.reader.config.timeout, Depth.NAME)
        pool.note(reading)
        self._tried.add(pool.name)

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

    async def scrape(
        self, names: Sequence[str] | None = None, seconds: float | None = None
    ) -> Scrape:
        """Scrape the pools of these NAMEs, or all, within so many seconds.

        Without a number each pool's own `timeout` holds. A pool that can't be read is an outcome
        with failures, never an exception. Scrapes with the same readings are one object.
        """
        wanted = tuple(self.pools if names is None else names)
        pools = [self.pools[name] for name in wanted]
        readings = await asyncio.gather(*(self._read(pool, seconds) for pool in pools))
        identities = self._identities()
        labels, twins = self._labels.labels(identities), self._labels.twins(identities)
        parts = [
            _Part(reading, labels[name], twins.get(name))
            for name, reading in zip(wanted, readings, strict=True)
        ]
        last = self._last.get(wanted)
        if last is None or last[0] != parts:
            last = self._last[wanted] = parts, asyncio.create_task(self._scraped(pools, parts))
        # Whoever goes away does not take it from the others.
        return await asyncio.shield(last[1])

    async def _scraped(self, pools: Sequence[PoolScraper], parts: Sequence[_Part]) -> Scrape:
        outcomes = await asyncio.gather(
            *(pool.outcome(*part) for pool, part in zip(pools, parts, strict=True))
        )
        self._tried.update(pool.name for pool in pools)
        return Scrape(outcomes, self._selection, self._at_work)

    async def _read(self, pool: PoolScraper, seconds: float | None) -> Reading:
        timeout = pool.reader.config.timeout if seconds is None else seconds
        reading = await pool.reader.read(time.monotonic() + timeout)
        if pool.is_prepared(reading):
            return reading
        identities = self._identities()
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
        await asyncio.gather(*self._greetings, *watch, *scrapes, return_exceptions=True)

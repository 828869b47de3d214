"""A reading under way, shared by all who wait for it, and what each of them gets."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from xo_exporter.errors import PoolError, TooLate, bounded
from xo_exporter.metrics.exporter import Stage
from xo_exporter.model.measured import Rrds
from xo_exporter.plugins.values import NO_RESULTS, PluginResults
from xo_exporter.reading.connections import Connection
from xo_exporter.rrd.values import HostRrd
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.records import Records, Ref

_ALIKE_FOR: Final = 0.1  # seconds in which those who leave early, with the same, share a reading


class Depth(IntEnum):
    """How much is read: enough for the pool's name, or all."""

    NAME = 1
    ALL = 2


@dataclass(frozen=True, slots=True)
class Failure:
    """What could not be read; `host` is the name of the host where it is one alone."""

    stage: Stage
    error: PoolError
    host: str = ""


@dataclass(slots=True, eq=False)
class Reading:
    """What a scrape gets of a pool.

    `records` is None when the objects could not be read, or only the name was asked for. `rrds`
    has an entry for each live host, None where its RRDs could not be read. Durations are in
    seconds.
    `plugins` is what the hosts' plugins have told so far.
    """

    records: Records | None
    rrds: Rrds
    failures: tuple[Failure, ...]
    durations: Mapping[Stage, float]
    plugins: PluginResults = NO_RESULTS
    counted: bool = False


class Flight:
    """A reading under way. It ends when all is read, or when nobody waits any more.

    Whoever reads puts what has come into the public fields.
    """

    def __init__(self, depth: Depth) -> None:
        self.depth = depth
        self.deadline = 0.0  # of the last who waits, by time.monotonic
        self.patience = 0.0  # seconds that the most patient of those who came has given it
        self.waiters = 0
        self.connection: Connection | None = None  # what it reads by
        self.overtaken: asyncio.Future[Flight] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None
        self.given_up = False
        self.named = asyncio.get_running_loop().create_future()  # the pool's name is known
        self.connected = asyncio.Event()  # the log-in is over
        self.stage: Stage = "login"
        self.records: Records | None = None
        self.live: list[tuple[Ref, xapi.Host]] = []
        self.rrds: dict[Ref, HostRrd] = {}
        self.failed_hosts: dict[Ref, PoolError] = {}
        self.plugins = NO_RESULTS
        self.failure: Failure | None = None
        self._durations: dict[Stage, float] = {}
        self._stage_started = time.perf_counter()
        self._progressed = time.monotonic()
        self._limits: dict[asyncio.Timeout, float] = {}
        self._final: Reading | None = None
        self._left: tuple[float, tuple[object, ...], Reading] | None = None

    @property
    def under_way(self) -> bool:
        """Whether one can still join."""
        return not self.is_over and not self.given_up

    @property
    def is_over(self) -> bool:
        """Whether nothing is done for it any more."""
        return self.task is None or self.task.done()

    @property
    def quiet_for(self) -> float:
        """Seconds since anything came."""
        latest = self.connection.reader.progressed if self.connection else 0.0
        return time.monotonic() - max(self._progressed, latest)

    def note_progress(self) -> None:
        """Something has come."""
        self._progressed = time.monotonic()

    def overtake(self, by: "Flight") -> None:
        """Let all who wait go on with another reading, where this one can't give them more."""
        if by is not self and not self.overtaken.done() and not by.overtaken.done():
            self.overtaken.set_result(by)

    def enter(self, stage: Stage) -> None:
        """Begin a stage."""
        self.leave()
        self.stage = stage
        if stage != "login":
            self.connected.set()

    def leave(self) -> None:
        """End the present stage."""
        self._durations = self._spent()
        self._stage_started = time.perf_counter()
        self.note_progress()

    def _spent(self) -> dict[Stage, float]:
        now = time.perf_counter()
        spent = self._durations.get(self.stage, 0.0) + now - self._stage_started
        return {**self._durations, self.stage: spent}

    async def wait(self, deadline: float, depth: Depth) -> Reading:
        """What has come by `deadline` (of time.monotonic); all there is to come, if it is earlier.

        For as long as somebody waits, the reading goes on: nobody takes it from another. Where
        another one overtakes it, the answer is that one's.
        """
        assert self.task is not None  # noqa: S101  set where a flight is made
        budget = max(deadline - time.monotonic(), 0.0)
        self._give_time(budget, deadline)
        awaited: set[asyncio.Future[Any]] = {self.task, self.overtaken}
        if depth == Depth.NAME:
            awaited.add(self.named)
        self.waiters += 1
        try:
            await asyncio.wait(awaited, timeout=budget, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.waiters -= 1
            if not self.waiters:
                self.give_up()
        if self.overtaken.done() and (self.given_up or not self.is_over):
            return await self.overtaken.result().wait(deadline, depth)
        return self._reading(depth)

    def give_up(self) -> None:
        """End the reading where it is; what has come stays."""
        if self.under_way and self.task is not None:
            self.given_up = True
            self.task.cancel()

    async def end(self, seconds: float) -> None:
        """Give up, but wait so long for a log-in that is under way."""
        assert self.task is not None  # noqa: S101  set where a flight is made
        if not self.connected.is_set():
            connected = asyncio.create_task(self.connected.wait())
            await asyncio.wait(
                {self.task, connected}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            connected.cancel()
        self.give_up()
        await asyncio.wait({self.task})

    def _give_time(self, budget: float, deadline: float) -> None:
        self.deadline = max(self.deadline, deadline)
        if budget > self.patience:
            self.patience = budget
            for limit, started in self._limits.items():
                if not limit.expired():
                    limit.reschedule(started + budget)

    @asynccontextmanager
    async def patiently(self, what: str) -> AsyncIterator[None]:
        """Give the block as long as the most patient who came: then TooLate with `what`.

        Scrapes that follow each other closely would keep a reading that hangs alive for ever.
        """
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self.patience) as limit:
                self._limits[limit] = started
                try:
                    yield
                finally:
                    del self._limits[limit]
        except TimeoutError as error:
            raise TooLate(what) from error

    def _reading(self, depth: Depth) -> Reading:
        """What has come so far; what has not is too late."""
        if depth == Depth.NAME and self.named.done():
            return Reading(None, {}, (), self._spent())
        done = self.task is not None and self.task.done() and not self.given_up
        if done and self._final is not None:
            return self._final
        if done:
            self._final = self._snapshot(dict(self._durations))
            return self._final
        now = time.monotonic()
        come = self.stage, self.records is None, len(self.rrds), len(self.failed_hosts)
        if self._left is not None:
            when, had, reading = self._left
            if had == come and now - when < _ALIKE_FOR:
                return reading
        reading = self._snapshot(self._spent())
        self._left = now, come, reading
        return reading

    def _snapshot(self, durations: Mapping[Stage, float]) -> Reading:
        rrds = {ref: self.rrds.get(ref) for ref, _ in self.live}
        return Reading(self.records, rrds, tuple(self._failures()), durations, self.plugins)

    def _failures(self) -> Iterable[Failure]:
        if self.failure is not None:
            yield self.failure
        elif self.records is None:
            yield Failure(
                self.stage,
                TooLate(
                    f"the pool did not answer in time ({self.stage})",
                    hint="give it a longer timeout, or see what keeps it busy",
                ),
            )
        for ref, host in self.live:
            if ref not in self.rrds:
                error = self.failed_hosts.get(ref) or TooLate("the host did not answer in time")
                yield Failure("rrd", error, bounded(host.name_label or host.uuid))

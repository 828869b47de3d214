"""One pool, read for as many scrapes as ask: its session, its records, its hosts' RRDs.

Scrapes that overlap share one reading. Each waits until its own deadline and takes what has
come by then; the reading itself goes on for as long as somebody waits for it.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import structlog

from xo_exporter.config import PoolConfig, Secret, Url
from xo_exporter.errors import (
    BadAnswer,
    ConfigError,
    HostIsSlave,
    LoginRefused,
    PoolError,
    SessionInvalid,
    TooLate,
    Unreachable,
)
from xo_exporter.metrics.exporter import Stage
from xo_exporter.model.build import Rrds, is_live, pool_identity
from xo_exporter.rrd.reader import HostRrdReader
from xo_exporter.rrd.values import HostRrd
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.addresses import target_of
from xo_exporter.xapi.events import RecordReader
from xo_exporter.xapi.login import log_in
from xo_exporter.xapi.records import Records, Ref
from xo_exporter.xapi.session import Session

log = structlog.get_logger()

IDLE_AFTER: Final = 600.0  # seconds without a scrape, after which a pool is let go
LOG_OUT_TIMEOUT: Final = 3.0
_STALLED_READS: Final = 2  # in a row without progress, after which the session is given up
_FIRST_PAUSE: Final = 15.0  # seconds before a refused log-in is tried again; then doubled
_LONGEST_PAUSE: Final = 900.0


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

    `records` is None when the objects could not be read. `rrds` has an entry for each live
    host, None where its RRDs could not be read. Durations are in seconds.
    """

    records: Records | None
    rrds: Rrds
    failures: tuple[Failure, ...]
    durations: Mapping[Stage, float]
    counted: bool = False


@dataclass(slots=True, eq=False)
class _Flight:
    """A reading under way."""

    depth: Depth
    started: float
    deadline: float = 0.0  # of the last who waits
    task: "asyncio.Task[None] | None" = None
    waiters: int = 0
    stage: Stage = "login"
    stage_started: float = field(default_factory=time.perf_counter)
    durations: dict[Stage, float] = field(default_factory=dict)
    records: Records | None = None
    live: list[tuple[Ref, xapi.Host]] = field(default_factory=list)
    rrds: dict[Ref, HostRrd] = field(default_factory=dict)
    failed_hosts: dict[Ref, PoolError] = field(default_factory=dict)
    failure: Failure | None = None
    given_up: bool = False
    final: Reading | None = None

    def enter(self, stage: Stage) -> None:
        self.leave()
        self.stage = stage
        self.stage_started = time.perf_counter()

    def leave(self) -> None:
        taken = time.perf_counter() - self.stage_started
        self.durations[self.stage] = self.durations.get(self.stage, 0.0) + taken
        self.stage_started = time.perf_counter()

    def reading(self) -> Reading:
        """What has come so far; what has not is too late."""
        failures = [] if self.failure is None else [self.failure]
        done = self.task is not None and self.task.done() and not self.given_up
        name_only = done and self.depth < Depth.ALL
        if self.records is None and self.failure is None and not name_only:
            late = TooLate(
                f"the pool did not answer in time ({self.stage})",
                hint="give it a longer timeout, or see what keeps it busy",
            )
            failures.append(Failure(self.stage, late))
        rrds: dict[Ref, HostRrd | None] = {}
        for ref, host in self.live:
            rrds[ref] = self.rrds.get(ref)
            if rrds[ref] is None:
                error = self.failed_hosts.get(ref) or TooLate("the host did not answer in time")
                failures.append(Failure("rrd", error, host.name_label))
        durations = dict(self.durations)
        if not done:
            under_way = time.perf_counter() - self.stage_started
            durations[self.stage] = durations.get(self.stage, 0.0) + under_way
        return Reading(self.records, rrds, tuple(failures), durations)


class PoolReader:
    """Reads one pool of the configuration, again and again."""

    def __init__(self, config: PoolConfig) -> None:
        self.config = config
        self.uuid = ""
        self.name = ""  # the pool's own; empty while it isn't known
        self.logins = 0
        self._resyncs = 0  # of sessions that are over
        self.last_asked = time.monotonic()
        self._session: Session | None = None
        self._record_reader: RecordReader | None = None
        self._rrd_readers: dict[Ref, HostRrdReader] = {}
        self._hosts: dict[str, str] = {}  # hostname by address, as last read
        self._flight: _Flight | None = None
        self._stalled = 0
        self._hung: set[Url] = set()  # addresses that took a connection and did not answer
        self._refused: tuple[Secret, LoginRefused] | None = None
        self._pause = _FIRST_PAUSE
        self._paused_until = 0.0

    @property
    def resyncs(self) -> int:
        """Times that records were read anew because events had been lost."""
        current = self._record_reader.resyncs if self._record_reader else 0
        return self._resyncs + current

    @property
    def is_connected(self) -> bool:
        """Whether a session is held."""
        return self._session is not None

    async def read(self, deadline: float, depth: Depth = Depth.ALL) -> Reading:
        """What of the pool can be read until `deadline` (of time.monotonic)."""
        while True:
            flight = self._join(depth)
            assert flight.task is not None  # noqa: S101  set where a flight is made
            # A scrape that comes late to a long reading takes what that brings, but does not
            # make it longer: one hung host must not keep a reading alive for ever.
            budget = deadline - time.monotonic()
            keeps_alive = time.monotonic() - flight.started < budget
            flight.waiters += keeps_alive
            if keeps_alive:
                flight.deadline = max(flight.deadline, deadline)
            try:
                await asyncio.wait({flight.task}, timeout=max(budget, 0))
            finally:
                flight.waiters -= keeps_alive
                if not flight.waiters and not flight.task.done():
                    flight.given_up = True
                    flight.task.cancel()
            self.last_asked = time.monotonic()
            ended_for_others = flight.given_up and flight.task.done() and flight.records is None
            if not (ended_for_others and time.monotonic() < deadline):
                break
        if flight.final is not None:
            return flight.final
        reading = flight.reading()
        if flight.task.done():
            flight.final = reading
        return reading

    def _join(self, depth: Depth) -> _Flight:
        flight = self._flight
        if flight is not None and flight.task is not None and not flight.given_up:
            under_way = not flight.task.done()
            if under_way:
                flight.depth = max(flight.depth, depth)
                return flight
        before = flight.task if flight is not None else None
        flight = _Flight(depth, time.monotonic())
        flight.task = asyncio.create_task(self._run(flight, before))
        self._flight = flight
        return flight

    async def _run(self, flight: _Flight, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await asyncio.wait({before})
        try:
            await self._read(flight)
            self._stalled = 0
        except (PoolError, ConfigError) as error:
            if isinstance(error, ConfigError):  # the password file can't be read any more
                error = PoolError(error.message, hint=error.hint)
            flight.failure = Failure(flight.stage, error)
        except asyncio.CancelledError:
            if flight.stage == "login":
                self._hung = set() if self._hung else {self.config.url}
            elif flight.stage == "objects":
                await self._give_up_if_stalled()
            raise
        except Exception as error:
            log.exception("a reading failed", pool=self.config.key)
            flight.failure = Failure(flight.stage, BadAnswer(f"unexpected: {error!r}"))
        finally:
            flight.leave()

    async def _read(self, flight: _Flight) -> None:
        try:
            await self._read_records(flight)
        except (SessionInvalid, HostIsSlave, Unreachable):
            if flight.stage == "login":
                raise
            # The session is over, the master is another, or the connection was lost: once anew.
            await self._disconnect(log_out=False)
            await self._read_records(flight)
        if flight.depth < Depth.ALL:
            return
        flight.enter("rrd")
        await asyncio.gather(*(self._read_rrd(flight, ref, host) for ref, host in flight.live))

    async def _read_records(self, flight: _Flight) -> None:
        if self._session is None:
            flight.enter("login")
            await self._connect(flight.deadline)
        flight.enter("objects")
        reader = self._record_reader
        assert reader is not None  # noqa: S101  made with the session
        await reader.read_first_group()
        self._identify(reader.records())
        if flight.depth < Depth.ALL:
            return
        groups_read = reader.groups_read
        try:
            records = await reader.update()
        finally:
            if reader.groups_read > groups_read:
                self._stalled = 0
        self._identify(records)
        flight.live = [(ref, host) for ref, host in records.host.items() if is_live(records, host)]
        flight.records = records

    async def _connect(self, deadline: float) -> None:
        password = self.config.read_password()
        if self._refused is not None:
            refused_password, refusal = self._refused
            if time.monotonic() < self._paused_until and password == refused_password:
                raise refusal
        try:
            session = await log_in(
                self.config,
                deadline=deadline,
                hostnames=self._hosts,
                learnt=tuple(self._hosts),
                avoid=self._hung,
            )
        except LoginRefused as error:
            self._refused = password, error
            self._paused_until = time.monotonic() + self._pause
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
            raise
        self._refused, self._pause = None, _FIRST_PAUSE
        self._hung = set()
        self._session = session
        self._record_reader = RecordReader(session)
        self.logins += 1
        log.info("logged in", pool=self.config.key, master=str(session.target.url))

    def _identify(self, records: Records) -> None:
        uuid, name = pool_identity(records)
        if not uuid:
            raise BadAnswer("the server has no pool record, as an XAPI server must")
        if uuid != self.uuid:
            self._rrd_readers.clear()
        self.uuid, self.name = uuid, name
        self._hosts = {host.address: host.hostname for host in records.host.values()}

    async def _read_rrd(self, flight: _Flight, ref: Ref, host: xapi.Host) -> None:
        session, records = self._session, flight.records
        if session is None or records is None:
            return
        masters = {pool.master for pool in records.pool.values()}
        if ref in masters:
            target = session.target
        else:
            target = target_of(self.config.url, self.config.members, host.address, host.hostname)
        reader = self._rrd_readers.setdefault(ref, HostRrdReader(ref))
        try:
            if not target.url.host:
                raise BadAnswer("XAPI knows no address of this host")
            flight.rrds[ref] = await reader.read(session, target)
        except PoolError as error:
            flight.failed_hosts[ref] = error

    async def _give_up_if_stalled(self) -> None:
        self._stalled += 1
        if self._stalled >= _STALLED_READS:
            self._stalled = 0
            self._hung = {self._session.target.url} if self._session else set()
            await self._disconnect(log_out=False)

    async def _disconnect(self, *, log_out: bool) -> None:
        session, self._session = self._session, None
        if self._record_reader is not None:
            self._resyncs += self._record_reader.resyncs
            self._record_reader = None
        if session is None:
            return
        try:
            async with asyncio.timeout(LOG_OUT_TIMEOUT):
                await (session.log_out() if log_out else session.close())
        except (PoolError, TimeoutError) as error:
            log.debug("the session was left open", pool=self.config.key, error=str(error))

    async def close(self) -> None:
        """Log out and let go of all that was read; a later `read` starts anew."""
        flight, self._flight = self._flight, None
        if flight is not None and flight.task is not None and not flight.task.done():
            flight.given_up = True
            flight.task.cancel()
            await asyncio.wait({flight.task})
        await self._disconnect(log_out=True)
        self._rrd_readers.clear()

    async def close_if_idle(self, idle_after: float = IDLE_AFTER) -> None:
        """As `close`, when nobody has asked for the pool in `idle_after` seconds."""
        busy = self._flight is not None and self._flight.waiters
        if self._session and not busy and time.monotonic() - self.last_asked >= idle_after:
            log.info("nobody asks for this pool: logging out", pool=self.config.key)
            await self.close()

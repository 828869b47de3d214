"""One pool of the configuration, read again and again.

Scrapes that overlap share one reading. Each waits until its own deadline and takes what has
come by then; the reading itself goes on for as long as somebody waits for it.
"""

import asyncio
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final

import structlog

from xo_exporter.config import PoolConfig, Url
from xo_exporter.errors import (
    BadAnswer,
    ConfigError,
    HostIsSlave,
    PoolError,
    SessionInvalid,
    TooLate,
    Unreachable,
)
from xo_exporter.model.build import is_live
from xo_exporter.reading.entrance import Entrance
from xo_exporter.reading.flight import Depth, Failure, Flight, Reading
from xo_exporter.rrd.reader import HostRrdReader
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.addresses import target_of
from xo_exporter.xapi.events import RecordReader
from xo_exporter.xapi.login_call import finish_abandoned
from xo_exporter.xapi.records import BASE, Records, Ref
from xo_exporter.xapi.session import Session

log = structlog.get_logger()

IDLE_AFTER: Final = 600.0  # seconds without a scrape, after which a pool is let go
LOG_OUT_TIMEOUT: Final = 3.0
_ABANDONED_TIMEOUT: Final = 2.5  # seconds at the end for log-ins that came too late
_STALLED_READS: Final = 2  # in a row without progress, after which the session is given up …
_STALLED_SECONDS: Final = 5.0  # … if they took so long together, or the pool's timeout


class PoolReader:
    """Reads one pool of the configuration, again and again.

    classes: those whose records are read; with_rrds: whether RRDs are.
    """

    def __init__(
        self, config: PoolConfig, *, classes: Collection[str] = BASE, with_rrds: bool = True
    ) -> None:
        self.config = config
        self._classes = tuple(classes)
        self._with_rrds = with_rrds
        self.logins = 0
        self._resyncs = 0  # of sessions that are over
        self.last_asked = time.monotonic()
        self._entrance = Entrance(config)
        self._session: Session | None = None
        self._record_reader: RecordReader | None = None
        self._rrd_readers: dict[Ref, HostRrdReader] = {}
        self._flight: Flight | None = None
        self._leaving: set[asyncio.Task[None]] = set()  # log-outs of sessions that were given up
        self._stalls: list[float] = []  # seconds that each of the last reads waited in vain

    @property
    def uuid(self) -> str:
        """The pool's UUID as last read; empty while it was never read."""
        return self._entrance.uuid

    @property
    def name(self) -> str:
        """The pool's own name; empty while it was never read."""
        return self._entrance.name

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
        try:
            return await self._joined(depth).wait(deadline, depth)
        finally:
            self.last_asked = time.monotonic()

    def _joined(self, depth: Depth) -> Flight:
        flight = self._flight
        if flight is not None and flight.under_way:
            flight.depth = max(flight.depth, depth)
            return flight
        before = flight.task if flight is not None else None
        flight = self._flight = Flight(depth)
        flight.task = asyncio.create_task(self._run(flight, before))
        return flight

    async def _run(self, flight: Flight, before: "asyncio.Task[None] | None") -> None:
        if before is not None:  # given up, and about to end
            await asyncio.wait({before})
        try:
            await self._read(flight)
        except (PoolError, ConfigError) as error:
            if isinstance(error, ConfigError):  # the password file can't be read any more
                error = PoolError(error.message, hint=error.hint)
            flight.failure = Failure(flight.stage, error)
        except Exception as error:
            log.exception("a reading failed", pool=self.config.key)
            flight.failure = Failure(flight.stage, BadAnswer(f"unexpected: {type(error).__name__}"))
        finally:
            flight.leave()

    async def _read(self, flight: Flight) -> None:
        try:
            await self._read_records(flight)
        except (SessionInvalid, HostIsSlave, Unreachable, TooLate) as error:
            if flight.stage == "login":
                raise
            # The session is over, the master is another, or the connection is dead: once anew.
            if isinstance(error, TooLate):
                self._entrance.avoid(self._where)
            if isinstance(error, TooLate | Unreachable):
                self._leave()
            else:
                await self._disconnect(log_out=False)
            await self._read_records(flight)
        if flight.depth < Depth.ALL:
            return
        flight.enter("rrd")
        await self._read_rrds(flight, flight.live)
        refused = [
            (ref, host)
            for ref, host in flight.live
            if isinstance(flight.failed_hosts.get(ref), SessionInvalid)
        ]
        if refused and await self._has_ended():
            await self._disconnect(log_out=False)
            with suppress(PoolError):
                await self._connect(flight)
                await self._read_rrds(flight, refused)

    # --- objects

    async def _read_records(self, flight: Flight) -> None:
        if self._session is None:
            flight.enter("login")
            await self._connect(flight)
        flight.enter("objects")
        reader = self._record_reader
        assert reader is not None  # noqa: S101  made with the session
        groups_read, started = reader.groups_read, time.monotonic()
        try:
            await reader.read_first_group()
            self._identify(reader)
            if not flight.named.done():
                flight.named.set_result(None)
            if flight.depth < Depth.ALL:
                return
            records = await self._updated(flight, reader)
        except asyncio.CancelledError:
            self._note_stall(reader.groups_read - groups_read, time.monotonic() - started)
            raise
        self._stalls.clear()
        self._identify(reader)
        hosts = records.host.items() if self._with_rrds else ()
        flight.live = [(ref, host) for ref, host in hosts if is_live(records, host)]
        flight.records = records

    async def _updated(self, flight: Flight, reader: RecordReader) -> Records:
        while True:
            groups_read = reader.groups_read
            try:
                async with flight.patiently(f"{self._where} does not answer"):
                    return await reader.update()
            except TooLate:
                if reader.groups_read == groups_read:
                    raise

    def _identify(self, reader: RecordReader) -> None:
        try:
            is_new = self._entrance.note(reader.records())
        except BadAnswer:
            reader.start_anew()  # one answer without a pool must not be the last word
            raise
        if is_new:
            self._rrd_readers.clear()

    def _note_stall(self, progress: int, seconds: float) -> None:
        """Give the session up when it has kept us waiting in vain, again and for long."""
        self._stalls = [] if progress else [*self._stalls, seconds]
        limit = min(_STALLED_SECONDS, self.config.timeout)
        if len(self._stalls) >= _STALLED_READS and sum(self._stalls) >= limit:
            self._stalls.clear()
            self._entrance.avoid(self._where)
            self._leave()

    async def _has_ended(self) -> bool:
        """Whether the session has ended, or just one host thinks so."""
        try:
            if self._record_reader is not None:
                await self._record_reader.update()
        except SessionInvalid:
            return True
        except PoolError:
            pass
        return False

    # --- RRDs

    async def _read_rrds(self, flight: Flight, hosts: Iterable[tuple[Ref, xapi.Host]]) -> None:
        present = {ref for ref, _ in flight.live}
        for gone in self._rrd_readers.keys() - present:
            del self._rrd_readers[gone]
        await asyncio.gather(*(self._read_rrd(flight, ref, host) for ref, host in hosts))

    async def _read_rrd(self, flight: Flight, ref: Ref, host: xapi.Host) -> None:
        session, records = self._session, flight.records
        if session is None or records is None:
            return
        masters = {pool.master for pool in records.pool.values()}
        if ref in masters:
            target = session.target
        else:
            target = target_of(self.config.url, self.config.members, host.address, host.hostname)
        if not target.url.host:
            flight.failed_hosts[ref] = BadAnswer("XAPI knows no address of this host")
            return
        reader = self._rrd_readers.setdefault(ref, HostRrdReader(ref))
        try:
            async with flight.patiently(f"{target.url} did not answer in time"):
                flight.rrds[ref] = await reader.read(session, target, flight.patience)
        except PoolError as error:
            flight.failed_hosts[ref] = error
        except Exception as error:
            log.exception("a host's RRDs can't be read", pool=self.config.key)
            flight.failed_hosts[ref] = BadAnswer(f"unexpected: {type(error).__name__}")

    # --- the session

    @property
    def _where(self) -> Url:
        return self._session.target.url if self._session else self.config.url

    async def _connect(self, flight: Flight) -> None:
        session = await self._entrance.log_in(flight)
        self._session = session
        self._record_reader = RecordReader(session, self._classes)
        self._stalls.clear()
        self.logins += 1
        log.info("logged in", pool=self.config.key, master=str(session.target.url))

    def _taken(self) -> Session | None:
        """The session, which is ours no more."""
        session, self._session = self._session, None
        if self._record_reader is not None:
            self._resyncs += self._record_reader.resyncs
            self._record_reader = None
        return session

    def _leave(self) -> None:
        """Give the session up; it is logged out beside what comes next, since the pool may hang."""
        session = self._taken()
        if session is not None:
            task = asyncio.create_task(self._end(session, log_out=True))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _disconnect(self, *, log_out: bool) -> None:
        session = self._taken()
        if session is not None:
            await self._end(session, log_out=log_out)

    async def _end(self, session: Session, *, log_out: bool) -> None:
        try:
            async with asyncio.timeout(LOG_OUT_TIMEOUT):
                await (session.log_out() if log_out else session.close())
        except (PoolError, TimeoutError) as error:
            log.debug("the session was left open", pool=self.config.key, error=str(error))

    async def close(self) -> None:
        """Log out and let go of all that was read; a later `read` starts anew.

        A log-in that is under way is waited for, so that it can be ended by a log-out.
        """
        flight, self._flight = self._flight, None
        if flight is not None and flight.task is not None and not flight.task.done():
            if not flight.connected.is_set():
                connected = asyncio.create_task(flight.connected.wait())
                await asyncio.wait(
                    {flight.task, connected},
                    timeout=LOG_OUT_TIMEOUT,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                connected.cancel()
            flight.give_up()
            await asyncio.wait({flight.task})
        self._rrd_readers.clear()
        await self._disconnect(log_out=True)
        if self._leaving:
            await asyncio.wait(self._leaving)
        await finish_abandoned(_ABANDONED_TIMEOUT)

    async def close_if_idle(self, idle_after: float = IDLE_AFTER) -> None:
        """As `close`, when nobody has asked for the pool in `idle_after` seconds."""
        busy = self._flight is not None and self._flight.waiters
        if self._session and not busy and time.monotonic() - self.last_asked >= idle_after:
            log.info("nobody asks for this pool: logging out", pool=self.config.key)
            await self.close()

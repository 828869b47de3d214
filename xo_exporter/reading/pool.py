"""One pool of the configuration, read again and again.

Scrapes that overlap share one reading. Each waits until its own deadline and takes what has
come by then; the reading itself goes on for as long as somebody waits for it.

A call that hangs is left to those who have the time for it. Who comes when nothing has come for
longer than it would wait itself begins a reading of its own, by a session of its own where the
other one is taken; the first of them that has the objects serves all who wait for objects.
"""

import asyncio
import time
from contextlib import suppress
from typing import Final

import msgspec
import structlog

from xo_exporter.config import PoolConfig
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
from xo_exporter.plugins.reader import PluginReader
from xo_exporter.reading.entrance import Entrance
from xo_exporter.reading.flight import Depth, Failure, Flight, Reading
from xo_exporter.reading.hosts import HostReaders
from xo_exporter.reading.lines import LOG_OUT_TIMEOUT, Line, Lines
from xo_exporter.reading.needs import Needs
from xo_exporter.xapi.login_call import finish_abandoned
from xo_exporter.xapi.records import Records
from xo_exporter.xapi.session import Session

log = structlog.get_logger()

IDLE_AFTER: Final = 600.0  # seconds without a scrape, after which a pool is let go
_ABANDONED_TIMEOUT: Final = 2.5  # seconds at the end for log-ins that came too late
_STALLED_READS: Final = 2  # in a row without progress, after which the session is given up …
_STALLED_SECONDS: Final = 5.0  # … if they took so long together, or the pool's timeout
_MOST_FLIGHTS: Final = 4  # readings that hang beside each other; the oldest gives way to more

_ANYTHING: Final = msgspec.json.Decoder()


class PoolReader:
    """Reads one pool of the configuration, again and again.

    needs: what is to be read; by default what the objects of the specification need.
    """

    def __init__(self, config: PoolConfig, needs: Needs | None = None) -> None:
        self.config = config
        self.needs = Needs() if needs is None else needs
        self.logins = 0
        self.last_asked = time.monotonic()
        self.entrance = Entrance(config)
        self._hosts = HostReaders(config)
        self._plugins = PluginReader(config.key, self.needs.plugins)
        self._lines = Lines(config.key, before_leaving=self._plugins.leave)
        self._flights: list[Flight] = []  # that are not over, the oldest first
        self._stalled = min(_STALLED_SECONDS, config.timeout)

    @property
    def uuid(self) -> str:
        """The pool's UUID as last read; empty while it was never read."""
        return self.entrance.uuid

    @property
    def name(self) -> str:
        """The pool's own name; empty while it was never read."""
        return self.entrance.name

    @property
    def resyncs(self) -> int:
        """Times that records were read anew because events had been lost."""
        return self._lines.resyncs

    @property
    def messages_up(self) -> bool | None:
        """Whether messages could be read the last time; None while nothing is known of that."""
        return self._lines.messages_up

    @property
    def is_connected(self) -> bool:
        """Whether a session is held."""
        return self._lines.is_open

    def inherit(self, before: "PoolReader") -> None:
        """Go on where the reader of the same pool left off: with its counts, and not sooner."""
        self.logins = before.logins
        self._lines.inherit(before.resyncs)
        self.entrance.inherit(before.entrance)

    async def read(self, deadline: float, depth: Depth = Depth.ALL) -> Reading:
        """What of the pool can be read until `deadline` (of time.monotonic)."""
        patience = max(deadline - time.monotonic(), self._stalled)
        try:
            return await self._joined(depth, patience).wait(deadline, depth)
        finally:
            self.last_asked = time.monotonic()

    def _joined(self, depth: Depth, patience: float) -> Flight:
        under_way = [flight for flight in self._flights if flight.under_way]
        if under_way and under_way[-1].quiet_for <= patience:
            under_way[-1].depth = max(under_way[-1].depth, depth)
            return under_way[-1]
        flight = Flight(depth)
        flight.task = asyncio.create_task(self._run(flight))
        flight.task.add_done_callback(lambda _: self._settle(flight))
        self._flights.append(flight)
        if len(under_way) >= _MOST_FLIGHTS:
            under_way[0].overtake(flight)
        return flight

    async def _run(self, flight: Flight) -> None:
        ending = [other.task for other in self._flights if other.given_up and other.task]
        if ending:
            await asyncio.wait(ending)
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
            if flight.line is None:
                raise
            # The session is over, the master is another, or the connection is dead: once anew.
            if isinstance(error, TooLate):
                self.entrance.avoid(flight.line.session.target.url)
            self._give_up_line(flight, log_out=isinstance(error, TooLate | Unreachable))
            await self._read_records(flight)
        if flight.depth < Depth.ALL or flight.line is None:
            return
        flight.enter("rrd")
        session = flight.line.session
        await self._hosts.read(flight, session, flight.live)
        refused = [
            (ref, host)
            for ref, host in flight.live
            if isinstance(flight.failed_hosts.get(ref), SessionInvalid)
        ]
        if refused and await self._has_ended(flight, session):
            self._give_up_line(flight, log_out=False)
            with suppress(PoolError):
                line = await self._connected(flight)
                await self._hosts.read(flight, line.session, refused)

    async def _read_records(self, flight: Flight) -> None:
        line = flight.line = self._free_line(flight)
        if line is None:
            flight.enter("login")
            line = await self._connected(flight)
        flight.enter("objects")
        groups_read, started = line.reader.groups_read, time.monotonic()
        try:
            await line.reader.read_first_group()
            self._identify(line)
            if not flight.named.done():
                flight.named.set_result(None)
            if flight.depth < Depth.ALL:
                return
            records = await self._updated(flight, line)
        except asyncio.CancelledError:
            self._note_stall(
                flight, line, line.reader.groups_read - groups_read, time.monotonic() - started
            )
            raise
        line.stalls.clear()
        self._identify(line)
        line.is_whole = True
        self._lines.tell_of_messages(line)
        hosts = records.host.items() if self.needs.with_rrds else ()
        flight.live = [(ref, host) for ref, host in hosts if is_live(records, host)]
        self._plugins.begin(line.session, records)
        flight.plugins = self._plugins.results()
        flight.records = records
        for other in self._flights:
            if other.under_way and other.records is None:
                other.overtake(flight)

    async def _updated(self, flight: Flight, line: Line) -> Records:
        while True:
            groups_read = line.reader.groups_read
            try:
                async with flight.patiently(f"{line.session.target.url} does not answer"):
                    return await line.reader.update()
            except TooLate:
                if line.reader.groups_read == groups_read:
                    raise

    def _identify(self, line: Line) -> None:
        try:
            is_new = self.entrance.note(line.reader.records())
        except BadAnswer:
            line.reader.start_anew()  # one answer without a pool must not be the last word
            raise
        if is_new:
            self._hosts.clear()
            self._plugins.clear()

    async def _has_ended(self, flight: Flight, session: Session) -> bool:
        """Whether the session has ended, or just one host thinks so."""
        try:
            async with flight.patiently(f"{session.target.url} does not answer"):
                await session.call(_ANYTHING, "pool.get_all")
        except SessionInvalid:
            return True
        except PoolError:
            pass
        return False

    # --- lines

    def _free_line(self, flight: Flight) -> Line | None:
        """The current line, where no other reading waits for objects on it."""
        line = self._lines.current
        if line is not None and any(
            other.line is line and other.records is None for other in self._others(flight)
        ):
            line = self._lines.current = None
        return line

    def _others(self, flight: Flight) -> list[Flight]:
        return [other for other in self._flights if other is not flight and not other.is_over]

    async def _connected(self, flight: Flight) -> Line:
        session = await self.entrance.log_in(flight)
        line = flight.line = Line(session, self.needs.classes, self.needs.decoders)
        self._lines.add(line)
        self.logins += 1
        log.info("logged in", pool=self.config.key, master=str(session.target.url))
        return line

    def _note_stall(self, flight: Flight, line: Line, progress: int, seconds: float) -> None:
        """Give the session up when it has kept us waiting in vain, again and for long."""
        line.stalls = [] if progress else [*line.stalls, seconds]
        if len(line.stalls) >= _STALLED_READS and sum(line.stalls) >= self._stalled:
            self.entrance.avoid(line.session.target.url)
            self._give_up_line(flight, log_out=True)

    def _give_up_line(self, flight: Flight, *, log_out: bool) -> None:
        """Begin nothing with the line any more; it is closed when no other reading is on it."""
        line, flight.line = flight.line, None
        if line is None:
            return
        line.is_spent = True
        if line is self._lines.current:
            self._lines.current = None
        if not self._is_used(line, flight):
            self._lines.leave(line, log_out=log_out)

    def _is_used(self, line: Line, flight: Flight) -> bool:
        return any(other.line is line for other in self._others(flight))

    def _settle(self, flight: Flight) -> None:
        """Of the lines that a reading leaves behind, keep the one by which more was read."""
        self._flights.remove(flight)
        line, current = flight.line, self._lines.current
        if line is None or line is current:
            return
        if line.is_whole and not line.is_spent and not (current and current.is_whole):
            self._lines.current, line = line, current
        if line is not None and not self._is_used(line, flight):
            self._lines.leave(line, log_out=True)

    async def close(self) -> None:
        """Log out and let go of all that was read; a later `read` starts anew.

        What plugins told stands for as long as it does: they are asked too seldom to forget it.

        A log-in that is under way is waited for, so that it can be ended by a log-out.
        """
        flights = [flight for flight in self._flights if not flight.is_over]
        await asyncio.gather(*(flight.end(LOG_OUT_TIMEOUT) for flight in flights))
        self._hosts.clear()
        await self._lines.close()
        await finish_abandoned(_ABANDONED_TIMEOUT)

    async def close_if_idle(self, idle_after: float = IDLE_AFTER) -> None:
        """As `close`, when nobody has asked for the pool in `idle_after` seconds."""
        busy = any(flight.waiters for flight in self._flights)
        if self.is_connected and not busy and time.monotonic() - self.last_asked >= idle_after:
            log.info("nobody asks for this pool: logging out", pool=self.config.key)
            await self.close()

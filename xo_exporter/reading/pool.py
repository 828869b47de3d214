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
from xo_exporter.reading.connections import LOG_OUT_TIMEOUT, Connection, Connections
from xo_exporter.reading.flight import Depth, Failure, Flight, Reading
from xo_exporter.reading.hosts import HostReaders
from xo_exporter.reading.needs import Needs
from xo_exporter.reading.pool_login import PoolLogin
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
        self.pool_login = PoolLogin(config)
        self._hosts = HostReaders(config)
        self._plugins = PluginReader(config.key, self.needs.plugins)
        self._connections = Connections(config.key, before_leaving=self._plugins.leave)
        self._flights: list[Flight] = []  # that are not over, the oldest first
        self._stalled = min(_STALLED_SECONDS, config.timeout)

    @property
    def uuid(self) -> str:
        """The pool's UUID as last read; empty while it was never read."""
        return self.pool_login.uuid

    @property
    def name(self) -> str:
        """The pool's own name; empty while it was never read."""
        return self.pool_login.name

    @property
    def resyncs(self) -> int:
        """Times that records were read anew because events had been lost."""
        return self._connections.resyncs

    @property
    def messages_up(self) -> bool | None:
        """Whether messages could be read the last time; None while nothing is known of that."""
        return self._connections.messages_up

    @property
    def is_connected(self) -> bool:
        """Whether a session is held."""
        return self._connections.is_open

    def inherit(self, before: "PoolReader") -> None:
        """Go on where the reader of the same pool left off: with its counts, and not sooner."""
        self.logins = before.logins
        self._connections.inherit(before.resyncs)
        self.pool_login.inherit(before.pool_login)

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
            if flight.connection is None:
                raise
            # The session is over, the master is another, or the connection is dead: once anew.
            if isinstance(error, TooLate):
                self.pool_login.avoid(flight.connection.session.target.url)
            self._give_up_connection(flight, log_out=isinstance(error, TooLate | Unreachable))
            await self._read_records(flight)
        if flight.depth < Depth.ALL or flight.connection is None:
            return
        flight.enter("rrd")
        session = flight.connection.session
        await self._hosts.read(flight, session, flight.live)
        refused = [
            (ref, host)
            for ref, host in flight.live
            if isinstance(flight.failed_hosts.get(ref), SessionInvalid)
        ]
        if refused and await self._has_ended(flight, session):
            self._give_up_connection(flight, log_out=False)
            with suppress(PoolError):
                connection = await self._connected(flight)
                await self._hosts.read(flight, connection.session, refused)

    async def _read_records(self, flight: Flight) -> None:
        connection = flight.connection = self._free_connection(flight)
        if connection is None:
            flight.enter("login")
            connection = await self._connected(flight)
        flight.enter("objects")
        groups_read, started = connection.reader.groups_read, time.monotonic()
        try:
            await connection.reader.read_first_group()
            self._identify(connection)
            if not flight.named.done():
                flight.named.set_result(None)
            if flight.depth < Depth.ALL:
                return
            records = await self._updated(flight, connection)
        except asyncio.CancelledError:
            self._note_stall(
                flight,
                connection,
                connection.reader.groups_read - groups_read,
                time.monotonic() - started,
            )
            raise
        connection.stalls.clear()
        self._identify(connection)
        connection.is_whole = True
        self._connections.tell_of_messages(connection)
        hosts = records.host.items() if self.needs.with_rrds else ()
        flight.live = [(ref, host) for ref, host in hosts if is_live(records, host)]
        self._plugins.begin(connection.session, records)
        flight.plugins = self._plugins.results()
        flight.records = records
        for other in self._flights:
            if other.under_way and other.records is None:
                other.overtake(flight)

    async def _updated(self, flight: Flight, connection: Connection) -> Records:
        while True:
            groups_read = connection.reader.groups_read
            try:
                async with flight.patiently(f"{connection.session.target.url} does not answer"):
                    return await connection.reader.update()
            except TooLate:
                if connection.reader.groups_read == groups_read:
                    raise

    def _identify(self, connection: Connection) -> None:
        try:
            is_new = self.pool_login.note(connection.reader.records())
        except BadAnswer:
            connection.reader.start_anew()  # one answer without a pool must not be the last word
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

    # --- connections

    def _free_connection(self, flight: Flight) -> Connection | None:
        """The current connection, where no other reading waits for objects on it."""
        connection = self._connections.current
        if connection is not None and any(
            other.connection is connection and other.records is None
            for other in self._others(flight)
        ):
            connection = self._connections.current = None
        return connection

    def _others(self, flight: Flight) -> list[Flight]:
        return [other for other in self._flights if other is not flight and not other.is_over]

    async def _connected(self, flight: Flight) -> Connection:
        session = await self.pool_login.log_in(flight)
        connection = flight.connection = Connection(
            session, self.needs.classes, self.needs.decoders
        )
        self._connections.add(connection)
        self.logins += 1
        log.info("logged in", pool=self.config.key, master=str(session.target.url))
        return connection

    def _note_stall(
        self, flight: Flight, connection: Connection, progress: int, seconds: float
    ) -> None:
        """Give the session up when it has kept us waiting in vain, again and for long."""
        connection.stalls = [] if progress else [*connection.stalls, seconds]
        if len(connection.stalls) >= _STALLED_READS and sum(connection.stalls) >= self._stalled:
            self.pool_login.avoid(connection.session.target.url)
            self._give_up_connection(flight, log_out=True)

    def _give_up_connection(self, flight: Flight, *, log_out: bool) -> None:
        """Begin nothing with it any more; it is closed when no other reading is on it."""
        connection, flight.connection = flight.connection, None
        if connection is None:
            return
        connection.is_spent = True
        if connection is self._connections.current:
            self._connections.current = None
        if not self._is_used(connection, flight):
            self._connections.leave(connection, log_out=log_out)

    def _is_used(self, connection: Connection, flight: Flight) -> bool:
        return any(other.connection is connection for other in self._others(flight))

    def _settle(self, flight: Flight) -> None:
        """Of the connections that a reading leaves behind, keep the one by which more was read."""
        self._flights.remove(flight)
        connection, current = flight.connection, self._connections.current
        if connection is None or connection is current:
            return
        if connection.is_whole and not connection.is_spent and not (current and current.is_whole):
            self._connections.current, connection = connection, current
        if connection is not None and not self._is_used(connection, flight):
            self._connections.leave(connection, log_out=True)

    async def come_to_rest(self) -> None:
        """Wait until nobody waits for a reading any more."""
        while tasks := [flight.task for flight in self._flights if flight.task]:
            await asyncio.wait(tasks)

    async def close(self) -> None:
        """Log out and let go of all that was read; a later `read` starts anew.

        What plugins told stands for as long as it does: they are asked too seldom to forget it.

        A log-in that is under way is waited for, so that it can be ended by a log-out.
        """
        flights = [flight for flight in self._flights if not flight.is_over]
        await asyncio.gather(*(flight.end(LOG_OUT_TIMEOUT) for flight in flights))
        self._hosts.clear()
        await self._connections.close()
        await finish_abandoned(_ABANDONED_TIMEOUT)

    async def close_if_idle(self, idle_after: float = IDLE_AFTER) -> None:
        """As `close`, when nobody has asked for the pool in `idle_after` seconds."""
        busy = any(flight.waiters for flight in self._flights)
        if self.is_connected and not busy and time.monotonic() - self.last_asked >= idle_after:
            log.info("nobody asks for this pool: logging out", pool=self.config.key)
            await self.close()

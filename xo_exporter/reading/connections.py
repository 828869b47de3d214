"""The sessions with one pool, each with the records that were read by it."""

import asyncio
from collections.abc import Callable, Collection
from typing import Final

import structlog

from xo_exporter.errors import PoolError
from xo_exporter.xapi.batch import DECODERS, Decoders
from xo_exporter.xapi.events import RecordReader
from xo_exporter.xapi.session import Session

log = structlog.get_logger()

LOG_OUT_TIMEOUT: Final = 3.0


class Connection:
    """A session with the pool, and the records as read by it: what a reading goes by."""

    def __init__(
        self, session: Session, classes: Collection[str], decoders: Decoders = DECODERS
    ) -> None:
        self.session = session
        self.reader = RecordReader(session, classes, decoders)
        self.is_whole = False  # all records have been read
        self.is_spent = False  # nobody should begin anything with it
        self.stalls: list[float] = []  # seconds that each of the last reads waited in vain


class Connections:
    """The connections that are open; `current` is the one that the next reading takes.

    There are others only while a reading hangs on one. `before_leaving` is called with each
    session that is about to end.
    """

    def __init__(self, pool: str, before_leaving: Callable[[Session], None]) -> None:
        self._before_leaving = before_leaving
        self.current: Connection | None = None
        self._pool = pool
        self._open: set[Connection] = set()
        self._resyncs = 0  # of connections that are closed
        self._leaving: set[asyncio.Task[None]] = set()
        self._told = ""  # why there are no messages
        self.messages_up: bool | None = None
        """Whether messages could be read; None while that is not known, or nobody wants them."""

    @property
    def resyncs(self) -> int:
        """Times that records were read anew because events had been lost."""
        return self._resyncs + sum(connection.reader.resyncs for connection in self._open)

    def inherit(self, resyncs: int) -> None:
        """Go on counting from so many."""
        self._resyncs = resyncs

    @property
    def is_open(self) -> bool:
        """Whether any session is held."""
        return bool(self._open)

    def add(self, connection: Connection) -> None:
        """Hold a new connection; it is the current one where there is none."""
        self._open.add(connection)
        if self.current is None:
            self.current = connection

    def tell_of_messages(self, connection: Connection) -> None:
        """Say once why there are no messages, which costs nothing else."""
        failure = str(connection.reader.message_failure or "")
        self.messages_up = False if failure else connection.reader.has_messages or None
        if failure and failure != self._told:
            log.warning("the messages can't be read", pool=self._pool, error=failure)
        self._told = failure

    def leave(self, connection: Connection, *, log_out: bool) -> None:
        """Close a connection, beside what comes next, since the pool may hang."""
        if connection is self.current:
            self.current = None
        if connection in self._open:
            self._open.remove(connection)
            self._resyncs += connection.reader.resyncs
            connection.reader.close()
            self._before_leaving(connection.session)
            task = asyncio.create_task(self._end(connection.session, log_out=log_out))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _end(self, session: Session, *, log_out: bool) -> None:
        try:
            async with asyncio.timeout(LOG_OUT_TIMEOUT):
                await (session.log_out() if log_out else session.close())
        except (PoolError, TimeoutError) as error:
            log.debug("the session was left open", pool=self._pool, error=str(error))

    async def close(self) -> None:
        """Log out of all sessions."""
        for connection in tuple(self._open):
            self.leave(connection, log_out=True)
        if self._leaving:
            await asyncio.wait(self._leaving)

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


class Line:
    """A session with the pool, and the records as read by it."""

    def __init__(
        self, session: Session, classes: Collection[str], decoders: Decoders = DECODERS
    ) -> None:
        self.session = session
        self.reader = RecordReader(session, classes, decoders)
        self.is_whole = False  # all records have been read
        self.is_spent = False  # nobody should begin anything with it
        self.stalls: list[float] = []  # seconds that each of the last reads waited in vain


class Lines:
    """The lines that are open; `current` is the one that the next reading takes.

    There are others only while a reading hangs on one. `before_leaving` is called with each
    session that is about to end.
    """

    def __init__(self, pool: str, before_leaving: Callable[[Session], None]) -> None:
        self._before_leaving = before_leaving
        self.current: Line | None = None
        self._pool = pool
        self._open: set[Line] = set()
        self._resyncs = 0  # of lines that are closed
        self._leaving: set[asyncio.Task[None]] = set()
        self._told = ""  # why there are no messages
        self.messages_up: bool | None = None
        """Whether messages could be read; None while that is not known, or nobody wants them."""

    @property
    def resyncs(self) -> int:
        """Times that records were read anew because events had been lost."""
        return self._resyncs + sum(line.reader.resyncs for line in self._open)

    def inherit(self, resyncs: int) -> None:
        """Go on counting from so many."""
        self._resyncs = resyncs

    @property
    def is_open(self) -> bool:
        """Whether any session is held."""
        return bool(self._open)

    def add(self, line: Line) -> None:
        """Hold a new line; it is the current one where there is none."""
        self._open.add(line)
        if self.current is None:
            self.current = line

    def tell_of_messages(self, line: Line) -> None:
        """Say once why there are no messages, which costs nothing else."""
        failure = str(line.reader.message_failure or "")
        self.messages_up = False if failure else line.reader.has_messages or None
        if failure and failure != self._told:
            log.warning("the messages can't be read", pool=self._pool, error=failure)
        self._told = failure

    def leave(self, line: Line, *, log_out: bool) -> None:
        """Close a line, beside what comes next, since the pool may hang."""
        if line is self.current:
            self.current = None
        if line in self._open:
            self._open.remove(line)
            self._resyncs += line.reader.resyncs
            line.reader.close()
            self._before_leaving(line.session)
            task = asyncio.create_task(self._end(line.session, log_out=log_out))
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
        for line in tuple(self._open):
            self.leave(line, log_out=True)
        if self._leaving:
            await asyncio.wait(self._leaving)

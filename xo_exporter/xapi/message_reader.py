"""A pool's messages, read beside everything else.

XAPI keeps them in files, up to ten thousand, and may take long over them: nobody waits for that.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from xo_exporter.errors import ApiFailure, BadAnswer, PoolError, TooLate
from xo_exporter.xapi.records import Message, Ref
from xo_exporter.xapi.session import Session

log = structlog.get_logger()

CLASS: Final = "message"
TOKEN_LOST: Final = ("EVENTS_LOST", "EVENT_FROM_TOKEN_PARSE_FAILURE")

GRACE = 0.25
"""Seconds that who has read all else waits for an answer."""

_LONGEST: Final = 120.0  # seconds that an answer may take
_KEPT: Final = 10_000  # messages that XAPI keeps, unless it was told otherwise


class MessageReader:
    """The messages of the pool that `session` is logged in at.

    The server says of no table of messages how long it is. So deletions that were not told show
    in nothing but a table that grows beyond what is kept: then it is read anew.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._token = ""
        self._table: Mapping[Ref, Message] = {}
        self._first = 0  # messages that there were when all were read
        self._task: asyncio.Task[None] | None = None
        self._is_new = False
        self.table: Mapping[Ref, Message] | None = None
        """As last read: None before that, and where the last time has failed."""
        self.failure: PoolError | None = None
        """What the last time has failed with."""

    def start(self) -> None:
        """Begin to read what has changed, unless that is still under way."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._update())
            self._is_new = True

    async def settle(self) -> None:
        """Wait a moment for what `start` has begun, if it was begun since the last call."""
        if self._task is not None and self._is_new:
            self._is_new = False
            await asyncio.wait({self._task}, timeout=GRACE)

    def give_up(self) -> None:
        """Forget what is under way, and how the last time went; `start` begins anew."""
        if self._task is not None:
            self._task.cancel()
        self._task, self.table, self.failure = None, None, None

    async def _update(self) -> None:
        try:
            async with asyncio.timeout(_LONGEST):
                await self._read()
        except TimeoutError:
            self._fail(TooLate(f"the messages did not come within {_LONGEST:g} s"))
        except ApiFailure as error:
            if error.code in TOKEN_LOST:
                self._token = ""
            self._fail(error)
        except PoolError as error:
            self._fail(error)
        except Exception as error:
            log.exception("the messages can't be read")
            self._fail(BadAnswer(f"unexpected: {type(error).__name__}"))
        else:
            self.table, self.failure = self._table, None

    def _fail(self, error: PoolError) -> None:
        self.table, self.failure = None, error

    async def _read(self) -> None:
        is_first = not self._token
        batch = await self._session.event_from((CLASS,), self._token)
        table = {} if is_first else dict(self._table)
        for name, ref, record in batch.changes:
            if name != CLASS:
                continue
            if isinstance(record, Message):
                table[ref] = record
            else:
                table.pop(ref, None)
        if is_first or batch.changes:
            self._table = table
        self._token = batch.token
        if is_first:
            self._first = len(table)
        elif len(table) > max(_KEPT, 2 * self._first):
            self._token = ""

"""A pool's records, kept up to date by `event.from`.

The first read takes the classes in groups, each with an empty token, so that no answer is
larger than it must be; then all that has changed since the first group's token. From then on
one call brings what has changed. XAPI forgets deletions when too many pile up, and never tells
of an object that came and went since a token; but it says how many rows each table has. Where
that is another number than ours, the groups concerned are read anew.
"""

import asyncio
import time
from collections.abc import Collection
from typing import Any, Final

import msgspec

from xo_exporter.errors import ApiFailure, PoolError, SessionInvalid
from xo_exporter.xapi import message_reader
from xo_exporter.xapi.batch import DECODERS, Change, Decoders
from xo_exporter.xapi.message_reader import MessageReader
from xo_exporter.xapi.records import BASE, Records, Ref
from xo_exporter.xapi.session import Session

FIRST_GROUP: Final = ("pool", "host", "host_metrics", "sr", "pbd")
_LARGE: Final = (("vm",), ("vm_metrics", "vm_guest_metrics"), ("vdi",), ("vbd",), ("vif",))
_BUSY: Final = (("task",),)
"""Those that come and go while the others stay."""

_AT_ONCE: Final = 500
"""Changes taken in before the event loop gets its turn: some milliseconds."""


_LONGEST_NUMBER: Final = 100  # digits; XAPI gives 20

Table = dict[str, dict[Ref, msgspec.Struct]]
"""Records by lower-case class and reference."""


def groups(classes: Collection[str]) -> tuple[tuple[str, ...], ...]:
    """How these classes are read at first: no answer is larger than it must be."""
    apart = (*_LARGE, *_BUSY)
    own = {*FIRST_GROUP, *(name for group in apart for name in group)}
    rest = tuple(name for name in classes if name not in own)
    groups = (FIRST_GROUP, *_LARGE, rest, *_BUSY)
    wanted = (tuple(name for name in group if name in classes) for group in groups)
    return tuple(group for group in wanted if group)


def _generation(token: str) -> int | None:
    """The database's generation in a token, `generation,message time`; None in another form."""
    head = token.partition(",")[0]
    is_number = head.isascii() and head.isdigit() and len(head) <= _LONGEST_NUMBER
    return int(head) if is_number else None


class RecordReader:
    """The records of the pool that `session` is logged in at, of these classes.

    An update that is cancelled halfway loses nothing: groups that were read stay read, and what
    they missed since comes with the next delta.
    """

    def __init__(
        self,
        session: Session,
        classes: Collection[str] = BASE,
        decoders: Decoders = DECODERS,
    ) -> None:
        self._session = session
        self._decoders = decoders
        self._messages = MessageReader(session) if message_reader.CLASS in classes else None
        self._classes = tuple(name for name in classes if name != message_reader.CLASS)
        self._groups = groups(self._classes)
        self._table: Table = {name: {} for name in self._classes}
        self._missing = list(self._groups)
        self._token: str | None = None
        # By how many rows our tables differ from what the server counts, where they still do
        # after being read anew: then it counts something else than what its events give.
        self._tolerated: dict[str, int] = {}
        self.groups_read = 0
        """Groups read since the beginning, each time counted: it grows with every progress."""
        self.resyncs = 0
        self.progressed = 0.0
        """When something came last, by time.monotonic."""

    async def read_first_group(self) -> None:
        """Read pool and hosts, if that is still to be done: enough to know the pool's name."""
        if self._missing[:1] == [self._groups[0]]:
            await self._read_group()

    def start_anew(self) -> None:
        """Read everything at the next update: what was given can't be true."""
        self._start_anew()
        self.resyncs += 1

    async def update(self) -> Records:
        """All records as they are now; raises PoolError.

        Messages are those that have come by then, and None before any have.
        """
        if self._messages is None:
            await self._update()
        else:
            await self.read_first_group()  # which tells, too, how the server is to be asked
            self._messages.start()
            try:
                await self._update()
            except BaseException:  # cancelled, too: what hangs would be waited for in vain
                self._messages.give_up()
                raise
            await self._messages.settle()
            if isinstance(self._messages.failure, SessionInvalid):
                await self._update()  # where the session has ended, all hear of it
        return self.records()

    async def _update(self) -> None:
        await self._read_missing_groups()
        offsets = await self._read_delta()
        if offsets and self._token is not None:
            # Once more, in case something came between the events and the count.
            offsets = await self._read_delta()
        if offsets:
            self.resyncs += 1
            self._missing = [group for group in self._groups if offsets.keys() & set(group)]
            await self._read_missing_groups()
            self._tolerated |= await self._read_delta()

    @property
    def message_failure(self) -> PoolError | None:
        """Why there are no messages, where they could not be read."""
        return self._messages.failure if self._messages else None

    @property
    def has_messages(self) -> bool:
        """Whether messages have been read, and not failed since."""
        return self._messages is not None and self._messages.table is not None

    def close(self) -> None:
        """Give up what is under way."""
        if self._messages is not None:
            self._messages.give_up()

    def records(self) -> Records:
        """The records as last read.

        What did not change is the same object as before: a record, and a class's whole table.
        """
        tables: dict[str, Any] = dict(self._table)
        messages = self._messages.table if self._messages else None
        return Records(**tables, message=messages)

    async def _read_missing_groups(self) -> None:
        while self._missing:
            await self._read_group()

    async def _read_group(self) -> None:
        group = self._missing[0]
        batch = await self._session.event_from(group, "", self._decoders)
        await self._apply(batch.changes, {name: {} for name in group})
        if self._token is None:
            self._token = batch.token
        del self._missing[0]
        self.groups_read += 1
        self.progressed = time.monotonic()

    async def _read_delta(self) -> dict[str, int]:
        """Take in what has changed since the token.

        Gives by how many rows each class is off the server's count where it should not be; all
        classes, with no token left, where the token means nothing to the server any more.
        """
        token = self._token or ""
        try:
            batch = await self._session.event_from(self._classes, token, self._decoders)
        except ApiFailure as error:
            if error.code not in message_reader.TOKEN_LOST:
                raise
            return self._start_anew()
        before, after = _generation(token), _generation(batch.token)
        if before is not None and after is not None and after < before:
            return self._start_anew()  # the database was set back: an older copy was restored
        await self._apply(batch.changes, {})
        self._token = batch.token
        self.progressed = time.monotonic()
        offsets = {
            name: len(self._table[name]) - batch.counts[name]
            for name in self._classes
            if name in batch.counts
        }
        return {
            name: offset
            for name, offset in offsets.items()
            if offset != self._tolerated.get(name, 0)
        }

    def _start_anew(self) -> dict[str, int]:
        self._token = None
        self._tolerated = {}
        self._missing = list(self._groups)
        return dict.fromkeys(self._classes, 0)

    async def _apply(self, changes: list[Change], tables: Table) -> None:
        """Take in changes: on top of `tables`, or of what is known where these lack a class."""
        for position, (name, ref, record) in enumerate(changes):
            if position % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            known = self._table.get(name)
            if known is None:
                continue
            # The tables that were given out stay as they are.
            table = tables.get(name, known)
            if record is None:
                if ref in table:
                    tables[name] = table = dict(table) if table is known else table
                    del table[ref]
                continue
            # Most events are of fields that are not among the wanted ones.
            before = known.get(ref)
            same = before if before == record and before is not None else record
            if table.get(ref) is not same:
                tables[name] = table = dict(table) if table is known else table
                table[ref] = same
        self._table.update(tables)

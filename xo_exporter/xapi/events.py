"""A pool's records, kept up to date by `event.from`.

The first read takes the classes in groups, each with an empty token, so that no answer is
larger than it must be; then all that has changed since the first group's token. From then on
one call brings what has changed. XAPI forgets deletions when too many pile up, and says how
many rows each table has: where that is another number than ours, all is read anew.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from xo_exporter.errors import ApiFailure, BadAnswer
from xo_exporter.xapi import json_text
from xo_exporter.xapi.records import CLASSES, Records, Ref
from xo_exporter.xapi.session import Session

FIRST_GROUP: Final = ("pool", "host", "host_metrics", "sr", "pbd")
GROUPS: Final = (FIRST_GROUP, ("vm",), ("vm_metrics", "vm_guest_metrics"), ("vdi",), ("vbd",))

_AT_ONCE: Final = 500
"""Events decoded before the event loop gets its turn: some milliseconds."""


class Event(msgspec.Struct):
    """One object that came, changed or went; `snapshot` is its whole record, none for `del`."""

    ref: str
    cls: str = msgspec.field(name="class")
    operation: str = "mod"
    snapshot: msgspec.Raw = msgspec.Raw(b"")


class Batch(msgspec.Struct):
    """The result of one `event.from`."""

    token: str
    events: list[Event]
    valid_ref_counts: dict[str, int] = {}


_BATCH: Final = msgspec.json.Decoder(Batch, strict=False)
_RECORD: Final = {name: msgspec.json.Decoder(kind, strict=False) for name, kind in CLASSES.items()}

Table = dict[str, dict[Ref, msgspec.Struct]]
"""Records by lower-case class and reference."""


def _generation(token: str) -> int | None:
    """The database's generation in a token, `generation,message time`; None in another form."""
    head = token.partition(",")[0]
    return int(head) if head.isascii() and head.isdigit() else None


class RecordReader:
    """The records of the pool that `session` is logged in at.

    An update that is cancelled halfway loses nothing: groups that were read stay read, and what
    they missed since comes with the first delta.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._table: Table = {}
        self._token: str | None = None
        self.groups_read = 0
        # By how many rows a freshly read table differs from what the server counts: 0, unless
        # the server counts something else than what its events give.
        self._count_offsets: dict[str, int] = {}
        self.resyncs = 0

    async def read_first_group(self) -> None:
        """Read pool and hosts, if that wasn't done before: enough to know the pool's name."""
        if self.groups_read == 0:
            await self._read_group()

    async def update(self) -> Records:
        """All records as they are now; raises PoolError."""
        fresh = self.groups_read < len(GROUPS)
        await self._read_missing_groups()
        in_step = await self._read_delta(fresh=fresh)
        if not in_step and self._token is not None:
            # Once more, in case something came between the events and the count.
            in_step = await self._read_delta(fresh=False)
        if not in_step:
            self.resyncs += 1
            self._forget()
            await self._read_missing_groups()
            await self._read_delta(fresh=True)
        return self.records()

    def records(self) -> Records:
        """The records as last read."""
        tables: dict[str, Any] = {name: dict(self._table.get(name, {})) for name in CLASSES}
        return Records(**tables)

    def _forget(self) -> None:
        self._table = {}
        self._token = None
        self.groups_read = 0
        self._count_offsets = {}

    async def _read_missing_groups(self) -> None:
        while self.groups_read < len(GROUPS):
            await self._read_group()

    async def _read_group(self) -> None:
        group = GROUPS[self.groups_read]
        batch = await self._event_from(group, "")
        table: Table = {name: {} for name in group}
        await self._apply(batch.events, table)
        self._table.update(table)
        if self._token is None:
            self._token = batch.token
        self.groups_read += 1

    async def _read_delta(self, *, fresh: bool) -> bool:
        """Take in what has changed since the token; False when the table has lost track."""
        token = self._token or ""
        try:
            batch = await self._event_from(tuple(CLASSES), token)
        except ApiFailure as error:
            if error.code in ("EVENTS_LOST", "EVENT_FROM_TOKEN_PARSE_FAILURE") and not fresh:
                self._token = None
                return False
            raise
        before, after = _generation(token), _generation(batch.token)
        if before is not None and after is not None and after < before and not fresh:
            self._token = None  # the database was set back: an older copy was restored
            return False
        await self._apply(batch.events, self._table)
        self._token = batch.token
        counts = {name.lower(): count for name, count in batch.valid_ref_counts.items()}
        offsets = {
            name: len(self._table[name]) - counts[name] for name in CLASSES if name in counts
        }
        if fresh:
            self._count_offsets = offsets
        return offsets == self._count_offsets

    async def _event_from(self, classes: Iterable[str], token: str) -> Batch:
        # A float it must be: some servers refuse an integer here.
        return await self._session.call(_BATCH, "event.from", list(classes), token, 0.0)

    async def _apply(self, events: list[Event], table: Table) -> None:
        for position, event in enumerate(events):
            if position % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            name = event.cls.lower()
            records = table.get(name)
            if records is None:
                continue
            if event.operation == "del":
                records.pop(event.ref, None)
            elif event.snapshot:
                records[event.ref] = json_text.decode(
                    _RECORD[name], event.snapshot, f"the {name} record {event.ref}"
                )
            else:
                raise BadAnswer(f"event.from gives no record with {event.operation} of a {name}")

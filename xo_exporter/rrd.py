"""The RRDs of a pool's hosts: fetched by `/rrd_updates`, parsed, and joined to a clock.

XML is the one dialect that every generation of hosts prints alike. Its rows come newest first,
with a legend entry `CF:owner:uuid:source` for each column, in any order. Times are of the
host's clock, which may be hours off ours.
"""

import asyncio
import math
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec
from lxml import etree

from xo_exporter.errors import BadAnswer, PoolError, SessionInvalid
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.session import Session
from xo_exporter.xapi.transport import mend_xml

STEP: Final = 5  # seconds a row covers in the archive that is asked for
MAX_AGE: Final = 60.0  # seconds; what is older is unknown
ROWS: Final = 3  # the newest ones that a value may come from
MAX_BODY: Final = 1 << 24  # bytes; four rows of a full host are below 100 kB

_WINDOW: Final = (ROWS + 1) * STEP
_LATEST_ROWS: Final = str(-ROWS * STEP)  # a negative start counts from each RRD's last update
_CLOCK_INTERVAL: Final = 300.0
_CLOCK_TIMEOUT: Final = 3.0
_CLOCK_TOLERANCE: Final = 10.0
_WANTED: Final = re.compile(
    r"cpu[0-9]+|cpu_avg|cpu_usage|memory|memory_internal_free|memory_total_kib|memory_free_kib"
)

Values = Mapping[str, float]
"""Known values by data source, in the source's own unit."""


class Column(NamedTuple):
    """A column that is wanted."""

    position: int
    kind: str  # host or vm
    uuid: str
    source: str


class Updates(NamedTuple):
    """A parsed answer: the wanted columns, and the newest rows, newest first."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[int, tuple[str | None, ...]], ...]

    @property
    def newest(self) -> int | None:
        """Time of the newest row in seconds of the host's clock; None without rows."""
        return self.rows[0][0] if self.rows else None


class HostRrd(NamedTuple):
    """What a host's RRDs say at a moment; `age` in seconds is that of the newest row."""

    hosts: Mapping[str, Values]
    vms: Mapping[str, Values]
    age: float | None


def _columns(legend: list[str | None]) -> tuple[Column, ...]:
    columns = []
    for position, entry in enumerate(legend):
        cf, _, rest = (entry or "").partition(":")
        kind, _, rest = rest.partition(":")
        uuid, _, source = rest.partition(":")
        if cf == "AVERAGE" and kind in ("host", "vm") and _WANTED.fullmatch(source):
            columns.append(Column(position, kind, uuid, source))
    return tuple(columns)


def _root(body: bytes) -> etree._Element:
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise BadAnswer("the RRDs come with a document type, which no host sends")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    try:
        try:
            return etree.fromstring(body, parser)
        except etree.XMLSyntaxError:
            return etree.fromstring(mend_xml(body), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadAnswer(f"the RRDs are no XML ({error})") from error


def parse(body: bytes) -> Updates:
    """The XML that `/rrd_updates` gives; raises BadAnswer for anything else."""
    root = _root(body)
    legend = root.find("meta/legend")
    data = root.find("data")
    if root.tag != "xport" or legend is None or data is None:
        raise BadAnswer("the RRDs have another form than xport's")
    width = len(legend)
    rows = []
    for row in data:
        time_text = row.findtext("t") or ""
        values = tuple(cell.text for cell in row.iterfind("v"))
        if not time_text.strip().isdecimal() or len(values) != width:
            raise BadAnswer("a row of the RRDs is not complete")
        rows.append((int(time_text), values))
    rows.sort(key=lambda row: row[0], reverse=True)
    return Updates(_columns([entry.text for entry in legend]), tuple(rows[:ROWS]))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def known_values(updates: Updates, now: float) -> HostRrd:
    """The newest known value of each column at `now`, in seconds of the host's clock."""
    owners: dict[str, dict[str, dict[str, float]]] = {"host": {}, "vm": {}}
    fresh = [values for at, values in updates.rows if now - at <= MAX_AGE]
    for column in updates.columns:
        for values in fresh:
            value = _number(values[column.position])
            if value is not None:
                owner = owners[column.kind].setdefault(column.uuid, {})
                owner.setdefault(column.source, value)
                break
    age = None if updates.newest is None else max(now - updates.newest, 0.0)
    return HostRrd(owners["host"], owners["vm"], age)


_TIME: Final = msgspec.json.Decoder(str)


def parse_time(text: str) -> datetime:
    """XAPI's dates, `20240131T10:11:12Z` or with dashes; raises BadAnswer for others."""
    compact = text.replace("-", "")
    try:
        return datetime.strptime(compact, "%Y%m%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise BadAnswer(f"XAPI gives a time that is none ({text[:40]!r})") from error


class HostClock:
    """How far a host's clock is ahead of ours, as its XAPI says."""

    def __init__(
        self,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._asked: float | None = None
        self.offset = 0.0

    @property
    def known(self) -> bool:
        """Whether the host has ever said its time."""
        return self._asked is not None

    @property
    def due(self) -> bool:
        """Whether it is time to ask again."""
        return self._asked is None or self._monotonic() - self._asked >= _CLOCK_INTERVAL

    def now(self) -> float:
        """The host's time in seconds since the epoch; ours as long as it isn't known."""
        return self._wall() + self.offset

    async def ask(self, session: Session, host_ref: str) -> None:
        """Ask the host for its time; where it doesn't say, what was known stays."""
        before = self._wall()
        try:
            async with asyncio.timeout(_CLOCK_TIMEOUT):
                text = await session.call(_TIME, "host.get_servertime", host_ref)
            # Whole seconds, cut off: on average half a second has passed since.
            host_time = parse_time(text).timestamp() + 0.5
        except SessionInvalid:
            raise
        except (PoolError, TimeoutError):
            return
        self.offset = host_time - (before + self._wall()) / 2
        self._asked = self._monotonic()


class HostRrdReader:
    """The RRDs of one host, read again and again."""

    def __init__(self, host_ref: str, clock: HostClock | None = None) -> None:
        self._host_ref = host_ref
        self._clock = clock or HostClock()

    async def read(self, session: Session, target: Target) -> HostRrd:
        """What the RRDs of the host at `target` say now; raises PoolError.

        The clock is asked first when it isn't known, beside the RRDs every five minutes, and
        after them when their rows seem too old or too new for it.
        """
        clock = self._clock
        just_asked = clock.due
        if not clock.known:
            await clock.ask(session, self._host_ref)
            updates = await self._updates(session, target)
        elif clock.due:
            updates, _ = await asyncio.gather(
                self._updates(session, target), clock.ask(session, self._host_ref)
            )
        else:
            updates = await self._updates(session, target)
        if self._implausible(updates):
            offset = clock.offset
            if not just_asked:
                await clock.ask(session, self._host_ref)
            if updates.newest is None:
                updates = await self._updates(session, target, start=_LATEST_ROWS)
            elif abs(clock.offset - offset) > _CLOCK_TOLERANCE:
                updates = await self._updates(session, target)
        return known_values(updates, clock.now())

    def _implausible(self, updates: Updates) -> bool:
        newest, now = updates.newest, self._clock.now()
        return newest is None or now - newest > MAX_AGE or newest - now > _CLOCK_TOLERANCE

    async def _updates(
        self, session: Session, target: Target, *, start: str | None = None
    ) -> Updates:
        if start is None:
            known = self._clock.known
            start = str(int(self._clock.now()) - _WINDOW) if known else _LATEST_ROWS
        query = {"start": start, "interval": str(STEP), "cf": "AVERAGE", "host": "true"}
        return parse(await session.fetch_rrd(target, query, limit=MAX_BODY))

"""The XML of `/rrd_updates`: the one dialect that every generation of hosts prints alike.

Its rows come newest first, with a legend entry `CF:owner:uuid:source` for each column, in any
order. Times are of the host's clock, which may be hours off ours.
"""

import hashlib
import math
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from lxml import etree

from xo_exporter.errors import BadAnswer
from xo_exporter.rrd.values import HostRrd
from xo_exporter.xapi.xml_text import has_document_type, mend

MAX_AGE: Final = 60.0  # seconds; what is older is unknown
ROWS: Final = 3  # the newest ones that a value may come from

_WANTED: Final = re.compile(
    r"cpu[0-9]+|cpu_avg|cpu_usage|memory|memory_internal_free|memory_total_kib|memory_free_kib"
)
_TIME_DIGITS: Final = 12
_TIME: Final = re.compile(f"[0-9]{{1,{_TIME_DIGITS}}}")  # seconds since the epoch
_END_OF_LEGEND: Final = b"</legend></meta><data>"


Row = tuple[int, Sequence[str | bytes | None]]
"""The time of a row, and the text of each of its cells."""


class Column(NamedTuple):
    """A column that is wanted."""

    position: int
    kind: str  # host or vm
    uuid: str
    source: str


class Updates(NamedTuple):
    """A parsed answer: the wanted columns, and the newest rows, newest first."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def newest(self) -> int | None:
        """Time of the newest row in seconds of the host's clock; None without rows."""
        return self.rows[0][0] if self.rows else None


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
    if has_document_type(body):
        raise BadAnswer("the RRDs come with a document type, which no host sends")
    parser = etree.XMLParser(
        encoding="utf-8",  # whatever it says itself: another one could hide a document type
        resolve_entities=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        try:
            return etree.fromstring(body, parser)
        except etree.XMLSyntaxError:
            return etree.fromstring(mend(body), parser)
    except etree.XMLSyntaxError as error:
        # lxml's own text quotes what came, which may be what was sent.
        line, column = error.position
        raise BadAnswer(f"the RRDs are no XML (line {line}, column {column})") from error
    except ValueError as error:
        raise BadAnswer("the RRDs are no XML") from error


class Parser:
    """Parses the answers of one host, one after the other.

    What a legend says is worked out once for as long as it stays the same, and then the rows
    are split as hosts print them, to the byte; whatever looks otherwise is left to lxml.
    """

    def __init__(self) -> None:
        self._legend = b""  # a digest of it
        self._width = 0
        self._columns: tuple[Column, ...] = ()

    def parse(self, body: bytes) -> Updates:
        """The XML that `/rrd_updates` gives; raises BadAnswer for anything else."""
        head, end_of_legend, data = body.partition(_END_OF_LEGEND)
        _, _, legend = head.partition(b"<legend>")
        digest = hashlib.blake2b(legend, digest_size=16).digest() if end_of_legend else b""
        if digest and digest == self._legend:
            rows = self._split(data)
            if rows is not None:
                return _updates(self._columns, rows)
        entries, parsed = _parsed(body)
        self._legend, self._width, self._columns = digest, len(entries), _columns(entries)
        return _updates(self._columns, parsed)

    def _split(self, data: bytes) -> list[Row] | None:
        """The rows, where they have exactly the form that hosts print; else None."""
        rows: list[Row] = []
        *texts, rest = data.split(b"</row>")
        if rest != b"</data></xport>":
            return None
        for text in texts:
            head, between, cells = text.partition(b"</t><v>")
            time_text = head.removeprefix(b"<row><t>")
            values = cells.removesuffix(b"</v>").split(b"</v><v>")
            begun = between and head.startswith(b"<row><t>")
            timed = begun and time_text.isdigit() and len(time_text) <= _TIME_DIGITS
            # So many signs are those between the cells: there is no other markup in them.
            signs = 2 * self._width - 1
            plain = cells.endswith(b"</v>") and cells.count(b"<") == signs and b"&" not in cells
            if not (timed and plain and len(values) == self._width):
                return None
            rows.append((int(time_text), values))
        return rows


def parse(body: bytes) -> Updates:
    """The XML that `/rrd_updates` gives; raises BadAnswer for anything else."""
    return Parser().parse(body)


def _parsed(body: bytes) -> tuple[list[str | None], list[Row]]:
    root = _root(body)
    legend = root.find("meta/legend")
    data = root.find("data")
    if root.tag != "xport" or legend is None or data is None:
        raise BadAnswer("the RRDs have another form than xport's")
    entries = [entry.text for entry in legend.iterfind("entry")]
    rows: list[Row] = []
    for row in data.iterfind("row"):
        time_text = (row.findtext("t") or "").strip()
        values = [cell.text for cell in row.iterfind("v")]
        if not _TIME.fullmatch(time_text) or len(values) != len(entries):
            raise BadAnswer("a row of the RRDs is not complete")
        rows.append((int(time_text), values))
    return entries, rows


def _updates(columns: tuple[Column, ...], rows: list[Row]) -> Updates:
    rows.sort(key=lambda row: row[0], reverse=True)
    return Updates(columns, tuple(rows[:ROWS]))


def _number(text: str | bytes | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    # Nothing that is read can be below 0: such a value is unknown, and an older one may be known.
    return value if math.isfinite(value) and value >= 0 else None


def known_values(updates: Updates, now: float) -> HostRrd:
    """The newest known value of each column at `now`, in seconds of the host's clock.

    It can't be before the newest row, whatever we know of that clock.
    """
    now = max(now, float(updates.newest or 0))
    owners: dict[str, dict[str, dict[str, float]]] = {"host": {}, "vm": {}}
    fresh = [values for at, values in updates.rows if now - at <= MAX_AGE]
    for column in updates.columns:
        for values in fresh:
            value = _number(values[column.position])
            if value is not None:
                owner = owners[column.kind].setdefault(column.uuid, {})
                owner.setdefault(column.source, value)
                break
    age = None if updates.newest is None else now - updates.newest
    return HostRrd(owners["host"], owners["vm"], age)

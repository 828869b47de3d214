"""The XML of `/rrd_updates`: the one dialect that every generation of hosts prints alike.

Its rows come newest first, with a legend entry `CF:owner:uuid:source` for each column, in any
order. Times are of the host's clock, which may be hours off ours.
"""

import math
import re
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
_TIME: Final = re.compile("[0-9]{1,12}")  # seconds since the epoch


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
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadAnswer(f"the RRDs are no XML ({error})") from error


def parse(body: bytes) -> Updates:
    """The XML that `/rrd_updates` gives; raises BadAnswer for anything else."""
    root = _root(body)
    legend = root.find("meta/legend")
    data = root.find("data")
    if root.tag != "xport" or legend is None or data is None:
        raise BadAnswer("the RRDs have another form than xport's")
    entries = [entry.text for entry in legend.iterfind("entry")]
    rows = []
    for row in data.iterfind("row"):
        time_text = (row.findtext("t") or "").strip()
        values = tuple(cell.text for cell in row.iterfind("v"))
        if not _TIME.fullmatch(time_text) or len(values) != len(entries):
            raise BadAnswer("a row of the RRDs is not complete")
        rows.append((int(time_text), values))
    rows.sort(key=lambda row: row[0], reverse=True)
    return Updates(_columns(entries), tuple(rows[:ROWS]))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


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

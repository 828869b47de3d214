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
from xo_exporter.rrd.values import HostRrd, Sources, Values
from xo_exporter.xapi.xml_text import has_document_type, mend

MAX_AGE: Final = 60.0  # seconds; what is older is unknown
ROWS: Final = 3  # the newest ones that a value may come from

_TIME_DIGITS: Final = 12
_TIME: Final = re.compile(f"[0-9]{{1,{_TIME_DIGITS}}}")  # seconds since the epoch
_END_OF_LEGEND: Final = b"</legend></meta><data>"
_BETWEEN: Final = b"</v><v>"


Cells = Sequence[str | bytes | None]
"""The text of each cell of a row."""

Row = tuple[int, Cells]
"""The time of a row, and its cells."""


class Owner(NamedTuple):
    """A host or VM that has columns: what they are, and where in each row.

    `repeats` has the further columns of sources that come more than once: the place among
    `sources`, and that in a row.
    """

    kind: str  # host or vm
    uuid: str
    sources: Sources
    positions: tuple[int, ...]
    repeats: tuple[tuple[int, int], ...] = ()


class Updates(NamedTuple):
    """A parsed answer: whose columns there are, and the newest rows, newest first."""

    owners: tuple[Owner, ...]
    rows: tuple[Row, ...]

    @property
    def newest(self) -> int | None:
        """Time of the newest row in seconds of the host's clock; None without rows."""
        return self.rows[0][0] if self.rows else None


def _owners(legend: list[str | None]) -> tuple[Owner, ...]:
    columns: dict[tuple[str, str], dict[str, list[int]]] = {}
    for position, entry in enumerate(legend):
        cf, _, rest = (entry or "").partition(":")
        kind, _, rest = rest.partition(":")
        uuid, _, source = rest.partition(":")
        if cf == "AVERAGE" and kind in ("host", "vm") and source:
            columns.setdefault((kind, uuid), {}).setdefault(source, []).append(position)
    return tuple(
        Owner(
            kind,
            uuid,
            Sources(tuple(found)),
            tuple(positions[0] for positions in found.values()),
            tuple(
                (place, again)
                for place, positions in enumerate(found.values())
                for again in positions[1:]
            ),
        )
        for (kind, uuid), found in columns.items()
    )


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
        self._owners: tuple[Owner, ...] = ()

    def parse(self, body: bytes) -> Updates:
        """The XML that `/rrd_updates` gives; raises BadAnswer for anything else."""
        head, end_of_legend, data = body.partition(_END_OF_LEGEND)
        _, _, legend = head.partition(b"<legend>")
        digest = hashlib.blake2b(legend, digest_size=16).digest() if end_of_legend else b""
        if digest and digest == self._legend:
            rows = self._split(data)
            if rows is not None:
                return _updates(self._owners, rows)
        entries, parsed = _parsed(body)
        self._legend, self._width, self._owners = digest, len(entries), _owners(entries)
        return _updates(self._owners, parsed)

    def _split(self, data: bytes) -> list[Row] | None:
        """The rows, where they have exactly the form that hosts print; else None."""
        found: list[tuple[int, bytes]] = []
        *texts, rest = data.split(b"</row>")
        if rest != b"</data></xport>":
            return None
        for text in texts:
            head, between, cells = text.partition(b"</t><v>")
            time_text = head.removeprefix(b"<row><t>")
            begun = between and head.startswith(b"<row><t>")
            timed = begun and time_text.isdigit() and len(time_text) <= _TIME_DIGITS
            # So many signs are those between the cells: there is no other markup in them.
            signs = 2 * self._width - 1
            plain = cells.endswith(b"</v>") and cells.count(b"<") == signs and b"&" not in cells
            if not (timed and plain and cells.count(_BETWEEN) == self._width - 1):
                return None
            found.append((int(time_text), cells))
        # No more than will be looked at.
        found.sort(key=lambda row: row[0], reverse=True)
        return [(at, cells.removesuffix(b"</v>").split(_BETWEEN)) for at, cells in found[:ROWS]]


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


def _updates(owners: tuple[Owner, ...], rows: list[Row]) -> Updates:
    rows.sort(key=lambda row: row[0], reverse=True)
    return Updates(owners, tuple(rows[:ROWS]))


def _number(text: str | bytes | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return math.nan


def _numbers(cells: Cells) -> list[float]:
    try:
        return list(map(float, cells))  # type: ignore[arg-type]  # None is a TypeError, as caught
    except (TypeError, ValueError):
        return [_number(cell) for cell in cells]


def known_values(updates: Updates, now: float) -> HostRrd:
    """The newest known value of each column at `now`, in seconds of the host's clock.

    It can't be before the newest row, whatever we know of that clock. Nothing that is read can
    be below 0: such a value is unknown, as NaN and infinities are, and an older one may be known.
    """
    now = max(now, float(updates.newest or 0))
    found: dict[str, dict[str, Values]] = {"host": {}, "vm": {}}
    rows = [cells for at, cells in updates.rows if now - at <= MAX_AGE]
    newest = _numbers(rows[0]) if rows else []
    for owner in updates.owners if rows else ():
        numbers = _known(owner, newest, rows)
        if numbers.count(None) < len(numbers):
            found[owner.kind][owner.uuid] = Values(owner.sources, numbers)
    age = None if updates.newest is None else now - updates.newest
    return HostRrd(found["host"], found["vm"], age)


def _known(owner: Owner, newest: list[float], rows: list[Cells]) -> list[float | None]:
    numbers = [
        number if 0 <= (number := newest[position]) < math.inf else None
        for position in owner.positions
    ]
    if None in numbers:
        further = [*owner.repeats, *enumerate(owner.positions)]
        for cells in rows:
            for place, position in further:
                if numbers[place] is None:
                    number = _number(cells[position])
                    numbers[place] = number if 0 <= number < math.inf else None
    return numbers

"""The XML of `/rrd_updates`: the one dialect that every generation of hosts prints alike.

Its rows come newest first, with a legend entry `CF:owner:uuid:source` for each column, in any
order. Times are of the host's clock, which may be hours off ours.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, NamedTuple

from lxml import etree

from xo_exporter.errors import BadAnswer
from xo_exporter.rrd.printed import TIME_DIGITS, PrintedCells, number, printed_rows
from xo_exporter.rrd.values import HostRrd, Sources, Values, sources_of
from xo_exporter.xapi.xml_text import has_document_type, mend

MAX_AGE: Final = 60.0  # seconds; what is older is unknown
ROWS: Final = 3  # the newest ones that a value may come from

_TIME: Final = re.compile(f"[0-9]{{1,{TIME_DIGITS}}}")  # seconds since the epoch
_LEGEND: Final = b"<legend>"
_LACKING: Final = [""] * 3  # of an entry without colons
_END_OF_LEGEND: Final = b"</legend></meta><data>"

Cells = PrintedCells | list[str | None]
"""The text of each cell of a row."""

Row = tuple[int, Cells]
"""The time of a row, and its cells."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A host or VM that has columns: what they are, and where in each row.

    `of` gives its values out of those of a row. `repeats` has the further columns of sources
    that come more than once: the place among `sources`, and that in a row.
    """

    kind: str  # host or vm
    uuid: str
    sources: Sources
    positions: tuple[int, ...]
    repeats: tuple[tuple[int, int], ...] = ()
    of: Callable[[list[float]], Sequence[float]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        first, last = self.positions[0], self.positions[-1]
        together = self.positions == tuple(range(first, last + 1))
        wanted = (slice(first, last + 1),) if together else self.positions
        object.__setattr__(self, "of", itemgetter(*wanted))


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
        cf, kind, uuid, source = ((entry or "").split(":", 3) + _LACKING)[:4]
        if cf == "AVERAGE" and kind in ("host", "vm") and source:
            columns.setdefault((kind, uuid), {}).setdefault(source, []).append(position)
    return tuple(
        Owner(
            kind,
            uuid,
            sources_of(tuple(found)),
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
    are read as hosts print them, to the byte; whatever looks otherwise is left to lxml.
    """

    def __init__(self) -> None:
        # The legend with what ends it, as a digest takes longer; its columns; whose they are.
        self._known: tuple[bytes, int, tuple[Owner, ...]] = b"", 0, ()

    def parse_familiar(self, body: bytes) -> Updates | None:
        """As `parse`, where the legend is that of the last answer, which is quick; else None."""
        legend, width, owners = self._known
        start = body.find(_LEGEND)
        if not legend or not body.startswith(legend, start):
            return None
        rows = printed_rows(body[start + len(legend) :], width, ROWS)
        return None if rows is None else Updates(owners, tuple(rows))

    def parse(self, body: bytes) -> Updates:
        """The XML that `/rrd_updates` gives; raises BadAnswer for anything else.

        It may be called in a thread, while another call that nobody waits for still runs.
        """
        return self.parse_familiar(body) or self._parse_anew(body)

    def _parse_anew(self, body: bytes) -> Updates:
        entries, parsed = _parsed(body)
        start = body.find(_LEGEND)
        end = body.find(_END_OF_LEGEND, start)
        legend = b"" if end < 0 else body[start : end + len(_END_OF_LEGEND)]
        owners = _owners(entries)
        self._known = legend, len(entries), owners
        return _updates(owners, parsed)


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


def _numbers(cells: Cells) -> list[float]:
    if isinstance(cells, PrintedCells):
        return cells.numbers()
    return [number(cell) for cell in cells]


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


def _known(owner: Owner, newest: list[float], rows: list[Cells]) -> Sequence[float | None]:
    found = owner.of(newest)
    if math.isfinite(sum(found)) and min(found) >= 0:
        return found  # as a rule all are known
    numbers = [_or_none(value) for value in found]
    for place, position in owner.repeats:
        if numbers[place] is None:
            numbers[place] = _or_none(newest[position])
    further = (*owner.repeats, *enumerate(owner.positions))
    wanted = [(place, position) for place, position in further if numbers[place] is None]
    for cells in rows[1:]:
        for place, position in wanted:
            if numbers[place] is None:
                numbers[place] = _or_none(_number(cells, position))
    return numbers


def _number(cells: Cells, position: int) -> float:
    return cells.number(position) if isinstance(cells, PrintedCells) else number(cells[position])


def _or_none(value: float) -> float | None:
    return value if 0 <= value < math.inf else None

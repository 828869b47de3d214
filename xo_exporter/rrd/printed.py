"""Rows of `/rrd_updates` exactly as hosts print them, read without an XML parser.

They are checked to the byte; their cells are made numbers, or told apart, when they are looked at.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final, overload

import msgspec

TIME_DIGITS: Final = 12  # of seconds since the epoch

_BETWEEN: Final = b"</v><v>"
_SIGNS_BETWEEN: Final = 2
_NAN: Final = b"NaN"
_FLOATS: Final = msgspec.json.Decoder(list[float], strict=False)


def number(text: str | bytes | None) -> float:
    """The number in a cell; NaN where there is none."""
    try:
        return float(text or "")
    except ValueError:
        return math.nan


class PrintedCells(Sequence[bytes]):
    """The text of each of the `width` cells of a row; `text` has nothing but these."""

    __slots__ = ("_lacking", "_split", "_text", "_width")

    def __init__(self, text: bytes, width: int) -> None:
        self._text = text
        self._width = width
        self._split: list[bytes] | None = None
        self._lacking: frozenset[int] | None = None

    def __len__(self) -> int:
        return self._width

    @overload
    def __getitem__(self, position: int) -> bytes: ...
    @overload
    def __getitem__(self, position: slice) -> list[bytes]: ...
    def __getitem__(self, position: int | slice) -> bytes | list[bytes]:
        if self._split is None:
            self._split = self._text.split(_BETWEEN)
        return self._split[position]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PrintedCells) and self._text == other._text

    __hash__ = None  # type: ignore[assignment]  # what a class with __eq__ alone has anyway

    def number(self, position: int) -> float:
        """The number in one cell, NaN where there is none."""
        if self._lacking is None:
            self._lacking = frozenset(_lacking(self._text))
        # Of what the newest row lacks, as of a disk that is gone, older ones mostly have nothing.
        return math.nan if position in self._lacking else number(self[position])

    def numbers(self) -> list[float]:
        """The number in each cell, NaN where there is none."""
        # As a JSON array of texts they are read four times as fast as one by one.
        if b"\\" not in self._text:
            try:
                numbers = _FLOATS.decode(b'["%b"]' % self._text.replace(_BETWEEN, b'","'))
            except msgspec.DecodeError:
                pass
            else:
                if len(numbers) == self._width:
                    return numbers
        return [number(cell) for cell in self]


def _lacking(text: bytes) -> Iterator[int]:
    """The positions of the cells that have a NaN."""
    position = at = 0
    found = text.find(_NAN)
    while found >= 0:
        position += text.count(b"<", at, found) // _SIGNS_BETWEEN
        yield position
        at = found + len(_NAN)
        found = text.find(_NAN, at)


def printed_rows(data: bytes, width: int, most: int) -> list[tuple[int, PrintedCells]] | None:
    """The newest rows in what follows a legend of `width` entries, `most` of them, newest first.

    None where these don't have exactly the form that hosts print.
    """
    found: list[tuple[int, bytes]] = []
    *texts, rest = data.split(b"</row>")
    if rest != b"</data></xport>":
        return None
    for text in texts:
        head, between, cells = text.partition(b"</t><v>")
        time_text = head.removeprefix(b"<row><t>")
        begun = between and head.startswith(b"<row><t>")
        if not (begun and time_text.isdigit() and len(time_text) <= TIME_DIGITS):
            return None
        found.append((int(time_text), cells))
    found.sort(key=lambda row: row[0], reverse=True)
    del found[most:]
    if not all(_is_plain(cells, width) for _, cells in found):
        return None
    return [(at, PrintedCells(cells.removesuffix(b"</v>"), width)) for at, cells in found]


def _is_plain(cells: bytes, width: int) -> bool:
    # So many signs are those between the cells: there is no other markup in them.
    signs = 2 * width - 1
    plain = cells.endswith(b"</v>") and cells.count(b"<") == signs and b"&" not in cells
    return plain and cells.count(_BETWEEN) == width - 1

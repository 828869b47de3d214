"""What a value of XAPI is worth: known, or None."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Final

from xo_exporter.xapi import dates

_INT64 = 1 << 63

_UNIX_TIME: Final = re.compile(r"([0-9]{1,12})(?:\.[0-9]{0,12})?")
_NEVER: Final = 31_536_000  # seconds of 1970, which XAPI writes for what never was


def count(value: int | None) -> int | None:
    """A count or size that XAPI can mean: below 0, or past 64 bits, is unknown."""
    return value if value is not None and 0 <= value < _INT64 else None


def integer(text: str | int | None) -> int | None:
    """The number that a text of a map is; what is none is unknown."""
    if isinstance(text, str):
        return int(text) if re.fullmatch("[0-9]{1,18}", text.strip()) else None
    return text


def number(text: str | float | None) -> float | None:
    """The number that a text of a map is, with a fraction or without; what is none is unknown."""
    if isinstance(text, str):
        return float(text) if re.fullmatch(r"[0-9]{1,18}(\.[0-9]{0,18})?", text.strip()) else None
    return text


def positive(value: int | None) -> int | None:
    """As `count`, where 0 is unknown too."""
    return count(value) or None


def not_negative(value: float | None) -> float | None:
    """A usage below 0 is unknown."""
    return value if value is not None and value >= 0 else None


def whole(value: int | float) -> int | float | None:  # noqa: PYI041  which of both it is shows
    """A size in bytes worked out from RRD values: an int where it is one; below 0, unknown."""
    if value < 0 or not math.isfinite(value):
        return None
    return int(value) if float(value).is_integer() else value


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of those that are known; None when none is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def total(values: Sequence[float | None]) -> int | float | None:
    """The sum of those that are known: 0 of nothing, but None when there are only unknown ones."""
    known = [value for value in values if value is not None]
    return sum(known) if known or not values else None


def count_of(values: Sequence[int | None]) -> int | None:
    """As `total`, of whole numbers."""
    found = total(values)
    return None if found is None else int(found)


def version(text: str) -> tuple[int, ...]:
    """The leading numbers of a version, `24.19.2-1.9` is (24, 19, 2); () for none."""
    match = re.match(r"[0-9]{1,9}(\.[0-9]{1,9})*", text)
    return tuple(int(number) for number in match[0].split(".")) if match else ()


def timestamp(text: str) -> int | None:
    """The Unix time of one of XAPI's dates, `20240131T10:11:12Z` or with dashes, which are UTC.

    What is no date, or is in 1970, is unknown: that is how XAPI writes what never was.
    """
    seconds = dates.unix_time(text)
    return seconds if seconds is not None and seconds >= _NEVER else None


def unix_time(text: str) -> int | None:
    """The whole seconds of a Unix time that a map holds, `1700000000.` or with a fraction.

    0, which is what never was, and what is no time is unknown.
    """
    match = _UNIX_TIME.fullmatch(text.strip())
    return int(match[1]) or None if match else None

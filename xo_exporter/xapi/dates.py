"""XAPI's dates, which are UTC: `20240131T10:11:12Z`, of later releases with dashes."""

import calendar
import re
from typing import Final

_DATE: Final = re.compile(
    r"([0-9]{4})-?(0[1-9]|1[0-2])-?(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)(?:\.[0-9]{1,9})?Z?"
)


def unix_time(text: str) -> int | None:
    """The whole seconds since the epoch that a date is; None of what is no date since then."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(number) for number in match.groups())
    if year < 1970 or day > calendar.monthrange(year, month)[1]:
        return None
    return calendar.timegm((year, month, day, hour, minute, second))

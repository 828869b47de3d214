"""The paths to a multipathed disk, as the storage drivers write their numbers."""

import re
from typing import Final, NamedTuple

_COUNTS: Final = re.compile(r"\[ *([0-9]{1,9})L?, *([0-9]{1,9})L? *\]")


class Paths(NamedTuple):
    """How many paths there are now, and how many there were at best."""

    now: int
    best: int


def paths(text: str) -> Paths | None:
    """The numbers in a text such as "[3, 4]"; None where it is another one."""
    match = _COUNTS.fullmatch(text.strip())
    return None if match is None else Paths(int(match[1]), int(match[2]))

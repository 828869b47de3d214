"""A large JSON body, taken apart: the objects of one array one by one, and all the rest.

A decoder holds up every other thread until it is through with a body, and makes of some bodies
much more than they are. Object by object neither happens.
"""

import re
from collections.abc import Callable
from typing import Final

from xo_exporter.errors import BadAnswer

LONGEST_OBJECT: Final = 1 << 22
"""Bytes; the longest records that there are have some ten thousand."""

_DEEPEST: Final = 7  # objects in objects; an event has a record, and that has maps
_GAP: Final = 64  # bytes of white space that there may be where none is needed


def _object(depth: int) -> bytes:
    string = rb'"(?:[^"\\]++|\\.)*+"'
    inner = rb"|" + _object(depth - 1) if depth else b""
    return rb'\{(?:[^{}"]++|' + string + inner + rb")*+\}"


# Possessive all through, and what can come next differs by its first byte: each is read once.
_OBJECT: Final = re.compile(_object(_DEEPEST), re.DOTALL)
_OPENING: Final = re.compile(rb"\s*+:\s*+\[\s*+")
_NEXT: Final = re.compile(rb"\s*+([,\]])\s*+")


def take_apart(body: bytes, key: bytes, take: Callable[[bytes], None]) -> bytes:
    """Give each object of the array that `key` names to `take`; the body with that array empty.

    It is the first of that name, wherever it stands; the body as it is where there is none.
    Raises BadAnswer, and whatever `take` does, where something else than objects is in it.
    """
    name = b'"%b"' % key
    at = body.find(name) + len(name)
    opening = _OPENING.match(body, at, at + _GAP) if at >= len(name) else None
    if opening is None or body.startswith(b"]", opening.end()):
        return body
    start = at = opening.end()
    while True:
        element = _OBJECT.match(body, at, at + LONGEST_OBJECT)
        following = element and _NEXT.match(body, element.end(), element.end() + _GAP)
        if not element or not following:
            raise BadAnswer(
                f"at byte {at} is no object, or one that is longer than {LONGEST_OBJECT} bytes"
            )
        take(element[0])
        at = following.end()
        if following[1] == b"]":
            return body[:start] + body[following.start(1) :]

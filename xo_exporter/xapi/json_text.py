"""JSON as XAPI really writes it: mended where it is no JSON, decoded by type.

A body may be large and made to be slow: what is searched here is searched by patterns that pass
over each byte once, and what is to be replaced is counted first.
"""

import re
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from xo_exporter.errors import BadAnswer
from xo_exporter.xapi import utf8

T = TypeVar("T")

_LONGEST: Final = 1 << 22
"""Bytes that are mended: no record that people made is longer, and mending takes its time."""
_MOST: Final = 200_000
"""Places to mend; where there seem to be more, it is no pool with a few odd names."""

# An escape begins at a backslash that isn't escaped itself; pairs of surrogates are passed over.
_SURROGATE: Final = re.compile(
    rb"(?<!\\)((?:\\\\)*+)"
    rb"(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2}))"
)
_NO_NUMBER: Final = re.compile(
    rb'((?:"(?:[^"\\]++|\\.)*+"|[^"NI-]++|-(?!Infinity)|N(?!aN)|I(?!nfinity))*+)'
    rb"(?:NaN|-?Infinity)",
    re.DOTALL,
)

_TOO_LARGE: Final = re.compile(
    rb'("(?:[^"\\]++|\\.)*+(?:"|\Z))|-?[0-9]++(?:\.[0-9]++)?[eE]\+?[0-9]{3,}+', re.DOTALL
)


def _mend_escape(found: re.Match[bytes]) -> bytes:
    return found[1] + b"\\ufffd" if found["lone"] else found[0]


def _without_lone_surrogates(body: bytes) -> bytes:
    if not 0 < body.count(b"\\ud") + body.count(b"\\uD") <= _MOST:
        return body
    return _SURROGATE.sub(_mend_escape, body)


def _without_odd_numbers(body: bytes) -> bytes:
    if not 0 < body.count(b"NaN") + body.count(b"Infinity") <= _MOST:
        return body
    parts = []
    at = 0
    # From one to the next, since a search would begin anew at each place where none follows.
    while found := _NO_NUMBER.match(body, at):
        parts += [found[1], b"null"]
        at = found.end()
    return b"".join([*parts, body[at:]])


def mend(body: bytes) -> bytes:
    """The same JSON text with what no strict decoder takes replaced.

    Ill-formed UTF-8 and lone surrogates become U+FFFD; bare NaN and infinities, which XAPI's
    JSON library prints for such floats, become null.
    """
    return _without_odd_numbers(_without_lone_surrogates(utf8.well_formed(body)))


def _without_large_numbers(body: bytes) -> bytes:
    return _TOO_LARGE.sub(lambda found: found[1] or b"null", body)


def decode(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw, what: str) -> T:
    """`body` by `decoder`, mended first where it must be; a number that no float can be is null.

    Raises BadAnswer, naming `what` was being read, when it can't be decoded even then.
    """
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        mender = _mender_for(error)
        if mender is None or memoryview(body).nbytes > _LONGEST:
            raise BadAnswer(f"{what} can't be decoded ({error})") from error
    try:
        return decoder.decode(mender(bytes(body)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswer(f"{what} can't be decoded ({error})") from error


def _mender_for(error: Exception) -> Callable[[bytes], bytes] | None:
    match error:
        case msgspec.ValidationError():  # its text is all that tells this one from the others
            return _without_large_numbers if "out of range" in str(error) else None
        case RecursionError():
            return None
        case _:
            return mend

"""JSON as XAPI really writes it: mended where it is no JSON, decoded by type."""

import re
from typing import Final, TypeVar

import msgspec

from xo_exporter.errors import BadAnswer
from xo_exporter.xapi import utf8

T = TypeVar("T")

# A string that is never closed counts as one, so that what is in it is left alone, and the
# search doesn't start again at each quote in it.
_TOKEN: Final = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|-?\bInfinity\b|\bNaN\b', re.DOTALL
)
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def _mend_escapes(text: str) -> str:
    return _ESCAPE.sub(lambda found: "\\ufffd" if found["lone"] else found[0], text)


def _mend_token(token: re.Match[str]) -> str:
    return _mend_escapes(token[0]) if token[0].startswith('"') else "null"


def mend(body: bytes) -> bytes:
    """The same JSON text with what no strict decoder takes replaced.

    Ill-formed UTF-8 and lone surrogates become U+FFFD; bare NaN and infinities, which XAPI's
    JSON library prints for such floats, become null.
    """
    text = utf8.decode(body)
    if "NaN" in text or "Infinity" in text:
        return _TOKEN.sub(_mend_token, text).encode()
    return _mend_escapes(text).encode()


def decode(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw, what: str) -> T:
    """`body` by `decoder`, mended first where it must be.

    Raises BadAnswer, naming `what` was being read, when it can't be decoded even then.
    """
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return decoder.decode(mend(bytes(body)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswer(f"{what} can't be decoded ({error})") from error

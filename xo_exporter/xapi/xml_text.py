"""XML as servers really write it: mended where it is none."""

import re
from collections.abc import Iterator
from typing import Final

from xo_exporter.xapi import utf8

_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_MOST_REFERENCES: Final = 200_000  # where there are more, it is nothing that a host prints
_REFERENCE: Final = re.compile(r"&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,10}));")


def has_document_type(body: bytes) -> bool:
    """Whether `body` has a document type: that of an entity bomb, since hosts send none."""
    return b"<!DOCTYPE" in body or b"<!ENTITY" in body


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    """All of `body` in pieces of about `size` bytes, each of which can be mended by itself.

    They end with a tag, if there is one within `size`: no character and no reference is cut.
    """
    at = 0
    while at < len(body):
        end = body.rfind(b">", at, at + size) + 1 or at + size
        yield body[at:end]
        at = end


def _mend_reference(found: re.Match[str]) -> str:
    code = int(found[1], 16) if found[1] else int(found[2])
    legal = (
        code in (0x9, 0xA, 0xD)
        or 0x20 <= code < 0xD800
        or 0xE000 <= code < 0xFFFE
        or 0x10000 <= code < 0x110000
    )
    return found[0] if legal else "\ufffd"


def mend(body: bytes) -> bytes:
    """The same XML with bytes and characters that XML has no place for as U+FFFD."""
    text = _NOT_XML.sub("\ufffd", utf8.decode(body))
    if 0 < text.count("&#") <= _MOST_REFERENCES:
        text = _REFERENCE.sub(_mend_reference, text)
    return text.encode()

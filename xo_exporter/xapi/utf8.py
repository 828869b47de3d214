"""Text out of bytes that are meant to be UTF-8, and now and then are not quite."""

import re
from typing import Final

# What a lone surrogate looks like when it is encoded although it must not be. These bytes occur
# nowhere in well-formed UTF-8, and Python would replace each of the three on its own.
_SURROGATE: Final = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_MOST_SURROGATES: Final = 200_000  # where there are more, it is no text with a few odd names


def decode(body: bytes) -> str:
    """The text of `body`, with U+FFFD for each ill-formed byte and each encoded surrogate."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        if 0 < body.count(b"\xed") <= _MOST_SURROGATES:
            body = _SURROGATE.sub(b"\xef\xbf\xbd", body)
        return body.decode("utf-8", "replace")


def well_formed(body: bytes) -> bytes:
    """The same bytes, with U+FFFD for each ill-formed byte and each encoded surrogate."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return decode(body).encode()
    return body

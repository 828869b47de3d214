"""Text out of bytes that are meant to be UTF-8, and now and then are not quite."""

import re
from typing import Final

# What a lone surrogate looks like when it is encoded although it must not be. These bytes occur
# nowhere in well-formed UTF-8, and Python would replace each of the three on its own.
_SURROGATE: Final = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")


def decode(body: bytes) -> str:
    """The text of `body`, with U+FFFD for each ill-formed byte and each encoded surrogate."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return _SURROGATE.sub(b"\xef\xbf\xbd", body).decode("utf-8", "replace")

"""How records refer to each other."""

from typing import Final

NULL_REF: Final = "OpaqueRef:NULL"

Ref = str
"""An opaque reference; `OpaqueRef:NULL`, an empty string or one to nothing means none."""

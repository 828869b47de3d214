"""A text that never shows itself by accident: passwords, in the first place."""

import hmac
from typing import Final, NoReturn, Self

HIDDEN: Final = "<hidden>"
"""What stands for a password where a configuration is shown."""

_MASK = "**********"


class Secret:
    """A text that shows itself to nobody who doesn't ask with `reveal()`.

    It prints as asterisks, can be neither pickled nor turned into JSON, and compares in a time
    that doesn't depend on where two secrets differ. Copies are the same object.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the text itself."""
        return self.__value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # surrogatepass: compare_digest takes ASCII or bytes, and any text must be comparable
        mine, others = (s.reveal().encode("utf-8", "surrogatepass") for s in (self, other))
        return hmac.compare_digest(mine, others)

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __repr__(self) -> str:
        return _MASK

    def __format__(self, spec: str) -> str:
        return _MASK

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret can't be pickled")

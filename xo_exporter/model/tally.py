"""How many VDIs there are of a kind, and what they take."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """A number of VDIs, and the bytes that those take of which that is known."""

    number: int = 0
    _known: int = 0
    _bytes: int = 0

    def add(self, usage: int | None) -> None:
        """Count one that takes so much."""
        self.number += 1
        if usage is not None:
            self._known += 1
            self._bytes += usage

    @property
    def usage(self) -> int | None:
        """Bytes; None where they are known of none of them."""
        return self._bytes if self._known or not self.number else None

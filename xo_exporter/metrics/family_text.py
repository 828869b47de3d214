"""The text of one family: the lines of all objects, or of as many as there is room for."""

from collections.abc import Sequence


def joined(parts: Sequence[str], most: float, name: str, dropped: dict[str, int]) -> bytes:
    """The lines of all objects, or of the first for which there is room.

    How many lines are left out is put into `dropped`, by the family's name.
    """
    text = "".join(parts)
    total = text.count("\n")
    if total <= most:
        dropped.pop(name, None)
        return text.encode()
    kept, lines = 0, 0
    for part in parts:
        lines += part.count("\n")
        if lines > most:
            break
        kept += 1
    text = "".join(parts[:kept])
    dropped[name] = total - text.count("\n")
    return text.encode()

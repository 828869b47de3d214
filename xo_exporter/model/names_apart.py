"""The names of objects that stand beside each other in one label."""

from collections import Counter
from collections.abc import Iterable, Mapping


def names_apart(named: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """A text for each UUID, from pairs of UUID and name: the name where no other has it.

    Those that share a name get ` (xxxxxxxx)` appended, the first eight characters of the UUID;
    where that is not enough, since a name looks so or two UUIDs begin alike, the UUID. No two
    texts are equal.
    """
    texts = dict(named)
    whole = False
    while True:
        times = Counter(texts.values())
        equal = [uuid for uuid, text in texts.items() if times[text] > 1]
        if not equal:
            return texts
        for uuid in equal:
            texts[uuid] += f" ({uuid if whole else uuid[:8]})"
        whole = True

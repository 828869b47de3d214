"""How many VDIs there are of a kind, and what they take."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from xo_exporter.model import known
from xo_exporter.xapi.records import VDI, Ref


class Tally(NamedTuple):
    """A number of VDIs, and the bytes that they take; None where that is known of none of them."""

    number: int
    usage: int | None


def tally(refs: Collection[Ref], vdis: Mapping[Ref, VDI]) -> Tally:
    """How many these are, and what those take of which it is known."""
    usages = [known.count(vdis[ref].physical_utilisation) for ref in refs]
    sizes = [usage for usage in usages if usage is not None]
    return Tally(len(refs), sum(sizes) if sizes or not refs else None)

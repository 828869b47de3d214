"""What the RRDs of a host say at one moment."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

_CPU: Final = re.compile(r"cpu(0|[1-9][0-9]{0,3})")


class Sources:
    """The names of an owner's data sources, in the order of its values.

    It is the same object for as long as the host's legend is, and may be that of other owners:
    what is worked out from the names can be kept by it.
    """

    __slots__ = ("cores", "index", "names")

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.index = {name: position for position, name in enumerate(self.names)}
        cpus = (name for name in self.index if name.startswith("cpu"))
        matches = ((_CPU.fullmatch(name), self.index[name]) for name in cpus)
        self.cores = tuple((int(match[1]), position) for match, position in matches if match)
        """The number of each core that has a `cpuN`, and the position of its value."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sources) and self.names == other.names

    def __hash__(self) -> int:
        return hash(self.names)


@lru_cache(maxsize=256)
def sources_of(names: tuple[str, ...]) -> Sources:
    """The sources of these names: one object for all who have the same, as most VMs have."""
    return Sources(names)


class Values(Mapping[str, float]):
    """The known values of one owner by data source, each in the source's own unit.

    `numbers` has a value for each of `sources`, None where it is unknown.
    """

    __slots__ = ("numbers", "sources")

    def __init__(self, sources: Sources, numbers: Sequence[float | None]) -> None:
        self.sources = sources
        self.numbers = numbers

    @classmethod
    def of(cls, known: Mapping[str, float]) -> "Values":
        """These values."""
        return cls(sources_of(tuple(known)), tuple(known.values()))

    def __getitem__(self, source: str) -> float:
        number = self.numbers[self.sources.index[source]]
        if number is None:
            raise KeyError(source)
        return number

    def __iter__(self) -> Iterator[str]:
        known = zip(self.sources.names, self.numbers, strict=True)
        return (source for source, number in known if number is not None)

    def __len__(self) -> int:
        return sum(number is not None for number in self.numbers)

    def __repr__(self) -> str:
        return f"Values.of({dict(self)})"


NO_VALUES = Values(Sources(()), ())


class HostRrd(NamedTuple):
    """The values of a host and its VMs by UUID; `age` in seconds is that of the newest row.

    `clock_offset` is by how many seconds the host's clock is ahead of ours, where it has said.
    """

    hosts: Mapping[str, Values]
    vms: Mapping[str, Values]
    age: float | None
    clock_offset: float | None = None

    @classmethod
    def of(
        cls,
        hosts: Mapping[str, Mapping[str, float]],
        vms: Mapping[str, Mapping[str, float]],
        age: float | None,
    ) -> "HostRrd":
        """These values by UUID and data source."""
        return cls(
            {uuid: Values.of(values) for uuid, values in hosts.items()},
            {uuid: Values.of(values) for uuid, values in vms.items()},
            age,
        )

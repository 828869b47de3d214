"""The SRs of each host by what the host's data sources call them.

A source of storage ends in the first eight characters of the SR's UUID, the read cache's holds
the whole UUID. They are looked up among the SRs that the host has a PBD to.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from xo_exporter.model.index import Index
from xo_exporter.model.names_apart import names_apart
from xo_exporter.model.objects import Host, PoolModel
from xo_exporter.rrd.values import Sources
from xo_exporter.xapi.records import Records

_SR: Final = re.compile(
    r"(?:read|write|read_latency|write_latency|io_throughput_(?:read|write|total)"
    r"|iops_(?:read|write|total)|iowait|inflight|latency|avgqu_sz)_([0-9A-Fa-f]{8})"
    r"|sr_([0-9A-Fa-f-]{36})_cache_(?:size|hits|misses)"
)
_BEGINNING: Final = 8


@dataclass(slots=True, eq=False)
class HostStorage:
    """The SRs of a host: what they are called in a label, by UUID and by its beginning.

    `names` has lower-case UUIDs, and of their beginnings those that one SR alone has.
    """

    host: Host
    names: Mapping[str, str]
    _sources: Sources | None = field(default=None, init=False)
    _unresolved: list[tuple[int, ...]] = field(default_factory=list, init=False)

    @property
    def UUID(self) -> str:
        """That of the host."""
        return self.host.UUID

    def unresolved(self) -> int | None:
        """How many SRs the RRDs have values of that cannot be told; None without RRDs."""
        if not self.host.rrd_up:
            return None
        values = self.host.values
        if values.sources is not self._sources:
            self._sources = values.sources
            self._unresolved = self._places(values.sources)
        numbers = values.numbers
        return sum(
            any(numbers[place] is not None for place in places) for places in self._unresolved
        )

    def _places(self, sources: Sources) -> list[tuple[int, ...]]:
        """For each SR that cannot be told, the places of its values."""
        found: dict[str, list[int]] = {}
        for place, source in enumerate(sources.names):
            match = _SR.fullmatch(source)
            if match is not None:
                sr = (match[1] or match[2]).lower()
                if sr not in self.names:
                    found.setdefault(sr, []).append(place)
        return [tuple(places) for places in found.values()]


@dataclass(slots=True, eq=False)
class HostStorages:
    """Those of all hosts, in the order of the hosts."""

    hosts: list[HostStorage]


def build(model: PoolModel, _records: Records, _index: Index) -> HostStorages:
    """The SRs of each host, by its PBDs."""
    return HostStorages([HostStorage(host, _names(host)) for host in model.hosts])


def _names(host: Host) -> Mapping[str, str]:
    srs = {pbd.SR.UUID: pbd.SR.name_label for pbd in host.PBDs if pbd.SR is not None}
    names = names_apart(srs.items())
    beginnings = Counter(uuid[:_BEGINNING].lower() for uuid in names)
    of_one = {
        beginning: name
        for uuid, name in names.items()
        if beginnings[beginning := uuid[:_BEGINNING].lower()] == 1
    }
    return {**{uuid.lower(): name for uuid, name in names.items()}, **of_one}

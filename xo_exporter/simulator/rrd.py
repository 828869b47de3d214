"""The round-robin databases of every host: which columns it shows, and each value in a row.

Values follow from the seed, the owner, the source and the row's time (waves.py), so a test can ask
for the truth: `pool.rrd.value(owner_uuid, "cpu0", t)`. A host can also be given fixed rows.
"""

import math
import struct
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from xo_exporter.simulator import host_sources, vm_sources
from xo_exporter.simulator.database import Database
from xo_exporter.simulator.schema import EPOCH, Generation, Record
from xo_exporter.simulator.sources import Source

OwnerKind = Literal["host", "vm", "sr"]
STEP_S = 5
_ROWS_KEPT = 32
_SPREAD = {"AVERAGE": 1.0, "MIN": 0.8, "MAX": 1.2}


@dataclass(slots=True)
class FixedRrd:
    """Columns and rows that a host answers with in place of living ones.

    legend: full entries, such as "AVERAGE:host:<uuid>:cpu0", in any order, repeated or not;
    rows: (time, values), where a time of 0 or below is relative to the newest slot of the host's
    clock and so moves with it; NaN and infinities are values like others. The rows go out newest
    first, those that `start` asks for; with `exact` just as they are given, all of them.
    """

    step: int
    rows: Sequence[tuple[int, Sequence[float]]]
    legend: Sequence[str]
    exact: bool = False


def number_format(generation: Generation) -> Callable[[float], str]:
    """Give the function that prints a number as the hosts of a generation do."""
    pattern = {"g1": "%.4f", "g2": "%.5g", "g3": "%.5g", "g4": "%.15g"}[generation]

    def write(value: float) -> str:
        if value == 0:
            return "0.0"
        if value - value == 0:  # neither NaN nor infinite, and cheaper than math.isfinite
            return pattern % value
        if math.isnan(value):
            return "NaN"
        return "Infinity" if value > 0 else "-Infinity"

    return write


def float32(value: float) -> float:
    """Round to single precision, as an RRD keeps its values."""
    try:
        rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return rounded


@dataclass(slots=True)
class Owner:
    """The RRD of one host or VM.

    started: when its first sample was taken (Unix time); rows up to then hold nothing.
    """

    kind: OwnerKind
    uuid: str
    key: tuple[int, ...]
    sources: list[Source]
    started: float
    _rows: dict[tuple[int, str], list[str]] = field(default_factory=dict)
    _legends: dict[str, list[str]] = field(default_factory=dict)

    def legend(self, consolidation: str) -> list[str]:
        """Give the legend's entries of its columns."""
        entries = self._legends.get(consolidation)
        if entries is None:
            head = f"{consolidation}:{self.kind}:{self.uuid}:"
            entries = self._legends[consolidation] = [head + each.name for each in self.sources]
        return entries

    def row(self, t: int, consolidation: str = "AVERAGE") -> "array[float]":
        """Give the values of the row whose period ends at `t`, in the order of the sources."""
        if t <= self.started:
            return array("f", [math.nan] * len(self.sources))
        young = t <= self.started + STEP_S
        factor = _SPREAD[consolidation]
        return array(
            "f",
            [
                math.nan if young and source.is_rate else source.wave(t) * factor
                for source in self.sources
            ],
        )

    def printed(self, t: int, consolidation: str, write: Callable[[float], str]) -> list[str]:
        """Give a row as text; the newest ones are kept, since several clients ask for them."""
        row = self._rows.get((t, consolidation))
        if row is None:
            if len(self._rows) >= _ROWS_KEPT:
                self._rows.clear()
            row = [write(value) for value in self.row(t, consolidation)]
            self._rows[t, consolidation] = row
        return row


def _seconds(wire_time: str) -> float:
    if wire_time == EPOCH:
        return 0.0
    try:
        return datetime.strptime(wire_time, "%Y%m%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


class Rrd:
    """Every RRD of the pool.

    clock_offset: seconds by which a host's clock is ahead, by its reference;
    fixed: by a host's reference, what it answers in place of living values.
    """

    def __init__(self, database: Database, clock_offset: Mapping[str, float] | None = None) -> None:
        self.fixed: dict[str, FixedRrd] = {}
        self._clock_offset: Mapping[str, float] = clock_offset if clock_offset is not None else {}
        self.write = number_format(database.generation)
        self._database = database
        self._hosts: dict[str, Owner] = {}
        self._vms: dict[str, Owner] = {}

    def owners(self, host: str) -> list[Owner]:
        """Give the RRDs that lie on a host, by its reference: its own first, then its VMs'."""
        record = self._database.tables["host"][host]
        offset = self._clock_offset.get(host, 0.0)
        vms = (self._vm(ref, offset) for ref in record["resident_VMs"])
        return [self._host(host, record), *(owner for owner in vms if owner is not None)]

    def _host(self, ref: str, record: Record) -> Owner:
        key = host_sources.host_key(self._database, ref)
        owner = self._hosts.get(ref)
        if owner is None or owner.key != key:
            columns = host_sources.host_sources(self._database, ref)
            owner = self._hosts[ref] = Owner("host", record["uuid"], key, columns, 0.0)
        return owner

    def _vm(self, ref: str, offset: float) -> Owner | None:
        record = self._database.get("VM", ref)
        if record is None or record["power_state"] not in {"Running", "Paused"}:
            return None
        # The host wrote down the start by its own clock.
        key = (int(offset), *vm_sources.vm_key(self._database, ref))
        owner = self._vms.get(ref)
        if owner is None or owner.key != key:
            columns = vm_sources.vm_sources(self._database, ref)
            metrics = self._database.get("VM_metrics", record["metrics"]) or {}
            started = _seconds(metrics.get("start_time", EPOCH)) + offset
            owner = self._vms[ref] = Owner("vm", record["uuid"], key, columns, started)
        return owner

    def value(self, owner_uuid: str, source: str, t: int) -> float:
        """Give the true value of an owner's source in the 5-second row that ends at `t`.

        As a host prints it, rounded to single precision. KeyError when no host shows it.
        """
        for host, record in self._database.tables["host"].items():
            resident = (self._database.get("VM", ref) for ref in record["resident_VMs"])
            if record["uuid"] != owner_uuid and all(
                vm is None or vm["uuid"] != owner_uuid for vm in resident
            ):
                continue
            for owner in self.owners(host):
                if owner.uuid == owner_uuid:
                    for index, column in enumerate(owner.sources):
                        if column.name == source:
                            return owner.row(t)[index]
        raise KeyError(f"{owner_uuid}:{source}")

    def names(self, owner_uuid: str) -> list[str]:
        """Name the sources of a host or VM, in the order of its columns; KeyError if unknown."""
        for host in self._database.tables["host"]:
            for owner in self.owners(host):
                if owner.uuid == owner_uuid:
                    return [source.name for source in owner.sources]
        raise KeyError(owner_uuid)

    def all_owners(self, hosts: Iterable[str]) -> list[Owner]:
        """Give the RRDs of several hosts, of those that there are."""
        known = self._database.tables["host"]
        return [owner for host in hosts if host in known for owner in self.owners(host)]

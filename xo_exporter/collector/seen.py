"""What was last seen of a pool, for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from xo_exporter.metrics.exporter import Stage
from xo_exporter.model.objects import PoolModel
from xo_exporter.reading import Failure


class SeenHost(NamedTuple):
    """A host: its state, whether its RRDs were read, and how old their newest row is, in s."""

    name_label: str
    power_state: str | None
    rrd_up: bool | None
    rrd_age: float | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was last seen of a pool; it holds on to none of the objects.

    `finished` is Unix time. `up` is None when only the name was asked for, at the start;
    `objects` counts the objects by type, of hosts also those whose RRDs were read.
    """

    finished: float
    up: bool | None
    failures: tuple[Failure, ...]
    durations: Mapping[Stage, float]
    objects: Mapping[str, int]
    hosts: tuple[SeenHost, ...]


def counted(model: PoolModel) -> Mapping[str, int]:
    """How many objects of each type there are."""
    return {
        "hosts": len(model.hosts),
        "VMs": len(model.VMs),
        "SRs": len(model.SRs),
        "PBDs": len(model.PBDs),
        "VDIs": len(model.VDIs),
        "VBDs": len(model.VBDs),
        "hosts with RRDs": sum(host.rrd_up is True for host in model.hosts),
    }


def hosts_of(model: PoolModel) -> tuple[SeenHost, ...]:
    """The hosts, by name."""
    found = (
        SeenHost(host.name_label, host.power_state, host.rrd_up, host.rrd_age)
        for host in model.hosts
    )
    return tuple(sorted(found, key=lambda host: host.name_label))

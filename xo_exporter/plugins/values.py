"""What the plugins of hosts have told, as plain values in base units."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, TypeVar

T = TypeVar("T")

Quantity = Literal["celsius", "revolutions_per_second", "volts", "amperes", "watts", "ratio"]

Severity = Literal["warning", "error"]
SEVERITIES: Final[tuple[Severity, ...]] = ("warning", "error")


@dataclass(frozen=True, slots=True)
class Updates:
    """What `updater.py` tells: how many packages have an update that is not installed."""

    packages: int


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor of a host's BMC: its name, which no other of the host has, and its reading.

    `is_ok` says whether that is within the thresholds, None where the BMC doesn't.
    """

    name: str
    quantity: Quantity
    value: float
    is_ok: bool | None


@dataclass(frozen=True, slots=True)
class Sensors:
    """What `ipmitool.py` tells: the sensors that have a reading, none where there is no BMC."""

    sensors: tuple[Sensor, ...]


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk by its device and how that is spoken to, and whether it deems itself healthy."""

    device: str
    type: str
    is_healthy: bool | None


@dataclass(frozen=True, slots=True)
class Disks:
    """What `smartctl.py` tells of the physical disks of a host."""

    disks: tuple[Disk, ...]


@dataclass(frozen=True, slots=True)
class StorageNode:
    """A node of LINSTOR: whether it is ONLINE, and its space in bytes; None where unknown."""

    name: str
    state: str
    size: int | None
    free: int | None


@dataclass(frozen=True, slots=True)
class Xostor:
    """What `linstor-manager` tells of an SR on LINSTOR.

    Resources and the count of replicas by state are None where they could not be looked at.
    """

    nodes: tuple[StorageNode, ...]
    resources: int | None
    replicas: Mapping[str, int] | None
    problems: Mapping[Severity, int]

    @property
    def nodes_by_state(self) -> dict[str, int]:
        """How many nodes are in each state."""
        counts: dict[str, int] = {}
        for node in self.nodes:
            counts[node.state] = counts.get(node.state, 0) + 1
        return counts


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a plugin has last told of one object.

    `is_up` says whether the last call went well. `value` is of the last one that did, None
    where there was none or it is too old by now; `age` is how many seconds ago that was.
    """

    is_up: bool
    value: T | None = None
    age: float | None = None


@dataclass(frozen=True, slots=True)
class PluginResults:
    """What the plugins have told of a pool: by UUID of the host, of the SR for `xostor`."""

    updater: Mapping[str, Answer[Updates]] = field(default_factory=dict)
    ipmi: Mapping[str, Answer[Sensors]] = field(default_factory=dict)
    smart: Mapping[str, Answer[Disks]] = field(default_factory=dict)
    xostor: Mapping[str, Answer[Xostor]] = field(default_factory=dict)


NO_RESULTS: Final = PluginResults()
"""What is known while no plugin is asked."""

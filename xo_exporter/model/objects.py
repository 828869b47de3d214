"""The objects of Xen Orchestra's model.

Fields have the names of the specification, without its `$`. A link is the object itself, so
that the model is closed: what is linked is in the model. Lists of objects are in the order of
UUID. Unknown is None. Sizes and usages are in bytes, CPU usages are ratios from 0 to 1.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from xo_exporter.model.guests import Guest, Settings
from xo_exporter.rrd.values import NO_VALUES, Values

PartType = TypeVar("PartType")
HostPowerState = Literal["Running", "Halted"]
VMPowerState = Literal["Running", "Paused", "Suspended", "Halted"]
HOST_POWER_STATES: Final[tuple[HostPowerState, ...]] = ("Running", "Halted")
VM_POWER_STATES: Final[tuple[VMPowerState, ...]] = ("Running", "Paused", "Suspended", "Halted")

Pairs = tuple[tuple[str, str], ...]
"""Labels with their values, those that the configuration wants of an object."""

XO_UUID: Final = "00000000-0000-0000-0000-000000000000"


@dataclass(slots=True)
class Memory:
    """Size and usage of a memory."""

    size: int | float | None = None
    usage: int | float | None = None


class _Shown:
    """Shows an object by its UUID; with all that it is linked to there would be no end to it."""

    __slots__ = ()
    UUID: str

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.UUID!r})"


@dataclass(slots=True, eq=False, repr=False)
class Pool(_Shown):
    """A pool."""

    UUID: str
    name_label: str
    name_description: str
    tags: list[str]
    HA_enabled: bool | None
    auto_poweron: bool = False
    master: "Host | None" = None
    default_SR: "SR | None" = None
    SRs: "list[SR]" = field(default_factory=list)
    hosts: "list[Host]" = field(default_factory=list)
    running_hosts: "list[Host]" = field(default_factory=list)
    VMs: "list[VM]" = field(default_factory=list)
    running_VMs: "list[VM]" = field(default_factory=list)
    all_VMs: "list[VM]" = field(default_factory=list)
    labels: Pairs = ()


@dataclass(slots=True, eq=False, repr=False)
class Host(_Shown):
    """A host; `controller` is the UUID of its control domain, which is no object of the model.

    `rrd_up` says of a running host whether its RRDs were read, `rrd_age` how many seconds old
    their newest row is; `clock_offset` by how many seconds its clock is ahead of ours. `values`
    and `controller_values` are what they say of the host and of its control domain.
    """

    UUID: str
    name_label: str
    name_description: str
    tags: list[str]
    pool: Pool
    address: str
    hostname: str
    enabled: bool | None
    iSCSI_name: str | None
    controller: str | None
    power_state: HostPowerState | None
    product_brand: str
    product_version: str
    xapi_version: str
    xen_version: str
    cpu_count: int | None
    memory: Memory = field(default_factory=Memory)
    CPUs: list[float | None] = field(default_factory=list)
    CPU_usage: float | None = None
    controller_memory: Memory = field(default_factory=Memory)
    controller_CPU_usage: float | None = None
    controller_vCPUs: int | None = None
    SRs: "list[SR]" = field(default_factory=list)
    VMs: "list[VM]" = field(default_factory=list)
    running_VMs: "list[VM]" = field(default_factory=list)
    PBDs: "list[PBD]" = field(default_factory=list)
    vCPUs: int | None = 0
    rrd_up: bool | None = None
    rrd_age: float | None = None
    clock_offset: float | None = None
    values: Values = field(default_factory=lambda: NO_VALUES)
    controller_values: Values = field(default_factory=lambda: NO_VALUES)
    labels: Pairs = ()


@dataclass(slots=True, eq=False, repr=False)
class VM(_Shown):
    """A guest: no template, no snapshot, no control domain.

    `affinity` is the host it is to run on rather than on others; `start_time` is in Unix time.
    `values` are what the RRDs of `values_host` say of it, which is its own host unless it moves.
    """

    UUID: str
    name_label: str
    name_description: str
    tags: list[str]
    power_state: VMPowerState | None
    vCPUs: int | None
    container: Host | Pool
    pool: Pool
    address: str | None = None
    os_name: str = ""
    os_distro: str = ""
    os_version: str = ""
    memory: Memory = field(default_factory=Memory)
    CPUs: list[float | None] = field(default_factory=list)
    CPU_usage: float | None = None
    VBDs: "list[VBD]" = field(default_factory=list)
    start_time: int | None = None
    current_operations: tuple[str, ...] = ()
    affinity: Host | None = None
    settings: Settings = field(default_factory=Settings)
    guest: Guest = field(default_factory=Guest)
    values: Values = field(default_factory=lambda: NO_VALUES)
    values_host: Host | None = None
    labels: Pairs = ()


@dataclass(slots=True, eq=False, repr=False)
class SR(_Shown):
    """A storage repository."""

    UUID: str
    name_label: str
    name_description: str
    tags: list[str]
    SR_type: str
    shared: bool
    container: Host | Pool
    pool: Pool
    physical_usage: int | None = None
    usage: int | None = None
    size: int | None = None
    VDIs: "list[VDI]" = field(default_factory=list)
    PBDs: "list[PBD]" = field(default_factory=list)
    labels: Pairs = ()


@dataclass(slots=True, eq=False, repr=False)
class PBD(_Shown):
    """A link of a host and an SR."""

    UUID: str
    attached: bool | None
    host: Host | None
    SR: SR | None


@dataclass(slots=True, eq=False, repr=False)
class VDI(_Shown):
    """A disk: no snapshot, no unmanaged base copy."""

    UUID: str
    name_label: str
    name_description: str
    size: int | None
    SR: SR | None
    usage: int | None = None
    VBD: "VBD | None" = None
    labels: Pairs = ()


@dataclass(slots=True, eq=False, repr=False)
class VBD(_Shown):
    """A link of a VM and a VDI; an empty drive has no VDI."""

    UUID: str
    attached: bool | None
    device: str | None
    VDI: VDI | None
    VM: VM


@dataclass(slots=True)
class PoolModel:
    """All objects of one pool, each kind in the order of UUID, and parts beside them by type."""

    pool: Pool
    hosts: list[Host]
    VMs: list[VM]
    SRs: list[SR]
    PBDs: list[PBD]
    VDIs: list[VDI]
    VBDs: list[VBD]
    parts: dict[type, object] = field(default_factory=dict)

    def part(self, kind: type[PartType]) -> PartType:
        """The part of this type; KeyError where it was not asked for."""
        part = self.parts[kind]
        assert isinstance(part, kind)  # noqa: S101  they are kept by their type
        return part


@dataclass(slots=True)
class XO:
    """The singleton over the pools that could be read; None where there is none of them."""

    pools: list[Pool]
    CPUs: int | None
    running_VMs: int | None
    vCPUs: int | None
    memory: Memory

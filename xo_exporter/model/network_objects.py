"""Networks, and what connects hosts and VMs to them.

Written as the objects of the specification: links are the objects themselves, unknown is None.
"""

from dataclasses import dataclass, field
from typing import Literal

from xo_exporter.model.objects import VM, Host, Pairs, Pool

PIFKind = Literal["physical", "bond", "vlan", "tunnel", "sriov"]


@dataclass(slots=True, eq=False)
class Network:
    """A network of the pool; `VIFs` counts those of VMs."""

    UUID: str
    name_label: str
    name_description: str
    bridge: str
    tags: list[str]
    MTU: int | None
    PIFs: int = 0
    VIFs: int = 0
    labels: Pairs = ()


@dataclass(slots=True, eq=False)
class PIF:
    """An interface of a host to a network; `bond` is the device of the bond that it belongs to.

    What concerns the link is known of NICs and bonds alone: others have none of their own.
    `speed` is in bytes a second.
    """

    UUID: str
    host: Host | None
    network: Network | None
    device: str
    kind: PIFKind | None
    VLAN: int | None
    bond: str | None
    MAC: str
    MTU: int | None
    address: str | None
    management: bool | None
    attached: bool | None
    carrier: bool | None = None
    speed: int | None = None
    full_duplex: bool | None = None
    vendor_name: str = ""
    device_name: str = ""


@dataclass(slots=True, eq=False)
class Bond:
    """Several NICs of a host as one; `links` of them, `links_up` with a carrier."""

    UUID: str
    master: PIF | None
    mode: str
    links: int
    links_up: int | None


@dataclass(slots=True, eq=False)
class VIF:
    """An interface of a VM to a network; `shares_MAC` with another VIF of the pool."""

    UUID: str
    VM: VM
    network: Network | None
    device: str
    MAC: str
    attached: bool | None
    shares_MAC: bool = False


@dataclass(slots=True, eq=False)
class HostNetwork:
    """The NICs and bonds of a host by device."""

    host: Host
    interfaces: dict[str, PIF] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class VMNetwork:
    """The VIFs of a VM, and these by number."""

    VM: VM
    VIFs: list[VIF] = field(default_factory=list)
    by_number: dict[str, VIF] = field(default_factory=dict)

    @property
    def UUID(self) -> str:
        """That of the VM."""
        return self.VM.UUID


@dataclass(slots=True, eq=False)
class PoolNetwork:
    """How many MAC addresses more than one VIF of a pool has."""

    pool: Pool
    duplicate_MACs: int

    @property
    def UUID(self) -> str:
        """That of the pool."""
        return self.pool.UUID


@dataclass(slots=True, eq=False)
class Networks:
    """All of a pool, each kind in the order of UUID; hosts and VMs in their own order."""

    networks: list[Network]
    PIFs: list[PIF]
    bonds: list[Bond]
    VIFs: list[VIF]
    hosts: list[HostNetwork]
    VMs: list[VMNetwork]
    pools: list[PoolNetwork]

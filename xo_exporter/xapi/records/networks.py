"""Networks, the interfaces of hosts, bonds, and the interfaces of VMs."""

import msgspec

from xo_exporter.xapi.records.reference import NULL_REF, Ref


class Network(msgspec.Struct, frozen=True, gc=False):
    """Class `network`; `MTU` in bytes."""

    uuid: str
    name_label: str = ""
    name_description: str = ""
    bridge: str = ""
    MTU: int | None = None
    tags: list[str] = []


class PIF(msgspec.Struct, frozen=True, gc=False):
    """Class `PIF`: a NIC, bond, VLAN or tunnel of a host; `MTU` in bytes.

    `VLAN` is below 0 where it is none. A VLAN has the device of the PIF that it lies on.
    """

    uuid: str
    host: Ref = NULL_REF
    network: Ref = NULL_REF
    device: str = ""
    MAC: str = ""
    MTU: int | None = None
    VLAN: int = -1
    physical: bool = False
    management: bool | None = None
    currently_attached: bool | None = None
    IP: str = ""
    IPv6: list[str] = []
    metrics: Ref = NULL_REF
    bond_slave_of: Ref = NULL_REF
    tunnel_access_PIF_of: list[Ref] = []
    sriov_logical_PIF_of: list[Ref] = []


class PIFMetrics(msgspec.Struct, frozen=True, gc=False):
    """Class `PIF_metrics`; `speed` in Mbit/s. A VLAN has that of the PIF that it lies on."""

    carrier: bool | None = None
    speed: int | None = None
    duplex: bool | None = None
    vendor_name: str = ""
    device_name: str = ""


class Bond(msgspec.Struct, frozen=True, gc=False):
    """Class `Bond`: some PIFs of a host as one, the master."""

    uuid: str
    master: Ref = NULL_REF
    mode: str = ""
    links_up: int | None = None


class VIF(msgspec.Struct, frozen=True, gc=False):
    """Class `VIF`: an interface of a VM; `device` is its number there."""

    uuid: str
    VM: Ref = NULL_REF
    network: Ref = NULL_REF
    device: str = ""
    MAC: str = ""
    currently_attached: bool | None = None

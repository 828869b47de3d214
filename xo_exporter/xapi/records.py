"""The XAPI records that the object model is built from, as typed structs of the wanted fields.

A field is named as in XAPI. An absent field (older servers lack the newer ones) takes its
default: None where the model then says unknown. XAPI writes integers as decimal strings, so
records are converted leniently (`strict=False`); no map of XAPI is kept whole, only the keys
that are named here, since maps hold what users and plugins put there, passwords included.

Records hold texts and lists of texts, never what could hold them: the garbage collector need
not look at them (`gc=False`), of which a large pool has tens of thousands.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

NULL_REF: Final = "OpaqueRef:NULL"

Ref = str
"""An opaque reference; `OpaqueRef:NULL`, an empty string or one to nothing means none."""


class Pool(msgspec.Struct, frozen=True, gc=False):
    """Class `pool`: one record a pool."""

    uuid: str
    name_label: str = ""
    name_description: str = ""
    tags: list[str] = []
    master: Ref = NULL_REF
    default_SR: Ref = NULL_REF
    ha_enabled: bool | None = None


class CpuInfo(msgspec.Struct, frozen=True, gc=False):
    """`host.cpu_info`: the number of physical CPUs (threads, as Xen sees them)."""

    cpu_count: str | int | None = None  # a text, as all of a map; nobody checks it


class SoftwareVersion(msgspec.Struct, frozen=True, gc=False):
    """`host.software_version`."""

    product_brand: str = ""
    product_version: str = ""
    xapi: str = ""
    xen: str = ""


class HostOtherConfig(msgspec.Struct, frozen=True, gc=False):
    """`host.other_config`: the key that older servers keep the iSCSI name in."""

    iscsi_iqn: str = ""


class Host(msgspec.Struct, frozen=True, gc=False):
    """Class `host`."""

    uuid: str
    name_label: str = ""
    name_description: str = ""
    tags: list[str] = []
    address: str = ""
    hostname: str = ""
    enabled: bool | None = None
    metrics: Ref = NULL_REF
    control_domain: Ref = NULL_REF
    iscsi_iqn: str = ""
    cpu_info: CpuInfo = CpuInfo()
    software_version: SoftwareVersion = SoftwareVersion()
    other_config: HostOtherConfig = HostOtherConfig()


class HostMetrics(msgspec.Struct, frozen=True, gc=False):
    """Class `host_metrics`; memory in bytes."""

    live: bool | None = None
    memory_total: int | None = None
    memory_free: int | None = None


class VM(msgspec.Struct, frozen=True, gc=False):
    """Class `VM`: guests, templates, snapshots and control domains alike; memory in bytes."""

    uuid: str
    name_label: str = ""
    name_description: str = ""
    tags: list[str] = []
    power_state: str = ""
    is_a_template: bool = False
    is_a_snapshot: bool = False
    is_control_domain: bool = False
    snapshot_of: Ref = NULL_REF
    resident_on: Ref = NULL_REF
    memory_dynamic_max: int | None = None
    VCPUs_at_startup: int | None = None
    metrics: Ref = NULL_REF
    guest_metrics: Ref = NULL_REF


class VMMetrics(msgspec.Struct, frozen=True, gc=False):
    """Class `VM_metrics`; memory in bytes."""

    memory_actual: int | None = None
    VCPUs_number: int | None = None


class OsVersion(msgspec.Struct, frozen=True, gc=False):
    """`VM_guest_metrics.os_version`."""

    name: str = ""
    distro: str = ""
    major: str = ""
    minor: str = ""


class VMGuestMetrics(msgspec.Struct, frozen=True, gc=False):
    """Class `VM_guest_metrics`: what the guest agent reports.

    `networks` maps `N/ip`, `N/ipv4/M` and `N/ipv6/M` to addresses.
    """

    networks: dict[str, str] = {}
    os_version: OsVersion = OsVersion()


class SR(msgspec.Struct, frozen=True, gc=False):
    """Class `SR`; sizes in bytes, below 0 until the first scan."""

    uuid: str
    name_label: str = ""
    name_description: str = ""
    tags: list[str] = []
    type: str = ""
    shared: bool = False
    physical_size: int | None = None
    physical_utilisation: int | None = None
    virtual_allocation: int | None = None


class PBD(msgspec.Struct, frozen=True, gc=False):
    """Class `PBD`: the link of a host and an SR."""

    uuid: str
    host: Ref = NULL_REF
    SR: Ref = NULL_REF
    currently_attached: bool | None = None


class VDI(msgspec.Struct, frozen=True, gc=False):
    """Class `VDI`: disks, snapshots and unmanaged base copies alike; sizes in bytes."""

    uuid: str
    name_label: str = ""
    name_description: str = ""
    SR: Ref = NULL_REF
    virtual_size: int | None = None
    physical_utilisation: int | None = None
    is_a_snapshot: bool = False
    snapshot_of: Ref = NULL_REF
    managed: bool = True


class VBD(msgspec.Struct, frozen=True, gc=False):
    """Class `VBD`: the link of a VM and a VDI."""

    uuid: str
    VM: Ref = NULL_REF
    VDI: Ref = NULL_REF
    device: str = ""
    userdevice: str = ""
    type: str = ""
    currently_attached: bool | None = None


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """All records of a pool at one moment, by reference; the builder of the model reads this."""

    pool: Mapping[Ref, Pool]
    host: Mapping[Ref, Host]
    host_metrics: Mapping[Ref, HostMetrics]
    vm: Mapping[Ref, VM]
    vm_metrics: Mapping[Ref, VMMetrics]
    vm_guest_metrics: Mapping[Ref, VMGuestMetrics]
    sr: Mapping[Ref, SR]
    pbd: Mapping[Ref, PBD]
    vdi: Mapping[Ref, VDI]
    vbd: Mapping[Ref, VBD]


CLASSES: Final[Mapping[str, type[msgspec.Struct]]] = {
    "pool": Pool,
    "host": Host,
    "host_metrics": HostMetrics,
    "sr": SR,
    "pbd": PBD,
    "vm": VM,
    "vm_metrics": VMMetrics,
    "vm_guest_metrics": VMGuestMetrics,
    "vdi": VDI,
    "vbd": VBD,
}
"""The class of each record by the lower-case name that events give it; fields of `Records`."""

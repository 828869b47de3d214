"""Storage repositories, disks, and what links them with hosts and VMs."""

import msgspec

from xo_exporter.xapi.records.reference import NULL_REF, Ref


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

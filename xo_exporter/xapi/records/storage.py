"""Storage repositories, disks, and what links them with hosts and VMs."""

from typing import Final

import msgspec

from xo_exporter.xapi.records.reference import NULL_REF, Ref

MPATH: Final = "mpath-"
"""What stands before the SCSI id in the keys of `PBD.other_config`."""


class SROtherConfig(msgspec.Struct, frozen=True, gc=False):
    """`SR.other_config`: whether XAPI scans it by itself, and Xen Orchestra's maintenance mode."""

    auto_scan: str = msgspec.field(default="", name="auto-scan")
    maintenance: str | None = msgspec.field(default=None, name="xo:maintenanceState")


class SRSmConfig(msgspec.Struct, frozen=True, gc=False):
    """`SR.sm_config`: how a driver that can do both provides space, "thin" or "thick"."""

    allocation: str = ""


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
    content_type: str = ""
    is_tools_sr: bool | None = None
    local_cache_enabled: bool | None = None
    other_config: SROtherConfig = SROtherConfig()
    sm_config: SRSmConfig = SRSmConfig()


class PBDDeviceConfig(msgspec.Struct, frozen=True, gc=False):
    """`PBD.device_config`, which holds passwords: of LINSTOR how it provides space, and its group.

    The former is "thin" or "thick"; by the latter the SR is asked about.
    """

    provisioning: str = ""
    group_name: str = msgspec.field(default="", name="group-name")


class PBD(msgspec.Struct, frozen=True, gc=False):
    """Class `PBD`: the link of a host and an SR.

    `other_config` is what the drivers tell of the paths to the storage: `multipathed`,
    `iscsi_sessions`, and a key with MPATH before each SCSI id, "[2, 4]": paths now and at best.
    """

    uuid: str
    host: Ref = NULL_REF
    SR: Ref = NULL_REF
    currently_attached: bool | None = None
    device_config: PBDDeviceConfig = PBDDeviceConfig()
    other_config: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Keep of the map, which is anybody's, the keys that are wanted."""
        if config := self.other_config:
            kept = {
                key: text
                for key, text in config.items()
                if key in ("multipathed", "iscsi_sessions") or key.startswith(MPATH)
            }
            msgspec.structs.force_setattr(self, "other_config", kept)


class SMFeatures(msgspec.Struct, frozen=True, gc=False):
    """`SM.features`: that disks can be made, with the version of how."""

    VDI_CREATE: str | int | None = None


class SM(msgspec.Struct, frozen=True, gc=False):
    """Class `SM`: a driver of SRs of one type."""

    uuid: str
    type: str = ""
    features: SMFeatures = SMFeatures()


class VDISmConfig(msgspec.Struct, frozen=True, gc=False):
    """`VDI.sm_config`: the UUID of the VDI that this one lies on, and the format of its image."""

    vhd_parent: str = msgspec.field(default="", name="vhd-parent")
    image_format: str = msgspec.field(default="", name="image-format")


class VDIOtherConfig(msgspec.Struct, frozen=True, gc=False):
    """`VDI.other_config`: what Xen Orchestra's backup jobs note on snapshots of disks."""

    backup_job: str = msgspec.field(name="xo:backup:job", default="")
    backup_vm: str = msgspec.field(name="xo:backup:vm", default="")
    backup_datetime: str = msgspec.field(name="xo:backup:datetime", default="")
    backup_exported: str = msgspec.field(name="xo:backup:exported", default="")
    backup_chain_length: str = msgspec.field(name="xo:backup:deltaChainLength", default="")


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
    missing: bool | None = None
    type: str = ""
    read_only: bool | None = None
    sharable: bool | None = None
    cbt_enabled: bool | None = None
    on_boot: str = ""
    sm_config: VDISmConfig = VDISmConfig()
    other_config: VDIOtherConfig = VDIOtherConfig()


class VBD(msgspec.Struct, frozen=True, gc=False):
    """Class `VBD`: the link of a VM and a VDI."""

    uuid: str
    VM: Ref = NULL_REF
    VDI: Ref = NULL_REF
    device: str = ""
    userdevice: str = ""
    type: str = ""
    currently_attached: bool | None = None

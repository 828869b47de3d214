"""VMs, what is measured of them, and what their guest agents report."""

import re
from typing import Final

import msgspec
from msgspec.structs import force_setattr

from xo_exporter.xapi.records.reference import NULL_REF, Ref

BLOCKABLE: Final = (
    *("start", "start_on", "resume", "resume_on", "pause", "suspend"),
    *("clean_shutdown", "hard_shutdown", "shutdown", "clean_reboot", "hard_reboot"),
    *("pool_migrate", "migrate_send", "destroy"),
)
"""The operations of which it is kept whether they are blocked."""

_OPERATION: Final = re.compile("[A-Za-z_]{1,40}")


class VMOtherConfig(msgspec.Struct, frozen=True, gc=False):
    """`VM.other_config`: automatic power-on, and what Xen Orchestra's backup jobs note there."""

    auto_poweron: str = ""
    backup_job: str = msgspec.field(name="xo:backup:job", default="")
    backup_vm: str = msgspec.field(name="xo:backup:vm", default="")
    backup_sr: str = msgspec.field(name="xo:backup:sr", default="")
    backup_datetime: str = msgspec.field(name="xo:backup:datetime", default="")
    backup_exported: str = msgspec.field(name="xo:backup:exported", default="")
    backup_chain_length: str = msgspec.field(name="xo:backup:deltaChainLength", default="")


class VM(msgspec.Struct, frozen=True, gc=False):
    """Class `VM`: guests, templates, snapshots and control domains alike; memory in bytes.

    Of `current_operations` and `blocked_operations` the names of operations are kept alone: what
    is going on, by any task, and which of BLOCKABLE are blocked, for whatever reason.
    """

    uuid: str
    name_label: str = ""
    name_description: str = ""
    tags: list[str] = []
    power_state: str = ""
    is_a_template: bool = False
    is_a_snapshot: bool = False
    is_control_domain: bool = False
    snapshot_of: Ref = NULL_REF
    snapshot_time: str = ""
    resident_on: Ref = NULL_REF
    affinity: Ref = NULL_REF
    memory_static_min: int | None = None
    memory_static_max: int | None = None
    memory_dynamic_min: int | None = None
    memory_dynamic_max: int | None = None
    memory_overhead: int | None = None
    VCPUs_at_startup: int | None = None
    VCPUs_max: int | None = None
    ha_restart_priority: str | None = None
    ha_always_run: bool | None = None
    suspend_VDI: Ref = NULL_REF
    metrics: Ref = NULL_REF
    guest_metrics: Ref = NULL_REF
    current_operations: dict[str, str] = {}
    blocked_operations: dict[str, str] = {}
    other_config: VMOtherConfig = VMOtherConfig()

    def __post_init__(self) -> None:
        if self.current_operations:
            operations = self.current_operations.values()
            names = {name: name for name in operations if _OPERATION.fullmatch(name)}
            force_setattr(self, "current_operations", names)
        if self.blocked_operations:
            names = {name: name for name in BLOCKABLE if name in self.blocked_operations}
            force_setattr(self, "blocked_operations", names)


class VMMetrics(msgspec.Struct, frozen=True, gc=False):
    """Class `VM_metrics`; memory in bytes."""

    memory_actual: int | None = None
    VCPUs_number: int | None = None
    start_time: str = ""


class OsVersion(msgspec.Struct, frozen=True, gc=False):
    """`VM_guest_metrics.os_version`."""

    name: str = ""
    distro: str = ""
    major: str = ""
    minor: str = ""


class PVDriversVersion(msgspec.Struct, frozen=True, gc=False):
    """`VM_guest_metrics.PV_drivers_version`: of the guest agent, which writes it."""

    major: str = ""
    minor: str = ""
    micro: str = ""
    build: str = ""


class VMGuestMetrics(msgspec.Struct, frozen=True, gc=False):
    """Class `VM_guest_metrics`: what the guest agent reports.

    `networks` maps `N/ip`, `N/ipv4/M` and `N/ipv6/M` to addresses.
    """

    networks: dict[str, str] = {}
    os_version: OsVersion = OsVersion()
    PV_drivers_version: PVDriversVersion = PVDriversVersion()
    PV_drivers_detected: bool | None = None
    PV_drivers_up_to_date: bool | None = None
    live: bool | None = None
    last_updated: str = ""

"""VMs, what is measured of them, and what their guest agents report."""

import msgspec

from xo_exporter.xapi.records.reference import NULL_REF, Ref


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

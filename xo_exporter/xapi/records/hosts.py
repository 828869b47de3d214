"""The pool and its hosts."""

from typing import Final

import msgspec

from xo_exporter.xapi.records.reference import NULL_REF, Ref

HOST_OPERATIONS: Final = ("apply_updates", "enable", "evacuate", "power_on", "reboot", "shutdown")
"""Those of `host.current_operations` that are on the host itself, not on its VMs."""


class PoolOtherConfig(msgspec.Struct, frozen=True, gc=False):
    """`pool.other_config`: whether VMs start with their hosts; set while hosts are upgraded."""

    auto_poweron: str = ""
    rolling_upgrade_in_progress: str | None = None


class Pool(msgspec.Struct, frozen=True, gc=False):
    """Class `pool`: one record a pool."""

    uuid: str
    name_label: str = ""
    name_description: str = ""
    tags: list[str] = []
    master: Ref = NULL_REF
    default_SR: Ref = NULL_REF
    ha_enabled: bool | None = None
    ha_host_failures_to_tolerate: int | None = None
    ha_plan_exists_for: int | None = None
    ha_overcommitted: bool | None = None
    ha_allow_overcommit: bool | None = None
    ha_statefiles: list[str] = []
    wlb_enabled: bool | None = None
    redo_log_enabled: bool | None = None
    tls_verification_enabled: bool | None = None
    is_psr_pending: bool | None = None
    last_update_sync: str = ""
    other_config: PoolOtherConfig = PoolOtherConfig()


class CpuInfo(msgspec.Struct, frozen=True, gc=False):
    """`host.cpu_info`: physical CPUs (threads, as Xen sees them), and their make; MHz."""

    # Texts, as all of a map; nobody checks them.
    cpu_count: str | int | None = None
    socket_count: str | int | None = None
    threads_per_core: str | int | None = None
    nr_nodes: str | int | None = None
    speed: str | int | float | None = None
    vendor: str = ""
    modelname: str = ""


class SoftwareVersion(msgspec.Struct, frozen=True, gc=False):
    """`host.software_version`."""

    product_brand: str = ""
    product_version: str = ""
    build_number: str = ""
    xapi: str = ""
    xapi_build: str = ""
    xen: str = ""
    linux: str = ""


class HostOtherConfig(msgspec.Struct, frozen=True, gc=False):
    """`host.other_config`: Unix times, and what older servers have no field for.

    `mpath_boot` is the present and the best number of paths to the disk that the host boots
    from, "[2, 4]".
    """

    iscsi_iqn: str = ""
    multipathing: str | None = None
    boot_time: str = ""
    agent_start_time: str = ""
    rpm_patch_installation_time: str = ""
    mpath_boot: str = msgspec.field(default="", name="mpath-boot")


class LicenseParams(msgspec.Struct, frozen=True, gc=False):
    """`host.license_params`."""

    expiry: str = ""
    sku_type: str = ""


class BiosStrings(msgspec.Struct, frozen=True, gc=False):
    """`host.bios_strings`: who made the server."""

    manufacturer: str = msgspec.field(default="", name="system-manufacturer")
    product_name: str = msgspec.field(default="", name="system-product-name")
    version: str = msgspec.field(default="", name="bios-version")


class Host(msgspec.Struct, frozen=True, gc=False):
    """Class `host`.

    `current_operations` maps tasks to those of HOST_OPERATIONS that they are about.
    """

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
    license_params: LicenseParams = LicenseParams()
    bios_strings: BiosStrings = BiosStrings()
    edition: str = ""
    memory_overhead: int | None = None
    multipathing: bool | None = None
    https_only: bool | None = None
    ssh_enabled: bool | None = None
    secure_boot: bool | None = None
    tls_verification_enabled: bool | None = None
    ha_statefiles: list[str] = []
    ha_network_peers: list[str] = []
    updates_requiring_reboot: list[Ref] | None = None
    pending_guidances: list[str] | None = None
    pending_guidances_recommended: list[str] | None = None
    pending_guidances_full: list[str] | None = None
    latest_synced_updates_applied: str = ""
    last_software_update: str = ""
    current_operations: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Keep of the operations those on the host itself: those on its VMs come and go."""
        if operations := self.current_operations:
            kept = {task: name for task, name in operations.items() if name in HOST_OPERATIONS}
            msgspec.structs.force_setattr(self, "current_operations", kept)


class HostMetrics(msgspec.Struct, frozen=True, gc=False):
    """Class `host_metrics`; memory in bytes."""

    live: bool | None = None
    memory_total: int | None = None
    memory_free: int | None = None

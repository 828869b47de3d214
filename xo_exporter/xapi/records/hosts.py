"""The pool and its hosts."""

import msgspec

from xo_exporter.xapi.records.reference import NULL_REF, Ref


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

"""Metrics of how SRs are, and of what lies on them."""

from typing import Final

from xo_exporter.metrics import sr
from xo_exporter.metrics.table import Table, each, gauge, info
from xo_exporter.model.sr_health import SRHealth, StorageHealth


def _flag(value: bool | None) -> str | None:  # noqa: FBT001  it is the value that is written
    """A flag as the value of a label, as the label `shared` has it."""
    return None if value is None else str(value).lower()


TABLE: Final = Table[SRHealth](
    collector="sr_health",
    part="sr_health",
    objects=lambda model: model.part(StorageHealth).srs,
    label_names=sr.TABLE.label_names,
    labels=lambda health, label: sr.TABLE.labels(health.sr, label),
    metrics=(
        info(
            "xo_sr_properties_info",
            "What an SR is for: SR.content_type, how it gives space to disks (by SR.type, "
            "SR.sm_config allocation, for LINSTOR PBD.device_config provisioning), whether its "
            "driver can make disks (SM.features), and whether it is the pool's default SR, holds "
            "the guest tools, is scanned by itself (SR.other_config auto-scan) and caches.",
            {
                "content_type": lambda health: health.content_type,
                "allocation": lambda health: health.allocation,
                "writable": lambda health: _flag(health.writable),
                "default_sr": lambda health: _flag(health.is_default),
                "tools_sr": lambda health: _flag(health.is_tools),
                "auto_scan": lambda health: _flag(health.auto_scan),
                "local_cache": lambda health: _flag(health.local_cache),
            },
        ),
        gauge(
            "xo_sr_maintenance",
            "Whether Xen Orchestra has put an SR into maintenance, from SR.other_config "
            "xo:maintenanceState.",
            lambda health: health.maintenance,
        ),
        gauge(
            "xo_sr_attached_pbds",
            "PBDs of an SR that are attached, from PBD.currently_attached; below xo_sr_pbds some "
            "host can't reach it.",
            lambda health: health.attached_pbds,
        ),
        each(
            "xo_sr_stored_vdis",
            "All VDIs on an SR by kind: disks, snapshots, and the unmanaged base copies that they "
            "lie on, from VDI.is_a_snapshot and VDI.managed.",
            "kind",
            lambda health: ((kind, vdis.number) for kind, vdis in health.vdis.items()),
        ),
        each(
            "xo_sr_stored_vdi_usage_bytes",
            "Space that all VDIs on an SR take, by kind, from VDI.physical_utilisation.",
            "kind",
            lambda health: ((kind, vdis.usage) for kind, vdis in health.vdis.items()),
        ),
        each(
            "xo_sr_unattached_vdis",
            "VDIs on an SR that no VBD names, by kind: disks and snapshots that nothing uses, by "
            "VBD.VDI; of VDI.type user, system and ephemeral alone, and no images.",
            "kind",
            lambda health: ((kind, vdis.number) for kind, vdis in health.unattached.items()),
        ),
        each(
            "xo_sr_unattached_vdi_usage_bytes",
            "Space that the VDIs on an SR that no VBD names take, by kind, from "
            "VDI.physical_utilisation.",
            "kind",
            lambda health: ((kind, vdis.usage) for kind, vdis in health.unattached.items()),
        ),
        gauge(
            "xo_sr_missing_vdis",
            "VDIs that XAPI knows and that the last scan of an SR did not find, from VDI.missing.",
            lambda health: health.missing,
        ),
        gauge(
            "xo_sr_vdis_to_coalesce",
            "Base copies on an SR that the garbage collector has still to merge with the one VDI "
            "that lies on them, by VDI.sm_config vhd-parent.",
            lambda health: health.to_coalesce,
        ),
        gauge(
            "xo_sr_parentless_vdis",
            "VDIs on an SR whose parent isn't there, by VDI.sm_config vhd-parent.",
            lambda health: health.parentless,
        ),
    ),
)

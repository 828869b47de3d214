"""Metrics of how disks are, and details of them that few need."""

from typing import Final

from xo_exporter.metrics import vdi
from xo_exporter.metrics.table import Table, gauge, info
from xo_exporter.model.vdi_details import VDIDetails, VDIsDetails
from xo_exporter.model.vdi_health import VDIHealth, VDIsHealth

TABLE: Final = Table[VDIHealth](
    collector="vdi_health",
    part="vdi_health",
    objects=lambda model: model.part(VDIsHealth).vdis,
    label_names=vdi.TABLE.label_names,
    labels=lambda health, label: vdi.TABLE.labels(health.vdi, label),
    metrics=(
        gauge(
            "xo_vdi_missing",
            "Whether the last scan of its SR did not find a disk, from VDI.missing.",
            lambda health: health.missing,
        ),
        gauge(
            "xo_vdi_chain_length",
            "Images that a disk is read from, its own and those that VDI.sm_config vhd-parent "
            "leads to; where one of these is gone, the length is unknown.",
            lambda health: health.chain_length,
        ),
    ),
)

DETAILS_TABLE: Final = Table[VDIDetails](
    collector="vdi_details",
    part="vdi_details",
    default=False,
    objects=lambda model: model.part(VDIsDetails).vdis,
    label_names=vdi.TABLE.label_names,
    labels=lambda details, label: vdi.TABLE.labels(details.vdi, label),
    metrics=(
        info(
            "xo_vdi_properties_info",
            "What a disk is: VDI.type, the format of its image (VDI.sm_config image-format), and "
            "whether it is set back when its VM starts (VDI.on_boot).",
            {
                "vdi_type": lambda details: details.vdi_type,
                "image_format": lambda details: details.image_format,
                "on_boot": lambda details: details.on_boot,
            },
        ),
        gauge(
            "xo_vdi_read_only",
            "Whether a disk may only be read, from VDI.read_only.",
            lambda details: details.read_only,
        ),
        gauge(
            "xo_vdi_sharable",
            "Whether several VMs may use a disk at once, from VDI.sharable.",
            lambda details: details.sharable,
        ),
        gauge(
            "xo_vdi_cbt_enabled",
            "Whether the changed blocks of a disk are tracked, from VDI.cbt_enabled.",
            lambda details: details.CBT_enabled,
        ),
        gauge(
            "xo_vdi_snapshots",
            "Snapshots of a disk, by VDI.snapshot_of.",
            lambda details: details.snapshots.number,
        ),
        gauge(
            "xo_vdi_snapshot_usage_bytes",
            "Space that the snapshots of a disk take, from VDI.physical_utilisation.",
            lambda details: details.snapshots.usage,
        ),
    ),
)

"""Metrics of storage repositories."""

from typing import Final

from xo_exporter.metrics.table import Table, container_name, gauge, info, tags
from xo_exporter.model.objects import SR

TABLE: Final = Table[SR](
    collector="sr",
    objects=lambda model: model.SRs,
    label_names=("uuid", "name_label", "pool", "container"),
    labels=lambda sr, pool: (
        ("uuid", sr.UUID),
        ("name_label", sr.name_label),
        ("pool", pool),
        ("container", container_name(sr.container, pool)),
    ),
    metrics=(
        info(
            "xo_sr_info",
            "An SR: description, type (SR.type) and whether it is shared (SR.shared).",
            {
                "name_description": lambda sr: sr.name_description,
                "sr_type": lambda sr: sr.SR_type,
                "shared": lambda sr: "true" if sr.shared else "false",
                "container_uuid": lambda sr: sr.container.UUID,
                "pool_uuid": lambda sr: sr.pool.UUID,
            },
        ),
        tags("xo_sr_tag_info", "A tag of an SR, from SR.tags.", lambda sr: sr.tags),
        gauge(
            "xo_sr_physical_usage_bytes",
            "Space in use on an SR, from SR.physical_utilisation.",
            lambda sr: sr.physical_usage,
        ),
        gauge(
            "xo_sr_usage_bytes",
            "Space allocated to the disks of an SR, from SR.virtual_allocation; on a thin SR it "
            "may exceed the size.",
            lambda sr: sr.usage,
        ),
        gauge("xo_sr_size_bytes", "Size of an SR, from SR.physical_size.", lambda sr: sr.size),
        gauge(
            "xo_sr_vdis",
            "Disks on an SR, by VDI.SR, snapshots and unmanaged VDIs not counted.",
            lambda sr: len(sr.VDIs),
        ),
        gauge("xo_sr_pbds", "PBDs of an SR, by PBD.SR.", lambda sr: len(sr.PBDs)),
    ),
)

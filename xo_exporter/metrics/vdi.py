"""Metrics of VDIs, the disks."""

from typing import Final

from xo_exporter.metrics.table import Table, gauge, info, name_of, uuid_of
from xo_exporter.model.objects import VDI

TABLE: Final = Table[VDI](
    collector="vdi",
    objects=lambda model: model.VDIs,
    label_names=("uuid", "name_label", "pool", "container"),
    labels=lambda vdi, pool: (
        ("uuid", vdi.UUID),
        ("name_label", vdi.name_label),
        ("pool", pool),
        ("container", name_of(vdi.SR)),
    ),
    metrics=(
        info(
            "xo_vdi_info",
            "A disk: description, its SR (VDI.SR) and the first VBD that attaches it (VBD.VDI).",
            {
                "name_description": lambda vdi: vdi.name_description,
                "sr_uuid": lambda vdi: uuid_of(vdi.SR),
                "vbd_uuid": lambda vdi: uuid_of(vdi.VBD),
            },
        ),
        gauge(
            "xo_vdi_usage_bytes",
            "Space that a disk takes on its SR, from VDI.physical_utilisation.",
            lambda vdi: vdi.usage,
        ),
        gauge(
            "xo_vdi_size_bytes",
            "Size of a disk as its VM sees it, from VDI.virtual_size.",
            lambda vdi: vdi.size,
        ),
    ),
)

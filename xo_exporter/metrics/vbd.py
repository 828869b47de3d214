"""Metrics of VBDs, the links of VMs and VDIs."""

from typing import Final

from xo_exporter.metrics.table import Table, gauge, info, uuid_of
from xo_exporter.model.objects import VBD

TABLE: Final = Table[VBD](
    collector="vbd",
    objects=lambda model: model.VBDs,
    label_names=("uuid", "pool", "container", "device"),
    labels=lambda vbd, pool: (
        ("uuid", vbd.UUID),
        ("pool", pool),
        ("container", vbd.VM.name_label),
        ("device", vbd.device),
    ),
    metrics=(
        info(
            "xo_vbd_info",
            "A link of a VM (VBD.VM) and a disk (VBD.VDI); an empty drive has no disk.",
            {
                "vdi_uuid": lambda vbd: uuid_of(vbd.VDI),
                "vm_uuid": lambda vbd: vbd.VM.UUID,
            },
        ),
        gauge(
            "xo_vbd_attached",
            "Whether a disk or drive is attached to its VM, from VBD.currently_attached.",
            lambda vbd: vbd.attached,
        ),
    ),
)

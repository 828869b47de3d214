"""Metrics of the disks that are attached to control domains."""

from typing import Final

from xo_exporter.metrics import host
from xo_exporter.metrics.table import Table, gauge, info, name_of
from xo_exporter.model.controller_disks import ControllerDisk, ControllerDisks, HostControllerDisks

_COLLECTOR: Final = "controller_disk"
_PART: Final = "controller_disks"

TABLE: Final = Table[HostControllerDisks](
    collector=_COLLECTOR,
    part=_PART,
    objects=lambda model: model.part(ControllerDisks).of_hosts,
    label_names=host.TABLE.label_names,
    labels=lambda disks, label: host.TABLE.labels(disks.host, label),
    metrics=(
        gauge(
            "xo_host_controller_disks",
            "Disks that are attached to a host's control domain, from VBD.VM; those that stay "
            "attached when no backup runs cannot be deleted.",
            lambda disks: disks.count,
        ),
    ),
)

DISK_TABLE: Final = Table[ControllerDisk](
    collector=_COLLECTOR,
    part=_PART,
    objects=lambda model: model.part(ControllerDisks).disks,
    label_names=host.TABLE.label_names,
    labels=lambda disk, label: host.TABLE.labels(disk.host, label),
    metrics=(
        info(
            "xo_host_controller_disk_info",
            "A disk, or a snapshot of one, that is attached to a host's control domain, from "
            "VBD.VM; the first 100 of a pool.",
            {
                "vdi": lambda disk: disk.vdi_name,
                "vdi_uuid": lambda disk: disk.vdi_uuid,
                "sr": lambda disk: name_of(disk.sr),
            },
        ),
    ),
)

"""Metrics of what a VM does on each of its disks, from the RRDs of the host that it is on.

A source is called by VBD.device, whatever that is: xvda, xvdaa, hda, sda, nvme0n1. Where the VM
has no VBD of that name, as in the moment of a migration, the series has its device alone. A source
stays in the RRDs when its disk is unplugged, and some builds of xapi before 24.40 kept its last
value; so those of disks that are not plugged in are left out.

The sources vbd_*_iops_total and vbd_*_io_throughput_total are left out: each is the sum of those
by direction, and a query that adds these up would count it twice. What io_throughput_* says,
vbd_*_read and vbd_*_write say as well, without the error that some builds have: a collector of
its own, which is off by default, has it.
"""

from typing import Final

from xo_exporter.metrics import vm
from xo_exporter.metrics.absolute import absolute_correction
from xo_exporter.metrics.source import Match, Source, SourceTable
from xo_exporter.metrics.table import name_of
from xo_exporter.model.objects import VM

_MIB: Final = 1024.0 * 1024.0
_MICROSECONDS: Final = 1e-6


def _disk(of: VM, match: Match) -> tuple[str | None, ...] | None:
    device = match[1]
    vbds = [vbd for vbd in of.VBDs if vbd.device == device]
    plugged = [vbd for vbd in vbds if vbd.attached is not False]
    if vbds and not plugged:
        return None
    vdi = next((vbd.VDI for vbd in plugged if vbd.VDI is not None), None)
    return (device, None, None) if vdi is None else (device, vdi.name_label, name_of(vdi.SR))


def _correction(of: VM) -> float:
    return absolute_correction(of.values_host.xapi_version if of.values_host else "")


def _of_disk(
    name: str, help_text: str, source: str, factor: float = 1.0, *, absolute: bool = False
) -> Source[VM]:
    return Source(
        f"xo_vm_disk_{name}",
        help_text,
        f"vbd_([^_]+)_{source}",
        factor,
        labels=("device", "vdi", "sr"),
        label_values=_disk,
        absolute=absolute,
    )


TABLE: Final = SourceTable[VM](
    collector="vm_disk",
    objects=vm.TABLE.objects,
    label_names=vm.TABLE.label_names,
    labels=vm.TABLE.labels,
    values=lambda vm: vm.values,
    correction=_correction,
    metrics=(
        _of_disk(
            "read_bytes_per_second",
            "Bytes that a VM reads from each disk, from RRD vbd_<device>_read.",
            "read",
        ),
        _of_disk(
            "write_bytes_per_second",
            "Bytes that a VM writes to each disk, from RRD vbd_<device>_write.",
            "write",
        ),
        _of_disk(
            "read_operations_per_second",
            "Read requests of a VM to each disk that were completed, from RRD "
            "vbd_<device>_iops_read.",
            "iops_read",
            absolute=True,
        ),
        _of_disk(
            "write_operations_per_second",
            "Write requests of a VM to each disk that were completed, from RRD "
            "vbd_<device>_iops_write.",
            "iops_write",
            absolute=True,
        ),
        _of_disk(
            "read_latency_seconds",
            "Mean duration of a read request of a VM to each disk, 0 while there is none, from "
            "RRD vbd_<device>_read_latency.",
            "read_latency",
            _MICROSECONDS,
        ),
        _of_disk(
            "write_latency_seconds",
            "Mean duration of a write request of a VM to each disk, 0 while there is none, from "
            "RRD vbd_<device>_write_latency.",
            "write_latency",
            _MICROSECONDS,
        ),
        _of_disk(
            "latency_seconds",
            "Mean duration of a request of a VM to each disk, 0 while there is none, from RRD "
            "vbd_<device>_latency.",
            "latency",
            _MICROSECONDS,
        ),
        _of_disk(
            "iowait_ratio",
            "Seconds that requests of a VM to each disk waited, by second, from RRD "
            "vbd_<device>_iowait; above 1 where several wait.",
            "iowait",
            absolute=True,
        ),
        _of_disk(
            "inflight_operations",
            "Requests of a VM to each disk that are under way, from RRD vbd_<device>_inflight.",
            "inflight",
        ),
        _of_disk(
            "queue_operations",
            "Mean number of requests of a VM to each disk under way, from RRD "
            "vbd_<device>_avgqu_sz.",
            "avgqu_sz",
        ),
    ),
)

THROUGHPUT_TABLE: Final = SourceTable[VM](
    collector="vm_disk_throughput",
    default=False,
    objects=vm.TABLE.objects,
    label_names=vm.TABLE.label_names,
    labels=vm.TABLE.labels,
    values=lambda vm: vm.values,
    correction=_correction,
    metrics=(
        _of_disk(
            "read_throughput_bytes_per_second",
            "Bytes that a VM reads from each disk, as another counter has it, from RRD "
            "vbd_<device>_io_throughput_read.",
            "io_throughput_read",
            _MIB,
            absolute=True,
        ),
        _of_disk(
            "write_throughput_bytes_per_second",
            "Bytes that a VM writes to each disk, as another counter has it, from RRD "
            "vbd_<device>_io_throughput_write.",
            "io_throughput_write",
            _MIB,
            absolute=True,
        ),
    ),
)

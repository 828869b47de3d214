"""What of an object may change at any time and concerns no other object.

Whoever adds a field that others read, or that decides on a link, does not set it here: see
`kept.py`.
"""

from xo_exporter.model import known
from xo_exporter.model.guest_address import NONE, addresses
from xo_exporter.model.guests import Guest, guest_of
from xo_exporter.model.objects import SR, VDI, VM, Memory
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.records import Records


def set_memory_size(memory: Memory, vm: xapi.VM, records: Records) -> None:
    """The size of a VM's or control domain's memory, in bytes."""
    size = None
    metrics = records.vm_metrics.get(vm.metrics)
    if metrics is not None and vm.power_state in ("Running", "Paused"):
        size = known.count(metrics.memory_actual)
    memory.size = known.count(vm.memory_dynamic_max) if size is None else size


def set_start_time(vm: VM, metrics: xapi.VMMetrics | None) -> None:
    """When a VM that runs was started, in Unix time: XAPI keeps that of one that doesn't."""
    running = vm.power_state == "Running"
    vm.start_time = known.timestamp(metrics.start_time) if running and metrics else None


def set_operations(vm: VM, record: xapi.VM) -> None:
    """What is being done with a VM."""
    vm.current_operations = tuple(sorted(record.current_operations))


def set_guest(vm: VM, guest: xapi.VMGuestMetrics | None) -> None:
    """What the guest agent reports: operating system, and while the VM runs all the rest."""
    guest = guest or xapi.VMGuestMetrics()
    running = vm.power_state == "Running"
    found = addresses(guest.networks) if running else NONE
    vm.address = found.main
    vm.guest = guest_of(guest, found.all) if running else Guest()
    os_version = guest.os_version
    vm.os_name = os_version.name
    vm.os_distro = os_version.distro
    vm.os_version = ".".join(part for part in (os_version.major, os_version.minor) if part)


def set_sr_sizes(sr: SR, record: xapi.SR) -> None:
    """Sizes of an SR, in bytes."""
    sr.physical_usage = known.count(record.physical_utilisation)
    sr.usage = known.count(record.virtual_allocation)
    sr.size = known.positive(record.physical_size)


def set_vdi_usage(vdi: VDI, record: xapi.VDI) -> None:
    """What a disk takes of its SR, in bytes."""
    vdi.usage = known.count(record.physical_utilisation)

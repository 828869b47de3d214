"""Metrics of what the guest agents of running VMs say."""

from typing import Final

from xo_exporter.metrics import vm
from xo_exporter.metrics.table import Table, each, each_of, gauge
from xo_exporter.model.objects import VM

TABLE: Final = Table[VM](
    collector="vm_guest",
    objects=vm.TABLE.objects,
    label_names=vm.TABLE.label_names,
    labels=vm.TABLE.labels,
    metrics=(
        gauge(
            "xo_vm_guest_agent",
            "Whether a guest agent has spoken since a running VM started, from "
            "VM_guest_metrics.PV_drivers_version, which it writes.",
            lambda vm: vm.guest.has_agent,
        ),
        gauge(
            "xo_vm_guest_agent_live",
            "Whether the guest agent of a running VM is heard of, from VM_guest_metrics.live.",
            lambda vm: vm.guest.live,
        ),
        gauge(
            "xo_vm_guest_agent_last_update_timestamp_seconds",
            "When what the guest agent of a running VM says last changed, from "
            "VM_guest_metrics.last_updated.",
            lambda vm: vm.guest.last_update,
        ),
        each_of(
            "xo_vm_guest_agent_info",
            "The guest agent of a running VM: its version, from "
            "VM_guest_metrics.PV_drivers_version.",
            ("version",),
            lambda vm: (((vm.guest.version,), 1),) if vm.guest.version else (),
        ),
        gauge(
            "xo_vm_pv_drivers_detected",
            "Whether a running VM has paravirtual drivers that work, from "
            "VM_guest_metrics.PV_drivers_detected.",
            lambda vm: vm.guest.drivers_detected,
        ),
        gauge(
            "xo_vm_pv_drivers_up_to_date",
            "Whether the paravirtual drivers of a running VM are up to date, from "
            "VM_guest_metrics.PV_drivers_up_to_date.",
            lambda vm: vm.guest.drivers_up_to_date,
        ),
        each(
            "xo_vm_address_info",
            "An address of a running VM, the first 16 of all, from VM_guest_metrics.networks.",
            "address",
            lambda vm: ((address, 1) for address in vm.guest.addresses),
        ),
    ),
)

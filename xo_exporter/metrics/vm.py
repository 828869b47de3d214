"""Metrics of VMs."""

from typing import Final

from xo_exporter.metrics.table import (
    Table,
    container_name,
    each,
    gauge,
    info,
    measured,
    states,
    tags,
)
from xo_exporter.model.objects import VM, VM_POWER_STATES

TABLE: Final = Table[VM](
    collector="vm",
    objects=lambda model: model.VMs,
    label_names=("uuid", "name_label", "pool", "container"),
    labels=lambda vm, pool: (
        ("uuid", vm.UUID),
        ("name_label", vm.name_label),
        ("pool", pool),
        ("container", container_name(vm.container, pool)),
    ),
    metrics=(
        info(
            "xo_vm_info",
            "A VM: description, address (VM_guest_metrics.networks) and operating system "
            "(VM_guest_metrics.os_version).",
            {
                "name_description": lambda vm: vm.name_description,
                "address": lambda vm: vm.address,
                "pool_uuid": lambda vm: vm.pool.UUID,
                "container_uuid": lambda vm: vm.container.UUID,
                "os_name": lambda vm: vm.os_name,
                "os_distro": lambda vm: vm.os_distro,
                "os_version": lambda vm: vm.os_version,
            },
        ),
        tags("xo_vm_tag_info", "A tag of a VM, from VM.tags.", lambda vm: vm.tags),
        gauge(
            "xo_vm_memory_size_bytes",
            "Memory of a VM, from VM_metrics.memory_actual while it runs or is paused, else "
            "VM.memory_dynamic_max.",
            lambda vm: vm.memory.size,
        ),
        measured(
            gauge(
                "xo_vm_memory_usage_bytes",
                "Memory that a running VM uses, RRD memory less memory_internal_free, which the "
                "guest agent reports.",
                lambda vm: vm.memory.usage,
            )
        ),
        states(
            "xo_vm_power_state",
            "1 for the state a VM is in, from VM.power_state, 0 for the others.",
            "power_state",
            VM_POWER_STATES,
            lambda vm: vm.power_state,
        ),
        gauge(
            "xo_vm_vcpus",
            "Virtual CPUs of a VM, from VM_metrics.VCPUs_number while it runs, else "
            "VM.VCPUs_at_startup.",
            lambda vm: vm.vCPUs,
        ),
        measured(
            gauge(
                "xo_vm_cpu_usage_ratio",
                "Mean usage of a VM's CPUs, 0 to 1, from RRD cpu_usage (xapi 24.4 and later), else "
                "the mean of cpuN.",
                lambda vm: vm.CPU_usage,
            )
        ),
        measured(
            each(
                "xo_vm_cpu_core_usage_ratio",
                "Usage of each virtual CPU of a VM, 0 to 1, from RRD cpuN.",
                "core",
                lambda vm: ((str(number), usage) for number, usage in enumerate(vm.CPUs)),
            )
        ),
        gauge("xo_vm_vbds", "VBDs of a VM, by VBD.VM.", lambda vm: len(vm.VBDs)),
    ),
)

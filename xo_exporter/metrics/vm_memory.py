"""Metrics of the memory of VMs: what they have, what is free of it, and within what limits."""

from typing import Final

from xo_exporter.metrics import vm
from xo_exporter.metrics.source import Source, SourceTable
from xo_exporter.metrics.table import Table, gauge
from xo_exporter.model.objects import VM

_COLLECTOR: Final = "vm_memory"
_KIB: Final = 1024.0

SOURCE_TABLE: Final = SourceTable[VM](
    collector=_COLLECTOR,
    objects=vm.TABLE.objects,
    label_names=vm.TABLE.label_names,
    labels=vm.TABLE.labels,
    values=lambda vm: vm.values,
    metrics=(
        Source(
            "xo_vm_memory_allocated_bytes",
            "Memory that a VM has of its host, from RRD memory.",
            "memory",
        ),
        Source(
            "xo_vm_memory_target_bytes",
            "Memory that a VM's balloon driver is told to leave to the VM, from RRD memory_target.",
            "memory_target",
        ),
        Source(
            "xo_vm_memory_free_bytes",
            "Memory that is free inside a VM, from RRD memory_internal_free, which the guest "
            "agent reports.",
            "memory_internal_free",
            _KIB,
        ),
    ),
)

TABLE: Final = Table[VM](
    collector=_COLLECTOR,
    objects=vm.TABLE.objects,
    label_names=vm.TABLE.label_names,
    labels=vm.TABLE.labels,
    metrics=(
        gauge(
            "xo_vm_memory_dynamic_min_bytes",
            "Memory that a VM's balloon driver may take it down to, from VM.memory_dynamic_min.",
            lambda vm: vm.settings.memory_dynamic_min,
        ),
        gauge(
            "xo_vm_memory_dynamic_max_bytes",
            "Memory that a VM has while its host has enough, from VM.memory_dynamic_max.",
            lambda vm: vm.settings.memory_dynamic_max,
        ),
        gauge(
            "xo_vm_memory_static_min_bytes",
            "Memory that a VM can do with at least, from VM.memory_static_min.",
            lambda vm: vm.settings.memory_static_min,
        ),
        gauge(
            "xo_vm_memory_static_max_bytes",
            "Memory that a VM can be given until it is shut down, from VM.memory_static_max.",
            lambda vm: vm.settings.memory_static_max,
        ),
        gauge(
            "xo_vm_memory_overhead_bytes",
            "Memory that a VM takes of its host beside its own, from VM.memory_overhead.",
            lambda vm: vm.settings.memory_overhead,
        ),
    ),
)

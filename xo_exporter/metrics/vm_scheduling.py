"""Metrics of how a VM's CPUs get on: run states, waiting for a CPU, NUMA.

No host records these sources unless it is told to, VM by VM, by VM.record_data_source.
"""

from typing import Final

from xo_exporter.metrics import vm
from xo_exporter.metrics.source import Source, SourceTable
from xo_exporter.model.objects import VM

TABLE: Final = SourceTable[VM](
    collector="vm_runstate",
    objects=vm.TABLE.objects,
    label_names=vm.TABLE.label_names,
    labels=vm.TABLE.labels,
    values=lambda vm: vm.values,
    metrics=(
        Source(
            "xo_vm_runstate_ratio",
            "Share of time that a VM's CPUs together are in each state, from RRD "
            "runstate_<state>; recorded only where the host is told to.",
            "runstate_(fullrun|full_contention|concurrency_hazard|blocked|partial_run"
            "|partial_contention)",
            labels=("state",),
            label_values=lambda _vm, match: (match[1],),
        ),
        Source(
            "xo_vm_runnable_any_ratio",
            "Share of time that at least one CPU of a VM waits for a physical one, from RRD "
            "runnable_any; recorded only where the host is told to.",
            "runnable_any",
            since="25.29",
        ),
        Source(
            "xo_vm_runnable_vcpus_ratio",
            "Share of time that the CPUs of a VM wait for physical ones, from RRD "
            "runnable_vcpus; recorded only where the host is told to.",
            "runnable_vcpus",
            since="25.29",
        ),
    ),
)

NUMA_TABLE: Final = SourceTable[VM](
    collector="vm_numa",
    stable=False,
    objects=vm.TABLE.objects,
    label_names=vm.TABLE.label_names,
    labels=vm.TABLE.labels,
    values=lambda vm: vm.values,
    metrics=(
        Source(
            "xo_vm_numa_nonaffine_vcpus_ratio",
            "Share of time that the CPUs of a VM run on another NUMA node than they should, from "
            "RRD numa_node_nonaffine_vcpus; recorded only where the host is told to.",
            "numa_node_nonaffine_vcpus",
            since="26.3",
        ),
        Source(
            "xo_vm_numa_nodes",
            "NUMA nodes that a VM's memory lies on, from RRD numa_nodes; recorded only where the "
            "host is told to.",
            "numa_nodes",
            since="26.3",
        ),
        Source(
            "xo_vm_numa_memory_bytes",
            "Memory of a VM on each NUMA node, from RRD memory_numa_node_<node>; recorded only "
            "where the host is told to.",
            "memory_numa_node_([0-9]{1,4})",
            labels=("node",),
            label_values=lambda _vm, match: (match[1],),
            since="26.3",
        ),
    ),
)

PVS_TABLE: Final = SourceTable[VM](
    collector="vm_pvs_cache",
    objects=vm.TABLE.objects,
    label_names=vm.TABLE.label_names,
    labels=vm.TABLE.labels,
    values=lambda vm: vm.values,
    metrics=(
        Source(
            "xo_vm_pvs_cache_status",
            "What PVS-Accelerator does for a VM: 0 stopped, 1 initialised, 2 caching, 3 and 4 "
            "hindered by the write cache mode or the version of the server, from RRD "
            "pvscache_status.",
            "pvscache_status",
        ),
    ),
)

"""Metrics of the XO singleton: totals over the pools that could be read."""

from typing import Final

from xo_exporter.metrics.table import Table, gauge, measured
from xo_exporter.model.objects import XO

TABLE: Final = Table[XO](
    collector="xo",
    label_names=(),
    labels=lambda _xo, _pool: (),
    metrics=(
        gauge("xo_pools", "Pools whose objects could be read.", lambda xo: len(xo.pools)),
        gauge(
            "xo_cpus",
            "Physical CPUs (threads) of all hosts, from host.cpu_info.cpu_count.",
            lambda xo: xo.CPUs,
        ),
        gauge(
            "xo_running_vms",
            "VMs whose VM.power_state is Running.",
            lambda xo: xo.running_VMs,
        ),
        gauge(
            "xo_vcpus",
            "Virtual CPUs of all running VMs, from VM_metrics.VCPUs_number, else "
            "VM.VCPUs_at_startup.",
            lambda xo: xo.vCPUs,
        ),
        measured(
            gauge(
                "xo_memory_size_bytes",
                "Memory of all hosts, from host_metrics.memory_total, else RRD memory_total_kib.",
                lambda xo: xo.memory.size,
            )
        ),
        measured(
            gauge(
                "xo_memory_usage_bytes",
                "Memory in use on all running hosts, by RRD memory_free_kib, else by "
                "host_metrics.memory_free.",
                lambda xo: xo.memory.usage,
            )
        ),
    ),
)

"""Metrics of how busy a host is, from its RRDs.

The sources cpuN, cpu_avg, memory_total_kib and memory_free_kib are read by the model, which has
them as usages of CPUs and memory: metrics/host.py.
"""

from typing import Final

from xo_exporter.metrics import host
from xo_exporter.metrics.source import Source, SourceTable
from xo_exporter.model.objects import Host

TABLE: Final = SourceTable[Host](
    collector="host_load",
    objects=host.TABLE.objects,
    label_names=host.TABLE.label_names,
    labels=host.TABLE.labels,
    values=lambda host: host.values,
    metrics=(
        Source(
            "xo_host_load_average",
            "Load average of a host's control domain over a minute, from RRD loadavg.",
            "loadavg",
        ),
        Source(
            "xo_host_load_ratio",
            "Virtual CPUs that run or could run, by physical CPU, from RRD hostload; it may be "
            "above 1.",
            "hostload",
            since="23.16",
        ),
        Source(
            "xo_host_running_vcpus",
            "Virtual CPUs of a host that run or could run now, from RRD running_vcpus.",
            "running_vcpus",
            since="24.0",
        ),
        Source(
            "xo_host_running_domains",
            "Domains that run on a host, its control domain included, from RRD running_domains.",
            "running_domains",
            since="24.0",
        ),
        Source(
            "xo_host_memory_reclaimed_bytes",
            "Memory that a host's VMs have been made to give back, from RRD memory_reclaimed.",
            "memory_reclaimed",
        ),
        Source(
            "xo_host_memory_reclaimable_bytes",
            "Memory that a host's VMs could be made to give back in all, from RRD "
            "memory_reclaimed_max.",
            "memory_reclaimed_max",
        ),
    ),
)

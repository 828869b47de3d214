"""Metrics of the control domain of each host; its memory and mean CPU usage are in host.py.

Of its sources cpu_usage, memory and memory_internal_free are read by the model.
"""

from typing import Final

from xo_exporter.metrics import host
from xo_exporter.metrics.source import Source, SourceTable
from xo_exporter.metrics.table import Table, gauge
from xo_exporter.model.objects import Host

_COLLECTOR: Final = "host_controller"

TABLE: Final = Table[Host](
    collector=_COLLECTOR,
    objects=host.TABLE.objects,
    label_names=host.TABLE.label_names,
    labels=host.TABLE.labels,
    metrics=(
        gauge(
            "xo_host_controller_vcpus",
            "Virtual CPUs of a host's control domain, from VM_metrics.VCPUs_number, else "
            "VM.VCPUs_at_startup.",
            lambda host: host.controller_vCPUs,
        ),
    ),
)

SOURCE_TABLE: Final = SourceTable[Host](
    collector=_COLLECTOR,
    objects=host.TABLE.objects,
    label_names=host.TABLE.label_names,
    labels=host.TABLE.labels,
    values=lambda host: host.controller_values,
    metrics=(
        Source(
            "xo_host_controller_cpu_core_usage_ratio",
            "Usage of each virtual CPU of a host's control domain, 0 to 1, from RRD cpuN of the "
            "domain.",
            "cpu(0|[1-9][0-9]*)",
            labels=("core",),
            label_values=lambda _host, match: (match[1],),
        ),
        Source(
            "xo_host_controller_memory_target_bytes",
            "Memory that a host's control domain is to have, from RRD memory_target of the domain.",
            "memory_target",
        ),
    ),
)

"""Metrics of a host's hardware, from its RRDs: the power it draws, and its GPUs.

Those of GPUs are recorded where somebody has asked for it (host.record_data_source).
"""

from typing import Final

from xo_exporter.metrics import host
from xo_exporter.metrics.source import Match, Source, SourceTable
from xo_exporter.model.objects import Host

_MILLIWATTS: Final = 1e-3


def _pci(_host: Host, match: Match) -> tuple[str]:
    # A colon would end the name of a source: the plugin writes a slash for it.
    return (match[1].replace("/", ":"),)


def _of_gpu(name: str, help_text: str, source: str, factor: float = 1.0) -> Source[Host]:
    pattern = f"gpu_{source}_([0-9A-Fa-f/.]+)"
    return Source(
        f"xo_host_gpu_{name}", help_text, pattern, factor, labels=("pci",), label_values=_pci
    )


TABLE: Final = SourceTable[Host](
    collector="host_hardware",
    objects=host.TABLE.objects,
    label_names=host.TABLE.label_names,
    labels=host.TABLE.labels,
    values=lambda host: host.values,
    metrics=(
        Source(
            "xo_host_power_watts",
            "Power that a host draws, as its board management (IPMI DCMI) says, from RRD "
            "DCMI-power-reading.",
            "DCMI-power-reading",
            since="24.20",
        ),
        _of_gpu(
            "memory_free_bytes",
            "Free memory of each GPU of a host, from RRD gpu_memory_free_<PCI>.",
            "memory_free",
        ),
        _of_gpu(
            "memory_usage_bytes",
            "Memory in use of each GPU of a host, from RRD gpu_memory_used_<PCI>.",
            "memory_used",
        ),
        _of_gpu(
            "power_watts",
            "Power that each GPU of a host draws, from RRD gpu_power_usage_<PCI>.",
            "power_usage",
            _MILLIWATTS,
        ),
        _of_gpu(
            "temperature_celsius",
            "Temperature of each GPU of a host, from RRD gpu_temperature_<PCI>.",
            "temperature",
        ),
        _of_gpu(
            "compute_usage_ratio",
            "Share of time that each GPU of a host computed, from RRD "
            "gpu_utilisation_compute_<PCI>.",
            "utilisation_compute",
        ),
        _of_gpu(
            "memory_io_usage_ratio",
            "Share of time that the memory of each GPU of a host was read or written, from RRD "
            "gpu_utilisation_memory_io_<PCI>.",
            "utilisation_memory_io",
        ),
    ),
)

"""What RRD values say of the usage of CPUs and memory."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from xo_exporter.model import known
from xo_exporter.model.objects import Memory
from xo_exporter.rrd.values import Values
from xo_exporter.xapi import records as xapi

_KIB: Final = 1024
_MAX_CORES: Final = 8192  # twice what Xen can have; a larger number is garbage, and costs memory
_CPU_USAGE_IS_A_MEAN: Final = (24, 4)  # before this xapi, `cpu_usage` of a VM was a sum

CoreUsages = Mapping[int, float | None]
"""CPU usage, 0 to 1, by the number of the core."""


def by_core(values: Values) -> CoreUsages:
    """The usage of each core that the RRDs have."""
    numbers = values.numbers
    return {core: known.not_negative(numbers[at]) for core, at in values.sources.cores}


def of_cores(usages: CoreUsages, count: int | None) -> list[float | None]:
    """One CPU usage a core: as many as `count`, or as the RRDs have where that is unknown."""
    if count is None:
        count = max(usages, default=-1) + 1
    return [usages.get(number) for number in range(min(count, _MAX_CORES))]


def host_cpu(values: Values, usages: CoreUsages) -> float | None:
    """Mean usage of a host's CPUs."""
    average = known.not_negative(values.get("cpu_avg"))
    return known.mean(usages.values()) if average is None else average


@lru_cache(maxsize=256)
def _cpu_usage_is_a_mean(xapi_version: str) -> bool:
    return known.version(xapi_version) >= _CPU_USAGE_IS_A_MEAN


def vm_cpu(values: Values, usages: CoreUsages, xapi_version: str) -> float | None:
    """Mean usage of a VM's CPUs; the version is that of the host which says the values."""
    average = None
    if _cpu_usage_is_a_mean(xapi_version):
        average = known.not_negative(values.get("cpu_usage"))
    return known.mean(usages.values()) if average is None else average


def host_memory(metrics: xapi.HostMetrics | None, values: Values, *, running: bool) -> Memory:
    """A host's memory: the size as XAPI has it to the byte, the usage all that isn't free."""
    # 0 is what XAPI itself says until it has measured.
    size: int | float | None = known.count(metrics.memory_total) if metrics else None
    if size is None and "memory_total_kib" in values:
        size = known.whole(values["memory_total_kib"] * _KIB)
    if size is None or not running:
        return Memory(size, None)
    free: int | float | None = None
    if "memory_free_kib" in values:
        free = known.whole(values["memory_free_kib"] * _KIB)
    if free is None and metrics:
        free = known.count(metrics.memory_free)
    return Memory(size, None if free is None else known.whole(size - free))


def vm_memory(values: Values) -> int | float | None:
    """A VM's memory usage in bytes; None without the guest agent, which alone knows it."""
    if "memory" not in values or "memory_internal_free" not in values:
        return None
    return known.whole(values["memory"] - values["memory_internal_free"] * _KIB)

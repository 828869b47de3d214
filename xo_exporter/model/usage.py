"""What RRD values say of the usage of CPUs and memory."""

from typing import Final

from xo_exporter.model import known
from xo_exporter.model.objects import Memory
from xo_exporter.rrd.values import Values
from xo_exporter.xapi import records as xapi

NO_VALUES: Final[Values] = {}
_KIB: Final = 1024
_MAX_CORES: Final = 8192  # twice what Xen can have; a larger number is garbage, and costs memory


def of_cores(values: Values, count: int | None) -> list[float | None]:
    """One CPU usage a core: as many as `count`, or as the RRDs have where that is unknown."""
    if count is None:
        numbers = [int(name[3:]) for name in values if name[3:].isdecimal()]
        count = max(numbers, default=-1) + 1
    cores = range(min(count, _MAX_CORES))
    return [known.not_negative(values.get(f"cpu{number}")) for number in cores]


def host_memory(metrics: xapi.HostMetrics | None, values: Values, *, running: bool) -> Memory:
    """A host's memory: the size as XAPI has it to the byte, the usage all that isn't free."""
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

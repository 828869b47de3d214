"""The XO singleton: sums over the pools that could be read."""

from collections.abc import Sequence

from xo_exporter.model import known
from xo_exporter.model.objects import XO, Memory, PoolModel


def totals_of(model: PoolModel) -> XO:
    """Totals of one pool: CPUs and memory size of all hosts, memory usage of running ones.

    What is known is summed. The usage of a host that may be running is unknown.
    """
    running = [host for host in model.hosts if host.power_state != "Halted"]
    running_vms = model.pool.running_VMs
    return XO(
        pools=[model.pool],
        CPUs=known.count_of([host.cpu_count for host in model.hosts]),
        running_VMs=len(running_vms),
        vCPUs=known.count_of([vm.vCPUs for vm in running_vms]),
        memory=Memory(
            known.total([host.memory.size for host in model.hosts]),
            known.total([host.memory.usage for host in running]),
        ),
    )


def total(parts: Sequence[XO]) -> XO:
    """Totals over pools; without a pool everything but the list of pools is unknown."""
    if not parts:
        return XO(pools=[], CPUs=None, running_VMs=None, vCPUs=None, memory=Memory())
    return XO(
        pools=sorted((pool for part in parts for pool in part.pools), key=lambda pool: pool.UUID),
        CPUs=_whole(_sum([part.CPUs for part in parts])),
        running_VMs=_whole(_sum([part.running_VMs for part in parts])),
        vCPUs=_whole(_sum([part.vCPUs for part in parts])),
        memory=Memory(
            _sum([part.memory.size for part in parts]),
            _sum([part.memory.usage for part in parts]),
        ),
    )


def _sum(values: Sequence[float | None]) -> int | float | None:
    """The sum of what is known; unknown where that is nothing, save where there is nothing."""
    return known.total(values) or (None if None in values else 0)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)

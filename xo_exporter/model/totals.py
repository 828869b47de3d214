"""The XO singleton: sums over the pools that could be read."""

from collections.abc import Sequence

from xo_exporter.model import known
from xo_exporter.model.objects import XO, Memory, PoolModel


def totals_of(model: PoolModel) -> XO:
    """Totals of one pool: CPUs and memory size of all hosts, memory usage of running ones.

    What is known is summed.
    """
    running = [host for host in model.hosts if host.power_state == "Running"]
    running_vms = model.pool.running_VMs
    cpus = known.total([host.cpu_count for host in model.hosts])
    vcpus = known.total([vm.vCPUs for vm in running_vms])
    return XO(
        pools=[model.pool],
        CPUs=None if cpus is None else int(cpus),
        running_VMs=len(running_vms),
        vCPUs=None if vcpus is None else int(vcpus),
        memory=Memory(
            known.total([host.memory.size for host in model.hosts]),
            known.total([host.memory.usage for host in running]),
        ),
    )


def total(parts: Sequence[XO]) -> XO:
    """Totals over pools; without a pool everything but the list of pools is unknown."""
    if not parts:
        return XO(pools=[], CPUs=None, running_VMs=None, vCPUs=None, memory=Memory())
    cpus = known.total([part.CPUs for part in parts])
    running_vms = known.total([part.running_VMs for part in parts])
    vcpus = known.total([part.vCPUs for part in parts])
    return XO(
        pools=sorted((pool for part in parts for pool in part.pools), key=lambda pool: pool.UUID),
        CPUs=None if cpus is None else int(cpus),
        running_VMs=None if running_vms is None else int(running_vms),
        vCPUs=None if vcpus is None else int(vcpus),
        memory=Memory(
            known.total([part.memory.size for part in parts]),
            known.total([part.memory.usage for part in parts]),
        ),
    )

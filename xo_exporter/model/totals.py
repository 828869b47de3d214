"""The XO singleton: sums over the pools that could be read."""

from collections.abc import Sequence

from xo_exporter.model import known
from xo_exporter.model.objects import XO, Memory, PoolModel


def total(models: Sequence[PoolModel]) -> XO:
    """Totals over `models`: CPUs and memory size of all hosts, memory usage of running ones.

    What is known is summed; without a pool everything but the list of pools is unknown.
    """
    pools = [model.pool for model in models]
    if not pools:
        return XO(pools=[], CPUs=None, running_VMs=None, vCPUs=None, memory=Memory())
    hosts = [host for model in models for host in model.hosts]
    running = [host for host in hosts if host.power_state == "Running"]
    running_vms = [vm for pool in pools for vm in pool.running_VMs]
    cpus = known.total([host.cpu_count for host in hosts])
    vcpus = known.total([vm.vCPUs for vm in running_vms])
    return XO(
        pools=sorted(pools, key=lambda pool: pool.UUID),
        CPUs=None if cpus is None else int(cpus),
        running_VMs=len(running_vms),
        vCPUs=None if vcpus is None else int(vcpus),
        memory=Memory(
            known.total([host.memory.size for host in hosts]),
            known.total([host.memory.usage for host in running]),
        ),
    )

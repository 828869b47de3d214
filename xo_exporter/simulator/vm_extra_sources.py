"""The data sources of a VM that are recorded because somebody has asked for them."""

from collections.abc import Iterator

from xo_exporter.simulator.database import Database
from xo_exporter.simulator.schema import Record
from xo_exporter.simulator.sources import Source, gauge, rate
from xo_exporter.simulator.waves import Wave, constant, mean, scaled

_WATCHED_ONE_IN, _CACHED_ONE_IN = 5, 7  # by the number of the domain
_SHARES = {
    "fullrun": 0.6,
    "partial_run": 0.3,
    "full_contention": 0.01,
    "partial_contention": 0.02,
    "concurrency_hazard": 0.01,
}
"""Of the time that a VM's CPUs are busy: how much of it is spent in each state."""
_RUNNABLE_ANY, _RUNNABLE = 0.05, 0.02  # of the time that the CPUs are busy
_NONAFFINE = 0.1
_CACHING = 2.0


def scheduling(database: Database, record: Record, cpus: list[Wave]) -> Iterator[Source]:
    """Give what the CPUs of a VM do together and how long they wait, for one VM in five.

    The states are a partition of time.
    """
    if not _is_watched(record):
        return
    busy = mean(cpus)
    for state, share in _SHARES.items():
        yield rate(f"runstate_{state}", scaled(busy, share))
    yield rate("runstate_blocked", lambda t: 1.0 - busy(t) * sum(_SHARES.values()))
    if database.release >= (25, 29):
        yield rate("runnable_any", scaled(busy, _RUNNABLE_ANY))
        yield rate("runnable_vcpus", scaled(busy, _RUNNABLE))


def numa(database: Database, record: Record, memory: float, cpus: list[Wave]) -> Iterator[Source]:
    """Give the NUMA nodes that a VM's memory, in bytes, lies on: all of its host's, evenly."""
    if database.release < (26, 3) or not _is_watched(record):
        return
    host = database.get("host", record["resident_on"]) or {}
    nodes = int(host.get("cpu_info", {}).get("nr_nodes", "1"))
    yield gauge("numa_nodes", constant(float(nodes)))
    for node in range(nodes):
        yield gauge(f"memory_numa_node_{node}", constant(memory / nodes))
    yield rate("numa_node_nonaffine_vcpus", scaled(mean(cpus), _NONAFFINE * (nodes - 1)))


def _is_watched(record: Record) -> bool:
    return not record["is_control_domain"] and int(record["domid"]) % _WATCHED_ONE_IN == 0


def pvs_cache(record: Record) -> Iterator[Source]:
    """Give whether reads of a VM's disk from a PVS server are cached, for one VM in seven."""
    if not record["is_control_domain"] and int(record["domid"]) % _CACHED_ONE_IN == 0:
        yield gauge("pvscache_status", constant(_CACHING))

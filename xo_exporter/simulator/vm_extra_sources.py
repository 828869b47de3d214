"""The data sources of a VM that are recorded because somebody has asked for them."""

from collections.abc import Iterator

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
_CACHING = 2.0


def runstates(record: Record, cpus: list[Wave]) -> Iterator[Source]:
    """Give what the CPUs of a VM do together, a partition of time, for one VM in five."""
    if record["is_control_domain"]:
        return
    if int(record["domid"]) % _WATCHED_ONE_IN:
        return
    busy = mean(cpus)
    for state, share in _SHARES.items():
        yield rate(f"runstate_{state}", scaled(busy, share))
    yield rate("runstate_blocked", lambda t: 1.0 - busy(t) * sum(_SHARES.values()))


def pvs_cache(record: Record) -> Iterator[Source]:
    """Give whether reads of a VM's disk from a PVS server are cached, for one VM in seven."""
    if not record["is_control_domain"] and int(record["domid"]) % _CACHED_ONE_IN == 0:
        yield gauge("pvscache_status", constant(_CACHING))

"""A simulated XCP-ng pool that speaks XAPI over real sockets.

    async with SimulatedPool(make_estate(hosts=3, vms=20, seed=1)) as pool:
        print(pool.url, pool.username, pool.password)

It is what `demo` and `simulate` run, and the pool that the tests talk to. It stands alone: nothing
of the exporter is used here.
"""

from xo_exporter.simulator.addresses import AddressTaken
from xo_exporter.simulator.database import Database
from xo_exporter.simulator.estate import make_estate
from xo_exporter.simulator.faults import (
    Disconnect,
    Endless,
    Failure,
    Faults,
    Garbage,
    Hang,
    Slow,
    Status,
    Truncated,
)
from xo_exporter.simulator.life import Life
from xo_exporter.simulator.rrd import FixedRrd, Rrd
from xo_exporter.simulator.schema import GENERATIONS, NEWEST, NULL, Generation
from xo_exporter.simulator.server import SimulatedPool

__all__ = [
    "GENERATIONS",
    "NEWEST",
    "NULL",
    "AddressTaken",
    "Database",
    "Disconnect",
    "Endless",
    "Failure",
    "Faults",
    "FixedRrd",
    "Garbage",
    "Generation",
    "Hang",
    "Life",
    "Rrd",
    "SimulatedPool",
    "Slow",
    "Status",
    "Truncated",
    "make_estate",
]

"""What the tests of the simulated pool share."""

from collections.abc import AsyncIterator, Iterator

import pytest

from xo_exporter.simulator import Database, SimulatedPool, make_estate

NOW = 1_700_000_000.0


@pytest.fixture
def estate() -> Database:
    """Make a pool of three hosts and twenty VMs, the same each time."""
    return make_estate(hosts=3, vms=20, seed=7, now=NOW)


@pytest.fixture
async def pool(estate: Database) -> AsyncIterator[SimulatedPool]:
    """Run the estate in the test's event loop, without the pause that gathers events."""
    async with SimulatedPool(estate, event_delay_s=0.0) as running:
        yield running


@pytest.fixture
def threaded_pool(estate: Database) -> Iterator[SimulatedPool]:
    """Run the estate in a thread of its own, for clients that block."""
    with SimulatedPool(estate).run_in_thread() as running:
        yield running

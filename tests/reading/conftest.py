"""What the tests of reading a pool share."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

import pytest

from tests.programs import free_port
from xo_exporter.config import PoolConfig, Secret, Url
from xo_exporter.reading import Depth, PoolReader, Reading
from xo_exporter.simulator import SimulatedPool, make_estate

Until = Callable[[Callable[[], object]], Awaitable[None]]
Read = Callable[..., Coroutine[None, None, Reading]]


@pytest.fixture
async def pool() -> AsyncIterator[SimulatedPool]:
    """Run three hosts and six VMs, whose events come without delay.

    A host that is stopped finds its port again when it comes back.
    """
    estate = make_estate(hosts=3, vms=6, seed=3)
    async with SimulatedPool(estate, port=free_port(), event_delay_s=0.0) as running:
        yield running


@pytest.fixture
def config(pool: SimulatedPool) -> PoolConfig:
    """Give the configuration of the pool."""
    return PoolConfig(
        url=Url.parse(pool.url), username=pool.username, password=Secret(pool.password)
    )


@pytest.fixture
async def reader(config: PoolConfig) -> AsyncIterator[PoolReader]:
    """Give a reader of the pool; it is closed in the end."""
    made = PoolReader(config)
    yield made
    await made.close()


@pytest.fixture
def read(reader: PoolReader) -> Read:
    """Read within so many seconds."""

    async def reading(seconds: float = 10.0, depth: Depth = Depth.ALL) -> Reading:
        return await reader.read(time.monotonic() + seconds, depth)

    return reading


@pytest.fixture
def until() -> Until:
    """Wait until something is true; it must be so within ten seconds."""

    async def wait(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  the simulated pool has no event for it
                await asyncio.sleep(0.005)

    return wait

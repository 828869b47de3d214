"""What the tests of the collector share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from prometheus_client.parser import text_string_to_metric_families

from xo_exporter.collector import Collector, Scrape
from xo_exporter.config import Config, PoolConfig, Secret, Url
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.simulator import SimulatedPool, make_estate

Sample = tuple[str, tuple[tuple[str, str], ...]]


@pytest.fixture
async def make_pool() -> AsyncIterator[Callable[..., Awaitable[SimulatedPool]]]:
    """Run a small pool; another seed is another pool."""
    async with AsyncExitStack() as stack:

        async def make(seed: int = 3, **changes: str) -> SimulatedPool:
            estate = make_estate(hosts=2, vms=4, seed=seed)
            if changes:
                estate.modify("pool", estate.only("pool")[0], changes)
            return await stack.enter_async_context(SimulatedPool(estate, event_delay_s=0.0))

        yield make


@pytest.fixture
async def make_collector() -> AsyncIterator[Callable[..., Collector]]:
    """Make a collector of simulated pools, or of configurations; it is closed in the end."""
    async with AsyncExitStack() as stack:

        def make(*pools: SimulatedPool | PoolConfig) -> Collector:
            configs = tuple(
                pool
                if isinstance(pool, PoolConfig)
                else PoolConfig(
                    url=Url.parse(pool.url), username=pool.username, password=Secret(pool.password)
                )
                for pool in pools
            )
            collector = Collector(Config(pools=configs, collectors=dict(COLLECTORS)))
            stack.push_async_callback(collector.close)
            return collector

        yield make


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Wait until something is true; it must be so within ten seconds."""

    async def wait(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  what is waited for has no event
                await asyncio.sleep(0.005)

    return wait


@pytest.fixture
def samples() -> Callable[[Scrape], dict[Sample, float]]:
    """Read a scrape's exposition back: values by name and labels; none may come twice."""

    def read(scrape: Scrape) -> dict[Sample, float]:
        found: dict[Sample, float] = {}
        for family in text_string_to_metric_families(scrape.exposition().text().decode()):
            for sample in family.samples:
                key = sample.name, tuple(sorted(sample.labels.items()))
                assert key not in found
                found[key] = sample.value
        return found

    return read

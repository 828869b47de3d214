"""What the tests of the HTTP side share: simulated pools behind a server on a real socket."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from xo_exporter.collector import Collector
from xo_exporter.config import Config, PoolConfig, Secret, Url
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.simulator import SimulatedPool, make_estate
from xo_exporter.web.application import application

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def pool() -> AsyncIterator[SimulatedPool]:
    """Run a small pool."""
    async with SimulatedPool(make_estate(hosts=2, vms=4, seed=3), event_delay_s=0.0) as running:
        yield running


@pytest.fixture
def config(pool: SimulatedPool) -> PoolConfig:
    """Give the configuration of the pool, whose NAME is `main`."""
    url = Url.parse(pool.url)
    password = Secret(pool.password)
    return PoolConfig(url=url, username=pool.username, password=password, name="main")


@pytest.fixture
async def serve(pool: SimulatedPool) -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """Serve pools and give a client of that server, which ends before the pool does."""
    async with AsyncExitStack() as stack:

        async def start(*pools: PoolConfig) -> Client:
            collector = Collector(Config(pools=pools, collectors=dict(COLLECTORS)))
            client = TestClient(TestServer(application(collector)))
            client = await stack.enter_async_context(client)
            collector.start()
            return client

        yield start


@pytest.fixture
async def client(serve: Callable[..., Awaitable[Client]], config: PoolConfig) -> Client:
    """Give a client of a server that exports the pool."""
    return await serve(config)

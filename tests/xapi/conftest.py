"""What the tests of talking to XAPI share."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import pytest
from aiohttp import web

from tests.programs import free_port
from xo_exporter.config import PoolConfig, Secret, Tls, Url
from xo_exporter.simulator import Database, SimulatedPool, make_estate
from xo_exporter.xapi.login import log_in
from xo_exporter.xapi.session import Session

ConfigOf = Callable[..., PoolConfig]
LogIn = Callable[..., Awaitable[Session]]
Serve = Callable[..., Awaitable[str]]
Until = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.fixture
def estate() -> Database:
    """Make three hosts and six VMs, the same each time."""
    return make_estate(hosts=3, vms=6, seed=3)


@pytest.fixture
async def pool(estate: Database) -> AsyncIterator[SimulatedPool]:
    """Run the estate, its events without delay; where a host is stopped nobody else comes."""
    async with SimulatedPool(estate, port=free_port(), event_delay_s=0.0) as running:
        yield running


@pytest.fixture
def config_of() -> ConfigOf:
    """Give the configuration for a simulated pool, or for any URL."""

    def configure(
        pool: SimulatedPool,
        *,
        url: str = "",
        members: Sequence[str] = (),
        password: Secret | None = None,
        tls: Tls | None = None,
    ) -> PoolConfig:
        return PoolConfig(
            url=Url.parse(url or pool.url),
            members=tuple(Url.parse(member) for member in members),
            username=pool.username,
            password=password or Secret(pool.password),
            tls=tls or Tls(),
        )

    return configure


@pytest.fixture
async def log_in_to() -> AsyncIterator[LogIn]:
    """Log in within so many seconds; what is still open in the end is closed."""
    async with AsyncExitStack() as stack:

        async def attempt(config: PoolConfig, *, seconds: float = 10.0, **more: object) -> Session:
            more = {"hostnames": {}, **more}
            session = await log_in(config, deadline=time.monotonic() + seconds, **more)  # type: ignore[arg-type]  # as the test gives it
            stack.push_async_callback(session.close)
            return session

        yield attempt


@pytest.fixture
async def session(pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn) -> Session:
    """Log in to the pool."""
    return await log_in_to(config_of(pool))


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Run an HTTP server that answers as told, and give its URL."""
    runners: list[web.ServerRunner] = []

    async def start(
        answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> str:
        runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=0.05)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, host, port).start()
        return f"http://{host}:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
def until() -> Until:
    """Wait until something is true; it must be so within ten seconds."""

    async def wait(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  no event tells of another thread's doings
                await asyncio.sleep(0.005)

    return wait

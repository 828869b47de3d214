"""What the tests of reading RRDs share."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from xo_exporter.config import PoolConfig, Secret, Url
from xo_exporter.rrd.clock import HostClock
from xo_exporter.rrd.reader import HostRrdReader
from xo_exporter.rrd.values import HostRrd
from xo_exporter.simulator import Database, SimulatedPool, make_estate
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.login import log_in
from xo_exporter.xapi.session import Session

NOW = 1_700_000_003.0


class Time:
    """A time that goes on when it is told to; `now` in seconds since the epoch."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        """Give the time in seconds since the epoch."""
        return self.now


@pytest.fixture
def our_time() -> Time:
    """Give the time that the pool and we live by."""
    return Time()


@pytest.fixture
def estate() -> Database:
    """Make two hosts and six VMs, the same each time."""
    return make_estate(hosts=2, vms=6, seed=3, now=NOW)


@pytest.fixture
async def pool(estate: Database, our_time: Time) -> AsyncIterator[SimulatedPool]:
    """Run the estate, by our time."""
    async with SimulatedPool(estate, event_delay_s=0.0, clock=our_time) as running:
        yield running


@pytest.fixture
def host(pool: SimulatedPool) -> str:
    """Give the reference of the host that is read, which is not the master."""
    return next(ref for ref in pool.database.tables["host"] if ref != pool.master)


@pytest.fixture
async def session(pool: SimulatedPool) -> AsyncIterator[Session]:
    """Log in to the pool."""
    config = PoolConfig(
        url=Url.parse(pool.url), username=pool.username, password=Secret(pool.password)
    )
    opened = await log_in(config, deadline=time.monotonic() + 10, hostnames={})
    yield opened
    await opened.close()


@pytest.fixture
def read(
    pool: SimulatedPool, host: str, session: Session, our_time: Time
) -> Callable[[], Awaitable[HostRrd]]:
    """Read the host's RRDs, with one reader."""
    reader = HostRrdReader(host, HostClock(wall=our_time, monotonic=our_time))
    target = Target(Url.parse(pool.url_of(host)))
    return lambda: reader.read(session, target)

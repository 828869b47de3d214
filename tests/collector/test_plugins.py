"""The hosts' plugins as part of scrapes: what is asked, what is seen, and who waits for nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

import pytest

from xo_exporter.collector import Collector, Scrape
from xo_exporter.config import Config, PoolConfig, Secret, Url
from xo_exporter.metrics import plugin_host, plugin_sr
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.simulator import Failure, Hang, SimulatedPool, make_estate

CALL: Final = "host.call_plugin"
OURS: Final = ("plugin_updater", "plugin_ipmi", "plugin_smart", "plugin_xostor")
ANSWERED: Final = 3 * 3 + 1  # three plugins of three hosts, and one SR

Sample = tuple[str, tuple[tuple[str, str], ...]]
Samples = Callable[[Scrape], dict[Sample, float]]
Until = Callable[[Callable[[], object]], Awaitable[None]]
Scraped = Callable[[], Awaitable[dict[Sample, float]]]


@pytest.fixture
async def pool() -> AsyncIterator[SimulatedPool]:
    """Run three hosts with an SR on LINSTOR."""
    estate = make_estate(hosts=3, vms=4, seed=3)
    async with SimulatedPool(estate, event_delay_s=0.0) as running:
        yield running


@pytest.fixture
async def make_collector() -> AsyncIterator[Callable[..., Collector]]:
    """Make a collector of a pool that has these collectors on beside the usual ones."""
    async with AsyncExitStack() as stack:

        def make(pool: SimulatedPool, *switched_on: str) -> Collector:
            config = PoolConfig(
                url=Url.parse(pool.url), username=pool.username, password=Secret(pool.password)
            )
            collectors = {**COLLECTORS, **dict.fromkeys(switched_on, True)}
            collector = Collector(Config(pools=(config,), collectors=collectors))
            stack.push_async_callback(collector.close)
            return collector

        yield make


def named(samples: dict[Sample, float], *names: str) -> dict[Sample, float]:
    """Give the samples of these metrics."""
    return {sample: value for sample, value in samples.items() if sample[0] in names}


async def test_no_plugin_is_asked_by_default(
    pool: SimulatedPool, make_collector: Callable[..., Collector], samples: Samples
) -> None:
    """Who has switched nothing on calls no plugin, scrape after scrape."""
    collector = make_collector(pool)
    for _ in range(3):
        seen = samples(await collector.scrape())
    assert not pool.calls[CALL]
    assert not [name for name, _ in seen if "plugin" in name]


async def test_with_all_on_every_family_is_seen(
    pool: SimulatedPool,
    make_collector: Callable[..., Collector],
    samples: Samples,
    until: Until,
) -> None:
    """The first scrape has no sample of them yet, a later one has all, with their age."""
    collector = make_collector(pool, *OURS)
    tables = (
        *(plugin_host.STATUS_TABLE, plugin_host.UPDATER_TABLE, plugin_host.IPMI_TABLE),
        *(plugin_host.SMART_TABLE, plugin_sr.STATUS_TABLE, plugin_sr.XOSTOR_TABLE),
    )
    wanted = {metric.name for table in tables for metric in table.metrics}
    first = samples(await collector.scrape())
    assert not {name for name, _ in first} & wanted
    await until(lambda: sum(pool.plugins.calls.values()) == ANSWERED + 1)  # a disk fails
    async with _patience():
        while True:
            seen = samples(await collector.scrape())
            ups = named(seen, "xo_host_plugin_up", "xo_sr_plugin_up")
            if len(ups) == ANSWERED:
                break
    assert {name for name, _ in seen} & wanted == wanted
    assert set(ups.values()) == {1}
    ages = named(seen, "xo_host_plugin_age_seconds", "xo_sr_plugin_age_seconds")
    assert len(ages) == ANSWERED
    assert all(0 <= age < 60 for age in ages.values())
    assert sum(pool.plugins.calls.values()) == ANSWERED + 1


def _patience() -> asyncio.Timeout:
    return asyncio.timeout(10)


@pytest.mark.parametrize("switched_on", OURS)
async def test_one_that_is_on_asks_its_own_plugin(
    pool: SimulatedPool,
    make_collector: Callable[..., Collector],
    until: Until,
    switched_on: str,
) -> None:
    """The others are left alone."""
    files = dict(zip(OURS, ("updater.py", "ipmitool.py", "smartctl.py", "linstor-manager"),
                     strict=True))  # fmt: skip
    await make_collector(pool, switched_on).scrape()
    await until(lambda: pool.plugins.calls)
    assert {file for file, _ in pool.plugins.calls} == {files[switched_on]}


async def test_plugins_that_hang_delay_no_scrape(
    pool: SimulatedPool,
    make_collector: Callable[..., Collector],
    samples: Samples,
    until: Until,
) -> None:
    """All else is there, scrape after scrape, and no call piles up."""
    pool.faults.add(Hang(), method=CALL)
    collector = make_collector(pool, *OURS)
    for _ in range(5):
        started = time.monotonic()
        scrape = await collector.scrape(seconds=10.0)
        assert time.monotonic() - started < 10.0
        assert scrape.complete
        seen = samples(scrape)
        assert len(named(seen, "xo_host_rrd_up")) == 3
        assert not named(seen, "xo_host_plugin_up")
    await until(lambda: pool.calls[CALL])
    assert pool.calls[CALL] <= 2


async def test_plugins_that_fail_fail_no_scrape(
    pool: SimulatedPool,
    make_collector: Callable[..., Collector],
    samples: Samples,
    until: Until,
) -> None:
    """They are samples of their own: down, without values."""
    pool.faults.add(Failure("XENAPI_MISSING_PLUGIN", ("x",)), method=CALL)
    collector = make_collector(pool, *OURS)
    await collector.scrape()
    await until(lambda: pool.calls[CALL] == ANSWERED)
    async with _patience():
        while True:
            scrape = await collector.scrape()
            seen = samples(scrape)
            ups = named(seen, "xo_host_plugin_up", "xo_sr_plugin_up")
            if len(ups) == ANSWERED:
                break
    assert scrape.complete
    assert set(ups.values()) == {0}
    assert not named(seen, "xo_host_pending_packages", "xo_host_disk_healthy")
    assert not named(seen, "xo_host_plugin_age_seconds", "xo_sr_plugin_age_seconds")


async def test_a_pool_that_nobody_asks_for_is_left_alone(
    pool: SimulatedPool,
    make_collector: Callable[..., Collector],
    samples: Samples,
    until: Until,
) -> None:
    """Calls under way end with the session, and what was told stands when somebody comes back."""
    collector = make_collector(pool, "plugin_updater")
    await collector.scrape()
    await until(lambda: pool.plugins.calls["updater.py", "check_update"] == 3)
    (scraper,) = collector.pools.values()
    async with _patience():
        while len(named(samples(await collector.scrape()), "xo_host_pending_packages")) < 3:
            pass
    await scraper.close()
    assert pool.sessions.open == []
    seen = samples(await collector.scrape())
    assert len(named(seen, "xo_host_pending_packages")) == 3
    assert pool.plugins.calls["updater.py", "check_update"] == 3


async def test_a_call_under_way_ends_with_the_session(
    pool: SimulatedPool, make_collector: Callable[..., Collector], samples: Samples, until: Until
) -> None:
    """It counts as nothing; the next session asks anew."""
    hanging = pool.faults.add(Hang(), method=CALL)
    collector = make_collector(pool, "plugin_updater")
    await collector.scrape()
    await until(lambda: pool.calls[CALL] == 1)
    (scraper,) = collector.pools.values()
    await scraper.close()
    pool.faults.remove(hanging)
    await collector.scrape()
    await until(lambda: pool.plugins.calls["updater.py", "check_update"] == 3)
    async with _patience():
        while len(named(samples(await collector.scrape()), "xo_host_plugin_up")) < 3:
            pass
    ups = named(samples(await collector.scrape()), "xo_host_plugin_up")
    assert set(ups.values()) == {1}


async def test_a_server_without_json_rpc_has_them_too(
    pool: SimulatedPool, make_collector: Callable[..., Collector], samples: Samples, until: Until
) -> None:
    """By XML-RPC the same is told."""
    pool.faults.jsonrpc = "missing"
    collector = make_collector(pool, *OURS)
    await collector.scrape()
    await until(lambda: sum(pool.plugins.calls.values()) == ANSWERED + 1)
    async with _patience():
        while len(named(samples(await collector.scrape()), "xo_host_pending_packages")) < 3:
            pass

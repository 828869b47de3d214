"""Another configuration, while scrapes go on."""

import asyncio
import dataclasses
import gc
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from xo_exporter.choice import Choice
from xo_exporter.collector import Collector, Scrape
from xo_exporter.config import PoolConfig, Secret, Url
from xo_exporter.simulator import Hang, SimulatedPool, Slow

MakePool = Callable[..., Awaitable[SimulatedPool]]
MakeCollector = Callable[..., Collector]
Samples = Callable[[Scrape], dict[tuple[str, tuple[tuple[str, str], ...]], float]]
Until = Callable[[Callable[[], object]], Awaitable[None]]

LOGIN = "session.login_with_password"


def config_of(pool: SimulatedPool, name: str, **changes: Any) -> PoolConfig:
    """Configure a simulated pool."""
    return PoolConfig(
        url=Url.parse(pool.url),
        username=pool.username,
        password=Secret(pool.password),
        name=name,
        **changes,
    )


def up(values: dict[Any, float]) -> dict[str, float]:
    """Give xo_up by pool."""
    return {labels[0][1]: value for (family, labels), value in values.items() if family == "xo_up"}


def replace(collector: Collector, *pools: PoolConfig) -> None:
    """Go by these pools from now on."""
    collector.replace(dataclasses.replace(collector.config, pools=pools))


async def test_a_scrape_goes_by_what_it_began_with(
    make_pool: MakePool, make_collector: MakeCollector, samples: Samples, until: Until
) -> None:
    """A pool that is dropped meanwhile is still told of, and the next scrape knows it no more."""
    good, bad = await make_pool(1), await make_pool(2)
    bad.faults.add(Hang(), method=LOGIN)
    kept, dropped = config_of(good, "good"), config_of(bad, "bad", timeout=0.7)
    collector = make_collector(kept, dropped)
    scrape = asyncio.create_task(collector.scrape())
    await until(lambda: bad.calls[LOGIN])
    replace(collector, kept)
    assert up(samples(await scrape)) == {"good": 1, "bad": 0}
    assert up(samples(await collector.scrape())) == {"good": 1}
    assert collector.is_ready


async def test_a_scrape_of_a_pool_that_changes_is_finished(
    make_pool: MakePool, make_collector: MakeCollector, samples: Samples, until: Until
) -> None:
    """A pool that answers is read to the end as it was configured, and then logged out of."""
    pool = await make_pool(1)
    config = config_of(pool, "it")
    collector = make_collector(config)
    pool.faults.add(Slow(delay=0.4), path="/rrd_updates")
    scrape = asyncio.create_task(collector.scrape())
    await until(lambda: pool.calls["/rrd_updates"])
    replace(collector, dataclasses.replace(config, timeout=9.0))
    done = await scrape
    assert done.complete
    assert up(samples(done)) == {"it": 1}
    await until(lambda: len(pool.sessions.open) == 1)
    assert pool.sessions.logins == 2


async def test_a_pool_that_is_configured_anew_is_not_ready_by_its_old_self(
    make_pool: MakePool, make_collector: MakeCollector, until: Until
) -> None:
    """What was begun by the old configuration does not say that the new one was tried."""
    old, new = await make_pool(1), await make_pool(2)
    for pool in (old, new):
        pool.faults.add(Hang(), method=LOGIN)
    collector = make_collector(config_of(old, "it", timeout=0.5))
    scrape = asyncio.create_task(collector.scrape())
    await until(lambda: old.calls[LOGIN])
    replace(collector, config_of(new, "it", timeout=30.0))
    await scrape
    assert not collector.is_ready


async def test_counts_go_on(
    make_pool: MakePool, make_collector: MakeCollector, samples: Samples
) -> None:
    """What was counted of a pool that another log-in reads from now on is not lost."""
    pool = await make_pool(1)
    config = config_of(pool, "it")
    collector = make_collector(config)
    await collector.scrape()
    pool.database.delete("VBD", next(iter(pool.database.tables["VBD"])))
    pool.database.forget_deletions()
    await collector.scrape()
    replace(collector, dataclasses.replace(config, timeout=9.0))
    values = samples(await collector.scrape())
    label = (("pool", "it"),)
    assert values["xo_xapi_resyncs_total", label] == 1
    assert values["xo_xapi_logins_total", label] == 2


async def test_a_refused_password_is_not_tried_sooner(
    make_pool: MakePool, make_collector: MakeCollector
) -> None:
    """Another timeout is no reason to try what was refused a moment ago."""
    pool = await make_pool(1)
    config = dataclasses.replace(config_of(pool, "it"), password=Secret("wrong"))
    collector = make_collector(config)
    await collector.scrape()
    replace(collector, dataclasses.replace(config, timeout=9.0))
    await collector.scrape()
    assert pool.calls[LOGIN] == 1
    replace(collector, config_of(pool, "it"))
    await collector.scrape()
    assert pool.calls[LOGIN] == 2


async def test_a_scrape_of_all_pools_is_let_go_with_what_it_read(
    make_pool: MakePool, make_collector: MakeCollector, until: Until
) -> None:
    """Where a pool is probed alone from then on, nothing keeps the objects that all had."""
    collector = make_collector(
        config_of(await make_pool(1), "a"), config_of(await make_pool(2), "b")
    )
    gone = weakref.ref(await collector.scrape())
    await collector.scrape(["a"])
    await until(lambda: gc.collect() is not None and gone() is None)


@pytest.mark.parametrize("began_with_all", [True, False])
async def test_a_scrape_goes_by_what_was_selected_when_it_began(
    make_pool: MakePool,
    make_collector: MakeCollector,
    samples: Samples,
    until: Until,
    *,
    began_with_all: bool,
) -> None:
    """Another choice, for a pool that keeps its session, begins with the next scrape."""
    pool = await make_pool(1)
    collector = make_collector(config_of(pool, "it"))
    whole, part = Choice(), Choice(exclude=("xo_sr_size_bytes",))
    before, after = (whole, part) if began_with_all else (part, whole)
    collector.replace(dataclasses.replace(collector.config, choice=before))
    await collector.scrape()
    pool.faults.add(Slow(delay=0.5), path="/rrd_updates")
    pool.traffic.reset()
    scrape = asyncio.create_task(collector.scrape())
    await until(lambda: pool.calls["/rrd_updates"])
    collector.replace(dataclasses.replace(collector.config, choice=after))

    def has_sizes(done: Scrape) -> bool:
        return any(name == "xo_sr_size_bytes" for name, _ in samples(done))

    assert has_sizes(await scrape) == began_with_all
    assert has_sizes(await collector.scrape()) != began_with_all
    assert pool.sessions.logins == 1

"""All pools in one scrape: what each failure costs, what is counted, logged and remembered."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

import xo_exporter.collector
from tests.programs import free_port
from xo_exporter import reading
from xo_exporter.collector import Collector, Scrape
from xo_exporter.config import PoolConfig, Secret, Url
from xo_exporter.errors import DuplicatePool
from xo_exporter.metrics.selection import Selection
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.model.parts import classes
from xo_exporter.simulator import Garbage, Hang, SimulatedPool, Slow, Status
from xo_exporter.xapi.events import groups

MakePool = Callable[..., Awaitable[SimulatedPool]]
MakeCollector = Callable[..., Collector]
Until = Callable[[Callable[[], object]], Awaitable[None]]
Samples = Callable[[Scrape], dict[tuple[str, tuple[tuple[str, str], ...]], float]]

RRD = "/rrd_updates"


def config_of(pool: SimulatedPool, **changes: Any) -> PoolConfig:
    """Configure a simulated pool."""
    config = PoolConfig(
        url=Url.parse(pool.url), username=pool.username, password=Secret(pool.password)
    )
    return dataclasses.replace(config, **changes)


def dead_pool(**changes: Any) -> PoolConfig:
    """Configure a pool at a port where nobody listens."""
    config = PoolConfig(
        url=Url("http", "127.0.0.1", free_port()), username="root", password=Secret("none")
    )
    return dataclasses.replace(config, **changes)


def by_pool(values: dict[Any, float], name: str) -> dict[str, float]:
    """Give the values of a family whose only label is the pool."""
    return {labels[0][1]: value for (family, labels), value in values.items() if family == name}


def errors(values: dict[Any, float], pool: str) -> dict[str, float]:
    """Give the errors of a pool by stage, those that there were."""
    return {
        dict(labels)["stage"]: value
        for (family, labels), value in values.items()
        if family == "xo_scrape_errors_total" and dict(labels)["pool"] == pool and value
    }


async def test_a_dead_pool_costs_the_living_one_nothing(
    make_pool: MakePool, make_collector: MakeCollector, samples: Samples
) -> None:
    """The living pool is whole; the dead one is down under its NAME, and no part of the totals."""
    living, dead = await make_pool(), dead_pool()
    scrape = await make_collector(dead, living).scrape()
    values = samples(scrape)
    name = living.database.only("pool")[1]["name_label"]
    assert by_pool(values, "xo_up") == {dead.key: 0.0, name: 1.0}
    assert values["xo_pools", ()] == 1
    hosts = sum(family == "xo_host_info" for family, _ in values)
    assert hosts == len(living.database.tables["host"])
    assert values["xo_cpus", ()] == sum(
        int(host["cpu_info"]["cpu_count"]) for host in living.database.tables["host"].values()
    )
    assert not scrape.complete
    assert errors(values, dead.key) == {"login": 1.0}
    assert errors(values, name) == {}


async def test_without_any_pool_the_totals_are_unknown(
    make_collector: MakeCollector, samples: Samples
) -> None:
    """`xo_pools` is 0 and the other totals have no sample."""
    values = samples(await make_collector(dead_pool()).scrape())
    assert values["xo_pools", ()] == 0
    for family in ("xo_cpus", "xo_running_vms", "xo_vcpus", "xo_memory_size_bytes"):
        assert (family, ()) not in values


async def test_the_totals_of_one_pool_are_its_own(
    make_pool: MakePool, make_collector: MakeCollector, samples: Samples
) -> None:
    """A scrape of one pool has the totals over that pool, one of all has their sums."""
    pools = [await make_pool(3), await make_pool(4)]
    collector = make_collector(*pools)
    every = samples(await collector.scrape())
    single = [samples(await collector.scrape([name])) for name in collector.pools]
    assert every["xo_pools", ()] == 2
    assert [values["xo_pools", ()] for values in single] == [1, 1]
    for family in ("xo_cpus", "xo_running_vms", "xo_memory_size_bytes"):
        assert every[family, ()] == sum(values[family, ()] for values in single)
    assert {labels for family, labels in single[0] if family == "xo_up"} != {
        labels for family, labels in single[1] if family == "xo_up"
    }


async def test_a_hung_host_is_a_sample(
    make_pool: MakePool, make_collector: MakeCollector, samples: Samples
) -> None:
    """The rest is served, the hung host has `xo_host_rrd_up` 0 and no age."""
    pool = await make_pool()
    hung, record = next(iter(pool.database.tables["host"].items()))
    pool.faults.add(Hang(), path=RRD, host=hung)
    scrape = await make_collector(pool).scrape(seconds=1.0)
    values = samples(scrape)
    up = {
        dict(labels)["uuid"]: value
        for (family, labels), value in values.items()
        if family == "xo_host_rrd_up"
    }
    assert len(up) == 2
    assert up.pop(record["uuid"]) == 0
    assert set(up.values()) == {1.0}
    aged = {
        dict(labels)["uuid"] for family, labels in values if family == "xo_host_rrd_age_seconds"
    }
    assert aged == set(up)
    assert sum(family == "xo_host_info" for family, _ in values) == 2
    name = pool.database.only("pool")[1]["name_label"]
    assert by_pool(values, "xo_up") == {name: 1.0}
    assert errors(values, name) == {"rrd": 1.0}
    assert not scrape.complete


async def test_errors_are_counted_by_stage(
    make_pool: MakePool, make_collector: MakeCollector, samples: Samples
) -> None:
    """Each stage has its counter, from 0 on, and scrapes without errors leave it as it is."""
    pool = await make_pool()
    name = pool.database.only("pool")[1]["name_label"]
    collector = make_collector(pool)
    values = samples(await collector.scrape())
    stages = [dict(labels)["stage"] for f, labels in values if f == "xo_scrape_errors_total"]
    assert sorted(stages) == ["build", "login", "objects", "rrd", "render"] or sorted(
        stages
    ) == sorted(["login", "objects", "rrd", "build", "render"])
    assert errors(values, name) == {}
    with pool.faults.active(Garbage()):
        await collector.scrape()
    with pool.faults.active(Status(503), path=RRD):
        await collector.scrape()
    values = samples(await collector.scrape())
    assert errors(values, name) == {"objects": 1.0, "rrd": 2.0}
    assert by_pool(values, "xo_xapi_logins_total") == {name: 1.0}
    assert by_pool(values, "xo_xapi_resyncs_total") == {name: 0.0}


async def test_overlapping_scrapes_count_an_error_once(
    make_pool: MakePool, make_collector: MakeCollector, samples: Samples
) -> None:
    """What several scrapes share is one error, and one line in the log."""
    pool = await make_pool()
    name = pool.database.only("pool")[1]["name_label"]
    collector = make_collector(pool)
    pool.faults.add(Status(503), path=RRD)
    with capture_logs() as lines:
        scrapes = await asyncio.gather(*(collector.scrape() for _ in range(3)))
    assert [errors(samples(scrape), name) for scrape in scrapes] == [{"rrd": 2.0}] * 3
    assert sum(line["log_level"] == "warning" for line in lines) == 2


async def test_the_start_tries_each_pool_once(
    make_pool: MakePool, make_collector: MakeCollector, until: Until
) -> None:
    """The start logs in and reads the name, nothing more, and is ready after the last pool."""
    pool, dead = await make_pool(), dead_pool()
    collector = make_collector(pool, dead)
    assert not collector.is_ready
    collector.start()
    await until(lambda: collector.is_ready)
    assert pool.sessions.logins == 1
    assert pool.calls["event.from"] == 1
    assert pool.calls[RRD] == 0
    assert collector.labels == {
        Url.parse(pool.url).netloc: pool.database.only("pool")[1]["name_label"],
        dead.key: dead.key,
    }
    assert collector.pools[dead.key].errors["login"] == 1


async def test_a_hung_pool_is_tried_within_its_timeout(
    make_pool: MakePool, make_collector: MakeCollector, until: Until
) -> None:
    """The start does not wait for a pool longer than its timeout."""
    pool = await make_pool()
    pool.faults.add(Hang())
    collector = make_collector(config_of(pool, timeout=0.3))
    collector.start()
    await until(lambda: collector.is_ready)
    last = collector.pools[Url.parse(pool.url).netloc].last
    assert last is not None
    assert last.up is False


async def test_start_and_scrape_share(make_pool: MakePool, make_collector: MakeCollector) -> None:
    """A scrape right after the start costs the pool no second log-in and no second reading."""
    pool = await make_pool()
    collector = make_collector(pool)
    collector.start()
    assert (await collector.scrape()).complete
    assert collector.is_ready
    assert pool.sessions.logins == 1
    read = [name for name in classes(Selection(COLLECTORS).parts) if name != "message"]
    messages, changes = 1, 1
    assert pool.calls["event.from"] == len(groups(read)) + messages + changes


async def test_an_entry_that_another_is_already_is_not_exported(
    make_pool: MakePool, make_collector: MakeCollector, samples: Samples
) -> None:
    """The second entry for one pool is down under its NAME, with one line in the log."""
    pool = await make_pool()
    collector = make_collector(config_of(pool, name="one"), config_of(pool, name="two"))
    with capture_logs() as lines:
        scrapes = [await collector.scrape() for _ in range(3)]
    values = samples(scrapes[-1])
    assert by_pool(values, "xo_up") == {"one": 1.0, "two": 0.0}
    assert values["xo_pools", ()] == 1
    assert sum(family == "xo_pool_info" for family, _ in values) == 1
    warnings = [line for line in lines if line["log_level"] == "warning"]
    assert [line["pool"] for line in warnings] == ["two"]
    assert "one" in warnings[0]["error"]
    assert isinstance(scrapes[-1].outcomes[1].failures[0].error, DuplicatePool)
    alone = samples(await collector.scrape(["two"]))
    assert by_pool(alone, "xo_up") == {"two": 0.0}
    assert alone["xo_pools", ()] == 0


async def test_two_pools_of_one_name_are_told_apart(
    make_pool: MakePool, make_collector: MakeCollector, samples: Samples
) -> None:
    """Both get the beginning of their UUID, in every series, from the first scrape on."""
    pools = [await make_pool(3, name_label="Prod"), await make_pool(4, name_label="Prod")]
    values = samples(await make_collector(*pools).scrape())
    expected = {f"Prod ({pool.database.only('pool')[1]['uuid'][:8]})" for pool in pools}
    assert set(by_pool(values, "xo_up")) == expected
    labels = {dict(pairs)["pool"] for _, pairs in values if "pool" in dict(pairs)}
    assert labels == expected
    containers = {dict(pairs).get("container") for f, pairs in values if f == "xo_host_info"}
    assert containers == expected


async def test_a_fault_is_one_line_when_it_comes_and_one_when_it_is_gone(
    make_pool: MakePool, make_collector: MakeCollector
) -> None:
    """The log does not repeat itself scrape after scrape."""
    pool = await make_pool()
    collector = make_collector(pool)
    host, record = next(iter(pool.database.tables["host"].items()))
    with capture_logs() as lines:
        with pool.faults.active(Status(503), path=RRD, host=host):
            for _ in range(3):
                await collector.scrape()
        for _ in range(2):
            await collector.scrape()
    told = [
        (line["log_level"], line["event"], line.get("host"))
        for line in lines
        if line["event"] != "logged in"
    ]
    assert told == [
        ("warning", "a host's RRDs can't be read", record["name_label"]),
        ("info", "readable again", record["name_label"]),
    ]


async def test_while_a_pool_is_down_nothing_is_said_of_its_hosts(
    make_pool: MakePool, make_collector: MakeCollector
) -> None:
    """A host that could not be read is not readable again because its pool is down, too."""
    pool = await make_pool()
    collector = make_collector(pool)
    host = next(iter(pool.database.tables["host"]))
    pool.faults.add(Status(503), path=RRD, host=host)
    await collector.scrape()
    with capture_logs() as lines:
        with pool.faults.active(Garbage(), method="event.from"):
            await collector.scrape()
        await collector.scrape()
    assert [line.get("host", "") for line in lines if line["event"] == "readable again"] == [""]


async def test_a_model_that_cant_be_built_is_a_failure_of_that_pool(
    make_pool: MakePool,
    make_collector: MakeCollector,
    samples: Samples,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What nobody foresaw in the model takes this pool down, not the scrape."""

    def fails(*_: object) -> None:
        raise RuntimeError("no one thought of this")

    pool = await make_pool()
    name = pool.database.only("pool")[1]["name_label"]
    collector = make_collector(pool)
    monkeypatch.setattr("xo_exporter.model.kept.measure", fails)
    values = samples(await collector.scrape())
    assert by_pool(values, "xo_up") == {name: 0.0}
    assert errors(values, name) == {"build": 1.0}
    monkeypatch.undo()
    assert by_pool(samples(await collector.scrape()), "xo_up") == {name: 1.0}


async def test_idle_pools_are_let_go(
    make_pool: MakePool,
    make_collector: MakeCollector,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From the start on idle pools are looked for, logged out, and come back when asked for."""
    monkeypatch.setattr(xo_exporter.collector, "IDLE_CHECK", 0.01)
    pool = await make_pool()
    collector = make_collector(pool)
    collector.start()
    assert (await collector.scrape()).complete
    scraper = next(iter(collector.pools.values()))
    scraper.reader.last_asked -= reading.pool.IDLE_AFTER
    await until(lambda: not pool.sessions.open)
    await until(lambda: scraper._built is None)
    assert (await collector.scrape()).complete


async def test_each_pool_has_its_own_timeout(
    make_pool: MakePool, make_collector: MakeCollector, samples: Samples
) -> None:
    """Without a limit of the scrape's own a pool's `timeout` holds; with one that alone."""
    pool = await make_pool()
    pool.faults.add(Slow(delay=1.0), method="event.from", times=1)
    short = make_collector(config_of(pool, timeout=0.3, name="p"))
    assert by_pool(samples(await short.scrape()), "xo_up") == {"p": 0.0}
    pool.faults.add(Slow(delay=1.0), method="event.from", times=1)
    assert by_pool(samples(await short.scrape(seconds=10.0)), "xo_up") == {"p": 1.0}


async def test_closing_ends_what_the_start_began(
    make_pool: MakePool, make_collector: MakeCollector, until: Until
) -> None:
    """A log-in of the start that is under way when all ends is logged out, too."""
    pool = await make_pool()
    pool.faults.add(Slow(delay=0.3), method="session.login_with_password")
    collector = make_collector(pool)
    collector.start()
    await until(lambda: pool.calls["session.login_with_password"])
    await collector.close()
    assert pool.sessions.logins == 1
    assert pool.sessions.open == []

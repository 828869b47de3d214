"""Messages and failed tasks, counted as they come: each once, whatever happens to the session."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from xo_exporter.collector import Collector, Scrape, arrivals
from xo_exporter.config import Config, PoolConfig, Secret, Url
from xo_exporter.errors import ApiFailure
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.simulator import Database, Failure, SimulatedPool, events

MakePool = Callable[..., Awaitable[SimulatedPool]]
MakeCollector = Callable[..., Collector]
Samples = Callable[[Scrape], dict[tuple[str, tuple[tuple[str, str], ...]], float]]


COUNTERS = ("xo_messages_total", "xo_task_failures_total")


@pytest.fixture
async def pool(make_pool: MakePool) -> SimulatedPool:
    """Run a pool named Prod that stores nothing but two messages and a failed task."""
    pool = await make_pool(name_label="Prod")
    database = pool.database
    for name in ("message", "task"):
        for ref in list(database.tables[name]):
            database.delete(name, ref)
    add_message(database, "VM_STARTED")
    add_message(database, "VM_STARTED")
    database.add("task", name_label="VM.start", status="failure")
    return pool


def add_message(database: Database, name: str, **fields: Any) -> str:
    """Add a message about a VM."""
    given = {"priority": "5", "cls": "VM", "timestamp": "20240131T10:11:12Z", **fields}
    return database.add("message", name=name, **given)


@pytest.fixture
def counted(samples: Samples) -> Callable[[Scrape], dict[str, float]]:
    """Give how often which message came, by its name."""

    def read(scrape: Scrape) -> dict[str, float]:
        return {
            dict(labels)["name"]: value
            for (family, labels), value in samples(scrape).items()
            if family == "xo_messages_total"
        }

    return read


Counted = Callable[[Scrape], dict[str, float]]


async def test_messages_are_counted_as_they_come(
    pool: SimulatedPool, make_collector: MakeCollector, samples: Samples
) -> None:
    """What is stored at first stands at 0; each that comes is counted, with its labels."""
    collector = make_collector(pool)
    labels = (("class", "VM"), ("name", "VM_STARTED"), ("pool", "Prod"), ("priority", "5"))
    assert samples(await collector.scrape())["xo_messages_total", labels] == 0
    add_message(pool.database, "VM_STARTED")
    assert samples(await collector.scrape())["xo_messages_total", labels] == 1
    add_message(pool.database, "VM_STARTED")
    add_message(pool.database, "VM_STARTED")
    assert samples(await collector.scrape())["xo_messages_total", labels] == 3
    assert samples(await collector.scrape())["xo_messages_total", labels] == 3


async def test_a_new_name_stands_at_0_before_it_is_counted(
    pool: SimulatedPool, make_collector: MakeCollector, counted: Counted
) -> None:
    """A rise from nothing is no increase for Prometheus, so that a 0 comes first."""
    collector = make_collector(pool)
    await collector.scrape()
    add_message(pool.database, "HA_HOST_FAILED", priority="1", cls="Host")
    assert counted(await collector.scrape())["HA_HOST_FAILED"] == 0
    add_message(pool.database, "HA_HOST_FAILED", priority="1", cls="Host")
    assert counted(await collector.scrape())["HA_HOST_FAILED"] == 2
    assert counted(await collector.scrape())["HA_HOST_FAILED"] == 2


async def test_what_is_deleted_stays_counted(
    pool: SimulatedPool, make_collector: MakeCollector, counted: Counted, samples: Samples
) -> None:
    """A counter never falls; the gauge of what is stored does."""
    collector = make_collector(pool)
    await collector.scrape()
    ref = add_message(pool.database, "VM_STARTED")
    await collector.scrape()
    pool.database.delete("message", ref)
    scrape = await collector.scrape()
    assert counted(scrape) == {"VM_STARTED": 1}
    stored = [value for (name, _), value in samples(scrape).items() if name == "xo_pool_messages"]
    assert stored == [2]


async def test_a_new_session_counts_nothing_twice(
    pool: SimulatedPool, make_collector: MakeCollector, counted: Counted
) -> None:
    """All that is read anew after a log-in was counted before, but for what came meanwhile."""
    collector = make_collector(pool)
    await collector.scrape()
    add_message(pool.database, "VM_STARTED")
    assert counted(await collector.scrape()) == {"VM_STARTED": 1}
    pool.sessions.expire()
    add_message(pool.database, "VM_STARTED")
    assert counted(await collector.scrape()) == {"VM_STARTED": 2}
    assert pool.sessions.logins == 2
    scraper = next(iter(collector.pools.values()))
    await scraper.close()
    assert counted(await collector.scrape()) == {"VM_STARTED": 2}


async def test_old_messages_of_another_master_are_not_counted(
    pool: SimulatedPool, make_collector: MakeCollector, counted: Counted
) -> None:
    """Each host keeps its own: of another master's only those count that are new in time."""
    collector = make_collector(pool)
    await collector.scrape()
    database = pool.database
    ref, record = database.only("pool")
    other = next(host for host in database.tables["host"] if host != record["master"])
    database.modify("pool", ref, master=other)
    add_message(database, "VM_STARTED", timestamp="20230131T10:11:12Z")
    add_message(database, "VM_STARTED", timestamp="20240131T11:11:12Z")
    assert counted(await collector.scrape()) == {"VM_STARTED": 1}
    add_message(database, "VM_STARTED", timestamp="20230131T10:11:12Z")
    assert counted(await collector.scrape()) == {"VM_STARTED": 2}


async def test_counters_stand_while_a_pool_is_down(
    pool: SimulatedPool, make_collector: MakeCollector, counted: Counted
) -> None:
    """A pool that can't be read loses no counter, and its label stays."""
    collector = make_collector(pool)
    await collector.scrape()
    add_message(pool.database, "VM_STARTED")
    await collector.scrape()
    with pool.faults.active(Failure("INTERNAL_ERROR")):
        scrape = await collector.scrape()
    assert not scrape.complete
    assert counted(scrape) == {"VM_STARTED": 1}
    assert b'pool="Prod",priority="5"} 1.0' in scrape.exposition().text()


async def test_another_pool_at_the_address_begins_at_0(
    pool: SimulatedPool, make_collector: MakeCollector, counted: Counted
) -> None:
    """What another pool has stored did not come."""
    collector = make_collector(pool)
    await collector.scrape()
    database = pool.database
    database.modify("pool", database.only("pool")[0], uuid="another")
    add_message(database, "VM_STARTED")
    assert counted(await collector.scrape()) == {"VM_STARTED": 0}


@pytest.mark.parametrize("changes", [{}, {"timeout": 9.0}])
async def test_a_new_configuration_loses_no_count(
    pool: SimulatedPool, make_collector: MakeCollector, counted: Counted, changes: dict[str, Any]
) -> None:
    """Counters go on, whether or not the pool is logged in at anew."""
    collector = make_collector(pool)
    await collector.scrape()
    add_message(pool.database, "VM_STARTED")
    await collector.scrape()
    (config,) = collector.config.pools
    changed = dataclasses.replace(config, **changes)
    collector.replace(dataclasses.replace(collector.config, pools=(changed,)))
    add_message(pool.database, "VM_STARTED")
    assert counted(await collector.scrape()) == {"VM_STARTED": 2}


async def test_what_is_switched_on_later_begins_at_0(
    pool: SimulatedPool, make_collector: MakeCollector, samples: Samples
) -> None:
    """What was there when nobody watched did not come."""
    collector = make_collector(pool)
    on = collector.config
    switches = {**on.collectors, "message": False, "task": False}
    collector.replace(dataclasses.replace(on, collectors=switches))
    await collector.scrape()
    collector.replace(on)
    values = samples(await collector.scrape())
    came = {name: value for (name, _), value in values.items() if name in COUNTERS}
    assert came == dict.fromkeys(COUNTERS, 0)


async def test_names_are_bounded(
    pool: SimulatedPool,
    make_collector: MakeCollector,
    counted: Counted,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond so many kinds all others are one series."""
    monkeypatch.setattr(arrivals, "MOST_KINDS", 3)
    collector = make_collector(pool)
    await collector.scrape()
    for name in "abcde":
        add_message(pool.database, name)
        await collector.scrape()
    assert counted(await collector.scrape()) == {"VM_STARTED": 0, "a": 1, "b": 1, "other": 3}


async def test_failed_tasks_are_counted_as_they_fail(
    pool: SimulatedPool, make_collector: MakeCollector, samples: Samples
) -> None:
    """A task counts once when it has failed, by its name; one that succeeds does not."""
    database = pool.database

    async def failures() -> dict[str, float]:
        return {
            dict(labels)["name"]: value
            for (family, labels), value in samples(await collector.scrape()).items()
            if family == "xo_task_failures_total"
        }

    collector = make_collector(pool)
    assert await failures() == {"VM.start": 0}
    tasks = [
        database.add("task", name_label=name, status="pending")
        for name in ("VM.start", "VM.start", "SR.scan")
    ]
    assert await failures() == {"VM.start": 0}
    database.modify("task", tasks[0], status="failure")
    database.modify("task", tasks[1], status="success")
    assert await failures() == {"VM.start": 1}
    database.modify("task", tasks[2], status="failure")
    assert await failures() == {"VM.start": 1, "SR.scan": 0}
    pool.sessions.expire()
    database.delete("task", tasks[0])
    assert await failures() == {"VM.start": 1, "SR.scan": 1}
    assert await failures() == {"VM.start": 1, "SR.scan": 1}


async def test_messages_that_hang_cost_nothing_else(
    pool: SimulatedPool,
    make_collector: MakeCollector,
    samples: Samples,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While messages do not come the pool is read in full, and nothing is said of messages."""
    answer = events.wait_for_events

    async def hanging(database: Database, classes: list[str], *rest: Any, **more: Any) -> Any:
        if classes == ["message"]:
            await asyncio.sleep(3600)
        return await answer(database, classes, *rest, **more)

    monkeypatch.setattr(events, "wait_for_events", hanging)
    scrape = await make_collector(pool).scrape()
    values = samples(scrape)
    assert scrape.complete
    assert values["xo_up", (("pool", "Prod"),)] == 1
    assert not [name for name, _ in values if "message" in name or "alarm" in name]


async def test_messages_that_fail_are_told_once(
    pool: SimulatedPool,
    make_collector: MakeCollector,
    counted: Counted,
    samples: Samples,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The log has one line, a gauge says so; the counters stand, and go on with what came."""
    collector = make_collector(pool)
    await collector.scrape()
    answer = events.wait_for_events

    async def failing(database: Database, classes: list[str], *rest: Any, **more: Any) -> Any:
        if classes == ["message"]:
            raise ApiFailure("INTERNAL_ERROR", ("no such file",))
        return await answer(database, classes, *rest, **more)

    with capture_logs() as lines:
        with monkeypatch.context() as patched:
            patched.setattr(events, "wait_for_events", failing)
            add_message(pool.database, "VM_STARTED")
            for _ in range(2):
                scrape = await collector.scrape()
                assert scrape.complete
                assert counted(scrape) == {"VM_STARTED": 0}
                assert samples(scrape)["xo_messages_up", (("pool", "Prod"),)] == 0
        scrape = await collector.scrape()
        assert counted(scrape) == {"VM_STARTED": 1}
        assert samples(scrape)["xo_messages_up", (("pool", "Prod"),)] == 1
    assert [line["event"] for line in lines] == ["the messages can't be read"]


async def test_nothing_is_said_of_messages_that_nobody_wants(
    pool: SimulatedPool, samples: Samples
) -> None:
    """Where no metric needs the messages, whether they can be read is not known."""
    url, password = Url.parse(pool.url), Secret(pool.password)
    config = PoolConfig(url=url, username=pool.username, password=password)
    collector = Collector(Config(pools=(config,), collectors={**COLLECTORS, "message": False}))
    try:
        scrape = await collector.scrape()
    finally:
        await collector.close()
    assert scrape.complete
    assert not [name for name, _ in samples(scrape) if name == "xo_messages_up"]

"""Scrapes that overlap share what is made of a reading, down to the bytes."""

import asyncio
import gc
import gzip
import threading
import time
import weakref
from collections.abc import Awaitable, Callable

import pytest

import xo_exporter.collector
import xo_exporter.collector.scrape
from xo_exporter import reading
from xo_exporter.collector import Collector, Form, Scrape
from xo_exporter.collector.body import AT_WORK, Bodies
from xo_exporter.model.objects import VM, PoolModel
from xo_exporter.simulator import Hang, SimulatedPool, Slow, actions

MakePool = Callable[..., Awaitable[SimulatedPool]]
MakeCollector = Callable[..., Collector]
Until = Callable[[Callable[[], object]], Awaitable[None]]

RRD = "/rrd_updates"


async def test_scrapes_of_one_reading_are_one(
    make_pool: MakePool, make_collector: MakeCollector
) -> None:
    """Whoever has the same readings gets the same scrape; who comes later another one."""
    collector = make_collector(await make_pool(3), await make_pool(4))
    first, *others = await asyncio.gather(*(collector.scrape() for _ in range(20)))
    assert all(other is first for other in others)
    assert await collector.scrape() is not first


async def test_scrapes_of_other_pools_are_others(
    make_pool: MakePool, make_collector: MakeCollector
) -> None:
    """A scrape of one pool is none of all pools, though they share its reading."""
    collector = make_collector(await make_pool(3), await make_pool(4))
    name = next(iter(collector.pools))
    every, one = await asyncio.gather(collector.scrape(), collector.scrape([name]))
    assert [len(scrape.outcomes) for scrape in (every, one)] == [2, 1]
    assert every.outcomes[0].built is one.outcomes[0].built


async def test_who_leaves_early_with_the_same_shares_it(
    make_pool: MakePool, make_collector: MakeCollector
) -> None:
    """Clients that a hung host keeps waiting to their deadline cost one scrape, one error."""
    pool = await make_pool()
    host = next(iter(pool.database.tables["host"]))
    pool.faults.add(Hang(), path=RRD, host=host)
    collector = make_collector(pool)
    scrapes = await asyncio.gather(*(collector.scrape(seconds=1.0) for _ in range(50)))
    assert len({id(scrape) for scrape in scrapes}) < 5
    assert len({id(scrape.outcomes[0].built) for scrape in scrapes}) == 1
    assert all(len(scrape.outcomes[0].failures) == 1 for scrape in scrapes)


async def test_who_goes_away_takes_nothing_from_others(
    make_pool: MakePool, make_collector: MakeCollector, until: Until
) -> None:
    """Scrapes that are cancelled, the first of them too, leave the others whole and no task."""
    pool = await make_pool()
    collector = make_collector(pool)
    tasks = asyncio.all_tasks()
    pool.faults.add(Slow(delay=0.3), path=RRD)
    scrapes = [asyncio.create_task(collector.scrape(seconds=20.0)) for _ in range(20)]
    await until(lambda: pool.calls[RRD])
    for scrape in scrapes[:-1]:
        scrape.cancel()
    assert (await scrapes[-1]).complete
    assert pool.calls[RRD] == len(pool.database.tables["host"])
    await asyncio.wait(scrapes)
    await until(lambda: len(asyncio.all_tasks() - tasks) <= pool_connections(pool))


def pool_connections(pool: SimulatedPool) -> int:
    """Count the tasks of the simulated pool's own that serve connections, which run here, too."""
    return sum(len(runner.server.connections) for runner in pool._runners.values() if runner.server)


async def test_a_body_is_made_once_in_each_form(
    make_pool: MakePool, make_collector: MakeCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All who wait for a form get one object; each form says the same."""
    rendered: list[Form] = []
    render = Scrape._render

    def counted(scrape: Scrape, form: Form) -> bytes:
        rendered.append(form)
        return render(scrape, form)

    monkeypatch.setattr(Scrape, "_render", counted)
    scrape = await make_collector(await make_pool()).scrape()
    forms = [Form(), Form(openmetrics=True), Form(compressed=True), Form(process=True)]
    tasks = [scrape.body(form) for form in forms for _ in range(100)]
    bodies = await asyncio.gather(*map(asyncio.shield, tasks))
    assert sorted(rendered) == sorted(forms)
    text, openmetrics, compressed, process = bodies[::100]
    assert len({id(body) for body in bodies}) == len(forms)
    assert gzip.decompress(compressed) == text
    assert openmetrics.endswith(b"# EOF\n")
    assert b"process_open_fds" in process
    assert b"process_open_fds" not in text


async def test_a_body_is_kept_no_longer_than_it_is_sent(
    make_pool: MakePool, make_collector: MakeCollector
) -> None:
    """Once nobody holds on to a body it is gone, though the scrape is still there."""
    scrape = await make_collector(await make_pool()).scrape()
    task = scrape.body(Form())
    await asyncio.shield(task)
    assert scrape.body(Form()) is task
    gone = weakref.ref(task)
    del task
    gc.collect()
    assert gone() is None


async def test_rendering_has_bounds() -> None:
    """However many bodies are asked for, no more than AT_WORK are rendered at a time."""
    at_work, most = 0, 0
    lock, go_on = threading.Lock(), threading.Event()

    def render(form: Form) -> bytes:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        go_on.wait(10)
        with lock:
            at_work -= 1
        return b"done"

    room = asyncio.Semaphore(AT_WORK)
    tasks = [Bodies(room).body(Form(), render) for _ in range(20)]
    async with asyncio.timeout(10):
        while at_work < AT_WORK:  # noqa: ASYNC110  they begin in threads
            await asyncio.sleep(0.005)
        go_on.set()
        assert await asyncio.gather(*tasks) == [b"done"] * 20
    assert most == AT_WORK


async def test_scrapes_of_a_pool_that_was_let_go_are_forgotten(
    make_pool: MakePool,
    make_collector: MakeCollector,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the pool its last scrape goes, and all objects in it."""
    monkeypatch.setattr(xo_exporter.collector, "IDLE_CHECK", 0.01)
    collector = make_collector(await make_pool())
    collector.start()
    gone = weakref.ref(await collector.scrape())
    assert gone() is not None
    next(iter(collector.pools.values())).reader.last_asked -= reading.pool.IDLE_AFTER
    await until(lambda: gc.collect() is not None and gone() is None)


def _left_of_models() -> int:
    return sum(isinstance(thing, PoolModel | VM) for thing in gc.get_objects())


async def test_a_model_that_is_replaced_is_free_at_once(
    make_pool: MakePool, make_collector: MakeCollector
) -> None:
    """Once the next model is built and shown, the last one is gone without any look for garbage."""
    pool = await make_pool()
    collector = make_collector(pool)
    scrape = await collector.scrape()
    await scrape.body(Form())
    running = [
        ref
        for ref, vm in pool.database.tables["VM"].items()
        if vm["power_state"] == "Running" and not vm["is_control_domain"]
    ]
    assert running
    gc.collect()
    before = _left_of_models()
    gc.disable()
    try:
        for ref in running[:3]:
            actions.stop_vm(pool.database, ref, time.time())
            scrape = await collector.scrape()
            await scrape.body(Form())
        assert scrape.complete
        assert _left_of_models() == before
    finally:
        gc.enable()

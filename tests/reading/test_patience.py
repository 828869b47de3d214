"""Clients of different patience: none is kept waiting by a call that another still waits for."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

import pytest

from xo_exporter.config import PoolConfig
from xo_exporter.reading import PoolReader, Reading
from xo_exporter.simulator import Hang, SimulatedPool, Slow
from xo_exporter.xapi.events import groups
from xo_exporter.xapi.records import BASE

Until = Callable[[Callable[[], object]], Awaitable[None]]
Read = Callable[..., Coroutine[None, None, Reading]]

RRD = "/rrd_updates"
LOG_IN = "session.login_with_password"
EVENTS = "event.from"
FULL = len(groups(BASE)) + 1


@pytest.fixture
async def reader(config: PoolConfig) -> AsyncIterator[PoolReader]:
    """Give a reader of a pool whose own timeout is short; it is closed in the end."""
    made = PoolReader(dataclasses.replace(config, timeout=0.2))
    yield made
    await made.close()


async def waits(reading: "asyncio.Task[Reading]") -> None:
    """See that somebody still waits, after a moment."""
    await asyncio.sleep(0.1)
    assert not reading.done()


@pytest.mark.parametrize("method", [EVENTS, LOG_IN])
async def test_a_hung_call_keeps_down_nobody_but_who_began_it(
    method: str, pool: SimulatedPool, reader: PoolReader, read: Read, until: Until
) -> None:
    """Who comes when a call has hung for longer than it would wait gets a reading of its own.

    Who waits for the hung call goes on with that one.
    """
    if method == EVENTS:
        await read()
    logins = reader.logins
    pool.faults.add(Hang(), method=method, times=1)
    before = pool.calls[method]
    patient = asyncio.create_task(read(60.0))
    await until(lambda: pool.calls[method] > before)
    assert (await read(0.3)).records is None
    await asyncio.sleep(2.9)
    reading = await read(3.0)
    assert reading.failures == ()
    assert all(reading.rrds.values())
    async with asyncio.timeout(5):
        whole = await patient
    assert whole.failures == ()
    assert whole.records is not None
    assert reader.logins == logins + 1
    assert (await read()).failures == ()
    await reader.close()
    assert pool.sessions.open == []


async def test_a_slow_call_is_left_to_who_has_the_time(
    pool: SimulatedPool, reader: PoolReader, read: Read
) -> None:
    """Those who can't wait for it take it away from nobody, and it serves the next reading."""
    await read()
    slow = pool.faults.add(Slow(delay=2.5), method=EVENTS)
    patient = asyncio.create_task(read(30.0))
    for _ in range(4):
        await asyncio.sleep(0.2)
        assert (await read(0.3)).records is None
    assert not patient.done()
    reading = await patient
    assert reading.failures == ()
    assert reading.records is not None
    pool.faults.remove(slow)
    pool.traffic.reset()
    assert (await read()).failures == ()
    assert pool.calls[EVENTS] == 1
    await reader.close()
    assert pool.sessions.open == []


async def test_who_waits_for_a_hung_host_keeps_nobody_from_the_objects(
    pool: SimulatedPool, reader: PoolReader, read: Read, until: Until
) -> None:
    """Objects are read anew, by the same session, beside a reading that waits for a host."""
    hung, record = next(iter(pool.database.tables["host"].items()))
    fault = pool.faults.add(Hang(), path=RRD, host=hung)
    patient = asyncio.create_task(read(60.0))
    await until(lambda: pool.calls[RRD] == 3)
    await asyncio.sleep(2.1)
    vm = pool.database.find("VM")[0]
    pool.database.modify("VM", vm, name_label="renamed meanwhile")
    reading = await read(2.0)
    assert reading.records is not None
    assert reading.records.vm[vm].name_label == "renamed meanwhile"
    assert [failure.host for failure in reading.failures] == [record["name_label"]]
    await waits(patient)
    pool.faults.remove(fault)
    await asyncio.sleep(3.1)
    assert (await read(3.0)).failures == ()
    assert reader.logins == 1
    patient.cancel()


async def test_who_waits_goes_on_with_a_slow_host(
    pool: SimulatedPool, reader: PoolReader, read: Read, until: Until
) -> None:
    """A patient client that leaves a hung call for another reading has its time for the hosts."""
    await read()
    slow = next(iter(pool.database.tables["host"]))
    pool.faults.add(Hang(), method=EVENTS, times=1)
    pool.faults.add(Slow(delay=4.0), path=RRD, host=slow)
    patient = asyncio.create_task(read(60.0))
    await until(lambda: pool.calls[EVENTS] == FULL + 1)
    await asyncio.sleep(2.1)
    short = await read(2.0)
    assert short.records is not None
    assert {ref for ref, rrd in short.rrds.items() if rrd is None} == {slow}
    whole = await patient
    assert whole.failures == ()
    assert all(whole.rrds.values())


async def test_readings_that_hang_do_not_pile_up(
    pool: SimulatedPool, reader: PoolReader, read: Read
) -> None:
    """However many patient clients wait for hung calls, sessions are few; all go on in the end."""
    await read()
    patient = []
    with pool.faults.active(Hang(), method=EVENTS):
        for _ in range(8):
            patient.append(asyncio.create_task(read(60.0)))
            await asyncio.sleep(0.4)
            short = asyncio.create_task(read(0.3))
            await asyncio.sleep(0.1)
            patient.append(asyncio.create_task(read(60.0)))
            assert (await short).records is None
        assert len(pool.sessions.open) <= 6
    await asyncio.sleep(3.1)
    assert (await read(3.0)).failures == ()
    async with asyncio.timeout(10):
        assert all(reading.failures == () for reading in await asyncio.gather(*patient))
    await reader.close()
    assert pool.sessions.open == []

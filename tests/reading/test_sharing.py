"""Scrapes that overlap share one reading, each until its own deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine

from xo_exporter.errors import TooLate
from xo_exporter.reading import Depth, PoolReader, Reading
from xo_exporter.simulator import Hang, SimulatedPool, Slow
from xo_exporter.xapi.events import groups
from xo_exporter.xapi.records import BASE

Until = Callable[[Callable[[], object]], Awaitable[None]]
Read = Callable[..., Coroutine[None, None, Reading]]

RRD = "/rrd_updates"
FULL = len(groups(BASE)) + 1  # calls of event.from that a first reading takes


def names(pool: SimulatedPool) -> list[str]:
    """Name the hosts."""
    return [host["name_label"] for host in pool.database.tables["host"].values()]


async def test_overlapping_scrapes_share_one_reading(pool: SimulatedPool, read: Read) -> None:
    """Five scrapes at once cost the pool as much as one, and get the same reading."""
    readings = await asyncio.gather(*(read() for _ in range(5)))
    assert all(reading is readings[0] for reading in readings)
    assert readings[0].failures == ()
    assert pool.sessions.logins == 1
    assert pool.calls["event.from"] == FULL
    assert pool.calls[RRD] == len(names(pool))


async def test_a_scrape_after_another_reads_what_has_changed(
    pool: SimulatedPool, read: Read
) -> None:
    """A scrape that overlaps none reads anew, by one call for the objects and one a host."""
    first = await read()
    second = await read()
    assert second is not first
    assert pool.sessions.logins == 1
    assert pool.calls["event.from"] == FULL + 1
    assert pool.calls[RRD] == 2 * len(names(pool))


async def test_the_name_alone_is_read_where_no_more_is_asked(
    pool: SimulatedPool, reader: PoolReader, read: Read
) -> None:
    """A reading of the name logs in and reads pool and hosts, nothing else."""
    reading = await read(depth=Depth.NAME)
    assert reading.failures == ()
    assert reading.records is None
    assert reader.name == pool.database.only("pool")[1]["name_label"]
    assert reader.uuid == pool.database.only("pool")[1]["uuid"]
    assert pool.sessions.logins == 1
    assert pool.calls["event.from"] == 1
    assert pool.calls[RRD] == 0


async def test_a_scrape_shares_the_starts_reading(pool: SimulatedPool, read: Read) -> None:
    """A scrape that comes while the name is read makes that reading a whole one."""
    name, whole = await asyncio.gather(read(depth=Depth.NAME), read())
    assert name.failures == whole.failures == ()
    assert whole.records is not None
    assert pool.sessions.logins == 1
    assert pool.calls["event.from"] == FULL


async def test_who_asks_for_the_name_does_not_wait_for_the_rest(
    pool: SimulatedPool, read: Read, until: Until
) -> None:
    """The start is answered once the name is known, though a scrape has made it a long reading."""
    pool.faults.add(Hang(), path=RRD)
    whole = asyncio.create_task(read(3.0))
    await until(lambda: pool.calls[RRD])
    started = asyncio.create_task(read(30.0, Depth.NAME))
    done, _ = await asyncio.wait({started, whole}, return_when=asyncio.FIRST_COMPLETED)
    assert done == {started}
    assert started.result().failures == ()
    await whole


async def test_a_short_scrape_leaves_the_objects_to_a_longer_one(
    pool: SimulatedPool, read: Read
) -> None:
    """A scrape that can't wait for the objects is answered without; the longer one gets them."""
    pool.faults.add(Slow(delay=0.8), method="event.from", times=1)
    short, longer = await asyncio.gather(read(0.3), read())
    assert short.records is None
    assert [failure.stage for failure in short.failures] == ["objects"]
    assert isinstance(short.failures[0].error, TooLate)
    assert longer.failures == ()
    assert longer.records is not None
    assert pool.sessions.logins == 1
    assert pool.calls["event.from"] == FULL


async def test_a_short_scrape_leaves_the_rrds_to_a_longer_one(
    pool: SimulatedPool, read: Read, until: Until
) -> None:
    """A scrape that can't wait for a host gets the others; a later, longer one gets all."""
    slow, record = next(iter(pool.database.tables["host"].items()))
    pool.faults.add(Slow(delay=1.6), path=RRD, host=slow)
    first = asyncio.create_task(read(1.0))
    await until(lambda: pool.calls[RRD] == len(names(pool)))
    second = asyncio.create_task(read(10.0))
    short = await first
    assert [(failure.stage, failure.host) for failure in short.failures] == [
        ("rrd", record["name_label"])
    ]
    assert {ref for ref, rrd in short.rrds.items() if rrd is None} == {slow}
    longer = await second
    assert longer.failures == ()
    assert pool.calls[RRD] == len(names(pool))
    assert pool.calls["event.from"] == FULL


async def test_a_log_in_goes_on_for_those_who_have_the_time(
    pool: SimulatedPool, reader: PoolReader, read: Read, until: Until
) -> None:
    """A log-in that outlasts the scrape that began it still serves one that waits longer."""
    pool.faults.add(Slow(delay=0.8), method="session.login_with_password", times=1)
    short, longer = await asyncio.gather(read(0.3), read())
    assert [failure.stage for failure in short.failures] == ["login"]
    assert longer.failures == ()
    assert reader.logins == 1
    await until(lambda: len(pool.sessions.open) == 1)


async def test_a_hung_host_does_not_keep_a_reading_alive_for_ever(
    pool: SimulatedPool, read: Read
) -> None:
    """Scrapes that follow each other closely get new readings though a host never answers."""
    hung, record = next(iter(pool.database.tables["host"].items()))
    pool.faults.add(Hang(), path=RRD, host=hung)
    scrapes = []
    for _ in range(8):
        scrapes.append(asyncio.create_task(read(1.0)))
        await asyncio.sleep(0.3)
    readings = await asyncio.gather(*scrapes)
    for reading in readings:
        assert [failure.host for failure in reading.failures] == [record["name_label"]]
    assert pool.calls["event.from"] > FULL
    assert pool.sessions.logins == 1


async def test_a_dead_connection_is_given_up_for_those_who_came_late(
    pool: SimulatedPool, reader: PoolReader, read: Read, until: Until
) -> None:
    """A call that is never answered ends after the longest time given; who has more is served."""
    await read()
    pool.faults.add(Hang(), method="event.from", times=1)
    first = asyncio.create_task(read(1.5))
    await until(lambda: pool.calls["event.from"] == FULL + 1)
    await asyncio.sleep(1.0)
    second = asyncio.create_task(read(1.5))
    assert (await first).records is None
    reading = await second
    assert reading.failures == ()
    assert reading.records is not None
    assert reader.logins == 2


async def test_nobody_waits_longer_than_its_deadline(pool: SimulatedPool, read: Read) -> None:
    """A pool that never answers costs a scrape its own time, not that of others."""
    pool.faults.add(Hang())
    longer = asyncio.create_task(read(20.0))
    started = time.monotonic()
    reading = await read(0.2)
    assert time.monotonic() - started < 10
    assert not longer.done()
    assert reading.records is None
    longer.cancel()
    await asyncio.wait({longer})


async def test_a_scrape_that_is_cancelled_leaves_the_reading_to_the_others(
    pool: SimulatedPool, read: Read
) -> None:
    """A client that goes away takes nothing from who still waits."""
    pool.faults.add(Slow(delay=0.4), method="event.from", times=1)
    gone, stays = asyncio.create_task(read()), asyncio.create_task(read())
    await asyncio.sleep(0.1)
    gone.cancel()
    assert (await stays).failures == ()
    assert pool.calls["event.from"] == FULL


async def test_a_reading_ends_when_nobody_waits(
    pool: SimulatedPool, reader: PoolReader, read: Read
) -> None:
    """What nobody waits for is not read on, and the next scrape begins where that ended."""
    pool.faults.add(Hang(), method="event.from", times=1)
    assert (await read(0.2)).records is None
    assert (await read()).failures == ()
    assert reader.logins == 1

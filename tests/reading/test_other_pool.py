"""Which pool an address leads to: a host that was ejected is none of this one any more."""

import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

import pytest
from structlog.testing import capture_logs

from tests.programs import free_port
from xo_exporter.config import PoolConfig, Url
from xo_exporter.errors import PoolError
from xo_exporter.reading import PoolReader, Reading
from xo_exporter.simulator import Hang, SimulatedPool, make_estate

Read = Callable[..., Coroutine[None, None, Reading]]
Eject = Callable[[str], Awaitable[SimulatedPool]]


@pytest.fixture
def others() -> list[SimulatedPool]:
    """Collect the pools that ejected hosts have become; they are stopped in the end."""
    return []


@pytest.fixture
async def eject(pool: SimulatedPool, others: list[SimulatedPool]) -> Eject:
    """Make a host a pool of its own, at its old address and with the old password."""

    async def make(host: str) -> SimulatedPool:
        url = Url.parse(pool.url_of(host))
        await pool.stop_host(host)
        other = SimulatedPool(
            make_estate(hosts=1, vms=1, seed=9),
            listen=url.host,
            port=url.effective_port,
            password=pool.password,
            event_delay_s=0.0,
        )
        await other.start()
        others.append(other)
        return other

    return make


@pytest.fixture(autouse=True)
async def _stopped(others: list[SimulatedPool]) -> AsyncIterator[None]:
    yield
    for other in others:
        await other.stop()


def lose(pool: SimulatedPool) -> list[str]:
    """Give the pool's hosts, the master first, whose sessions are all over."""
    pool.sessions.expire()
    return sorted(pool.database.tables["host"], key=lambda host: host != pool.master)


async def test_an_ejected_host_is_not_taken_for_the_pool(
    pool: SimulatedPool, reader: PoolReader, read: Read, eject: Eject
) -> None:
    """Where the url is dead, a learnt host of another pool gives way to one that is of this one."""
    await read()
    uuid = reader.uuid
    master, ejected, third = lose(pool)
    await pool.stop_host(master)
    other = await eject(ejected)
    pool.move_master(third)
    pool.database.modify(
        "host_metrics", pool.database.tables["host"][master]["metrics"], live=False
    )
    pool.database.delete("host", ejected)
    with capture_logs() as lines:
        reading = await read()
    assert reading.failures == ()
    assert reader.uuid == uuid
    assert reading.records is not None
    assert {record.uuid for record in reading.records.pool.values()} == {uuid}
    assert other.sessions.logins == 1
    assert other.sessions.open == []
    told = [line for line in lines if line["log_level"] == "warning"]
    assert [(line["address"], line["expected"]) for line in told] == [(other.url, uuid)]


async def test_a_pool_of_which_only_an_ejected_host_answers_is_down(
    pool: SimulatedPool, reader: PoolReader, config: PoolConfig, eject: Eject
) -> None:
    """Rather no pool than the wrong one; what the log says of it, it says once."""
    master, ejected, third = lose(pool)
    members = (Url.parse(pool.url_of(ejected)),)
    reader = PoolReader(dataclasses.replace(config, members=members))
    assert (await reader.read(time.monotonic() + 10)).failures == ()
    uuid = reader.uuid
    lose(pool)
    for host in (master, third):
        await pool.stop_host(host)
    other = await eject(ejected)
    with capture_logs() as lines:
        for _ in range(3):
            reading = await reader.read(time.monotonic() + 10)
            assert reading.records is None
            assert [failure.stage for failure in reading.failures] == ["login"]
    assert sum(line["log_level"] == "warning" for line in lines) == 1
    assert other.sessions.open == []
    assert other.sessions.logins == 3
    assert reader.uuid == uuid
    for host in (master, third):
        await pool.start_host(host)
    pool.database.delete("host", ejected)
    assert (await reader.read(time.monotonic() + 10)).failures == ()
    assert reader.uuid == uuid
    await reader.close()


async def test_a_learnt_host_that_left_the_pool_is_not_asked_again(
    pool: SimulatedPool, reader: PoolReader, read: Read, eject: Eject
) -> None:
    """An address that only an earlier reading named is forgotten once it is another pool's."""
    await read()
    master, ejected, third = lose(pool)
    for host in (master, third):
        await pool.stop_host(host)
    other = await eject(ejected)
    for _ in range(3):
        assert (await read()).records is None
    assert other.sessions.logins == 1


async def test_a_url_whose_host_was_ejected_gives_way_to_the_pools_other_hosts(
    pool: SimulatedPool, reader: PoolReader, read: Read, eject: Eject
) -> None:
    """Where the configured host is of another pool now, the pool is found by the others."""
    await read()
    uuid = reader.uuid
    master, _, third = lose(pool)
    other = await eject(master)
    pool.move_master(third)
    pool.database.delete("host", master)
    reading = await read()
    assert reading.failures == ()
    assert reader.uuid == uuid
    assert reading.records is not None
    assert set(reading.records.vm) == set(pool.database.tables["VM"])
    assert other.sessions.open == []


async def test_a_url_whose_host_was_ejected_is_not_the_pool_while_the_others_are_away(
    pool: SimulatedPool, reader: PoolReader, read: Read, eject: Eject
) -> None:
    """Rather no pool than the wrong one, though it is the configured host that answers."""
    await read()
    uuid = reader.uuid
    master, second, third = lose(pool)
    other = await eject(master)
    for host in (second, third):
        await pool.stop_host(host)
    reading = await read()
    assert reading.records is None
    assert "restart the exporter" in str(reading.failures[0].error)
    assert other.sessions.open == []
    assert reader.uuid == uuid


async def test_a_url_that_is_the_only_address_is_followed_into_another_pool(
    config: PoolConfig,
) -> None:
    """A single host that was installed anew is the pool, and nothing of the old one is left."""
    estate = make_estate(hosts=1, vms=3, seed=8)
    first = SimulatedPool(estate, port=free_port(), event_delay_s=0.0)
    await first.start()
    url = Url.parse(first.url)
    reader = PoolReader(dataclasses.replace(config, url=url, members=(), username=first.username))
    assert (await reader.read(time.monotonic() + 10)).failures == ()
    before = reader.uuid
    await first.stop()
    second = SimulatedPool(
        make_estate(hosts=1, vms=1, seed=9),
        listen=url.host,
        port=url.effective_port,
        event_delay_s=0.0,
    )
    async with second:
        with capture_logs() as lines:
            reading = await reader.read(time.monotonic() + 10)
        assert reading.failures == ()
        assert reading.records is not None
        assert set(reading.records.vm) == set(second.database.tables["VM"])
        assert reader.uuid == second.database.only("pool")[1]["uuid"]
        told = [line for line in lines if line["log_level"] == "warning"]
        assert [(line["before"], line["uuid"]) for line in told] == [(before, reader.uuid)]
        await reader.close()


async def test_a_host_that_does_not_say_which_pool_it_is_of_is_given_up(
    pool: SimulatedPool, reader: PoolReader, read: Read, eject: Eject
) -> None:
    """A comparison that hangs ends with the scrape, and leaves no session behind."""
    await read()
    master, ejected, third = lose(pool)
    for host in (master, third):
        await pool.stop_host(host)
    other = await eject(ejected)
    other.faults.add(Hang(), method="event.from")
    reading = await read(0.7)
    assert reading.records is None
    assert isinstance(reading.failures[0].error, PoolError)
    await reader.close()
    assert other.sessions.logins == 1
    assert other.sessions.open == []

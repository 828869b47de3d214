"""The session of a pool: logged in once, mended when it ends, given back when idle."""

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from xo_exporter.config import PoolConfig, Secret, Url
from xo_exporter.errors import BadAnswer, LoginRefused, PoolError, Unreachable
from xo_exporter.reading import PoolReader, Reading
from xo_exporter.rrd.reader import HostRrdReader
from xo_exporter.simulator import (
    Disconnect,
    Garbage,
    Hang,
    SimulatedPool,
    Slow,
    Status,
    Truncated,
)
from xo_exporter.simulator.faults import Fault
from xo_exporter.xapi.events import groups
from xo_exporter.xapi.records import BASE

Until = Callable[[Callable[[], object]], Awaitable[None]]
Read = Callable[..., Coroutine[None, None, Reading]]

RRD = "/rrd_updates"
FULL = len(groups(BASE)) + 1


async def test_an_expired_session_is_mended_within_the_scrape(
    pool: SimulatedPool, reader: PoolReader, read: Read
) -> None:
    """A session that the pool has ended costs one log-in and no failure."""
    await read()
    pool.sessions.expire()
    reading = await read()
    assert reading.failures == ()
    assert reading.records is not None
    assert reader.logins == pool.sessions.logins == 2


async def test_a_session_that_expires_before_the_rrds_is_mended_too(
    pool: SimulatedPool, reader: PoolReader, read: Read
) -> None:
    """A session that ends between objects and RRDs costs one log-in and no failure."""
    await read()
    pool.sessions.calls_left = 1
    reading = await read()
    assert reading.failures == ()
    assert all(reading.rrds.values())
    assert reader.logins == pool.sessions.logins == 2


async def test_one_host_that_refuses_the_session_does_not_end_it(
    pool: SimulatedPool, reader: PoolReader, read: Read
) -> None:
    """Where a host alone says that the session has ended, nobody logs in again."""
    host, record = next(iter(pool.database.tables["host"].items()))
    pool.faults.add(Status(401), path=RRD, host=host)
    for _ in range(2):
        reading = await read()
        assert [failure.host for failure in reading.failures] == [record["name_label"]]
    assert reader.logins == 1


async def test_a_new_master_is_found(pool: SimulatedPool, reader: PoolReader, read: Read) -> None:
    """A scrape follows the pool to its new master by itself."""
    await read()
    pool.move_master(list(pool.database.tables["host"])[1])
    assert (await read()).failures == ()
    assert reader.logins == 2


async def test_a_pool_whose_only_known_address_died_is_read_by_its_members(
    pool: SimulatedPool, read: Read
) -> None:
    """Members that an earlier reading named are asked when the configured host is dead."""
    await read()
    dead, other = list(pool.database.tables["host"])[:2]
    await pool.stop_host(dead)
    pool.database.modify("host_metrics", pool.database.tables["host"][dead]["metrics"], live=False)
    pool.move_master(other)
    reading = await read()
    assert reading.failures == ()
    assert reading.records is not None


async def test_a_slow_first_read_gets_on_scrape_by_scrape(
    pool: SimulatedPool, reader: PoolReader, read: Read
) -> None:
    """A first read slower than the timeout keeps what has come, and is whole after some scrapes."""
    pool.faults.add(Slow(delay=0.4), method="event.from")
    readings = [await read(0.7)]
    while readings[-1].records is None and len(readings) < 2 * FULL:
        readings.append(await read(0.7))
    assert len(readings) > 1
    assert readings[-1].records is not None
    assert reader.logins == 1


async def test_a_slow_first_read_gets_on_while_scrapes_overlap(
    pool: SimulatedPool, reader: PoolReader, read: Read
) -> None:
    """Scrapes that follow each other closely do not make a slow first read begin again."""
    pool.faults.add(Slow(delay=0.4), method="event.from")
    scrapes = []
    for _ in range(2 * FULL):
        scrapes.append(asyncio.create_task(read(1.0)))
        await asyncio.sleep(0.5)
        if any(scrape.done() and scrape.result().records for scrape in scrapes):
            break
    readings = await asyncio.gather(*scrapes)
    assert any(reading.records is not None for reading in readings)
    assert reader.logins == 1


async def test_a_session_that_does_not_answer_is_given_up(
    pool: SimulatedPool, config: PoolConfig
) -> None:
    """After two scrapes without any answer the next one logs in anew; the old one is logged out."""
    reader = PoolReader(dataclasses.replace(config, timeout=0.5))
    assert (await reader.read(time.monotonic() + 10)).failures == ()
    with pool.faults.active(Hang(), method="event.from"):
        for _ in range(2):
            assert (await reader.read(time.monotonic() + 0.5)).records is None
    assert (await reader.read(time.monotonic() + 10)).failures == ()
    assert reader.logins == 2
    await reader.close()
    assert pool.sessions.open == []


async def test_short_scrapes_do_not_cost_the_session(
    pool: SimulatedPool, reader: PoolReader, read: Read
) -> None:
    """A few scrapes that can't wait at all leave the session in force."""
    await read()
    with pool.faults.active(Slow(delay=0.3), method="event.from"):
        for _ in range(4):
            assert (await read(0.05)).records is None
    assert (await read()).failures == ()
    assert reader.logins == 1


async def test_a_wrong_password_is_not_hammered(pool: SimulatedPool, config: PoolConfig) -> None:
    """A refused log-in is not tried again at each scrape, each of which still fails."""
    reader = PoolReader(dataclasses.replace(config, password=Secret("wrong")))
    for _ in range(3):
        reading = await reader.read(time.monotonic() + 10)
        assert [failure.stage for failure in reading.failures] == ["login"]
        assert isinstance(reading.failures[0].error, LoginRefused)
    assert pool.sessions.refused == 1


async def test_a_refused_log_in_is_tried_again_after_ever_longer_pauses(
    pool: SimulatedPool, config: PoolConfig
) -> None:
    """Each pause is twice the last one, up to a quarter of an hour."""
    reader = PoolReader(dataclasses.replace(config, password=Secret("wrong")))
    pauses = []
    for tries in range(1, 10):
        await reader.read(time.monotonic() + 10)
        assert pool.sessions.refused == tries
        pauses.append(round(reader.pool_login.paused_until - time.monotonic()))
        reader.pool_login.paused_until = time.monotonic()
    assert pauses[:3] == [15, 30, 60]
    assert pauses[-1] == 900


async def test_a_changed_password_file_is_tried_at_once(
    pool: SimulatedPool, config: PoolConfig, tmp_path: Path
) -> None:
    """A pause holds for the password that was refused alone."""
    file = tmp_path / "password"
    file.write_text("wrong\n")
    reader = PoolReader(dataclasses.replace(config, password=None, password_file=file))
    assert (await reader.read(time.monotonic() + 10)).records is None
    file.write_text(f"{pool.password}\n")
    assert (await reader.read(time.monotonic() + 10)).failures == ()
    assert pool.sessions.refused == 1
    await reader.close()


async def test_a_password_file_that_is_gone_is_a_failure_of_the_log_in(
    config: PoolConfig, tmp_path: Path
) -> None:
    """What can't be read at a log-in fails the scrape of this pool, and names the file."""
    reader = PoolReader(dataclasses.replace(config, password=None, password_file=tmp_path / "gone"))
    reading = await reader.read(time.monotonic() + 10)
    assert [failure.stage for failure in reading.failures] == ["login"]
    assert isinstance(reading.failures[0].error, PoolError)
    assert "gone" in str(reading.failures[0].error)


async def test_closing_logs_out_and_a_read_comes_back(
    pool: SimulatedPool, reader: PoolReader, read: Read
) -> None:
    """After `close` no session is open at the pool; the next read begins anew."""
    await read()
    await reader.close()
    assert pool.sessions.open == []
    assert not reader.is_connected
    assert (await read()).failures == ()
    same_pool = 1  # the call that sees that the address leads to the same pool as before
    assert pool.calls["event.from"] == 2 * FULL + same_pool


async def test_an_idle_pool_is_logged_out(
    pool: SimulatedPool, reader: PoolReader, read: Read
) -> None:
    """A pool that nobody asks for is let go; one that somebody asked for lately is not."""
    await read()
    await reader.close_if_idle()
    assert reader.is_connected
    await reader.close_if_idle(idle_after=0.0)
    assert pool.sessions.open == []
    assert reader.name == pool.database.only("pool")[1]["name_label"]
    assert (await read()).failures == ()


async def test_a_pool_that_is_being_read_is_not_idle(
    pool: SimulatedPool, reader: PoolReader, read: Read, until: Until
) -> None:
    """A reading under way is not cut off, however long ago the last one was."""
    await read()
    pool.faults.add(Slow(delay=0.5), path=RRD)
    reading = asyncio.create_task(read())
    await until(lambda: pool.calls[RRD] > len(pool.database.tables["host"]))
    await reader.close_if_idle(idle_after=0.0)
    assert (await reading).failures == ()
    assert reader.logins == 1


async def test_closing_waits_for_a_log_in_under_way(
    pool: SimulatedPool, reader: PoolReader, read: Read, until: Until
) -> None:
    """A session that is just being opened is closed, too."""
    pool.faults.add(Slow(delay=0.4), method="session.login_with_password")
    reading = asyncio.create_task(read())
    await until(lambda: pool.calls["session.login_with_password"])
    await reader.close()
    assert pool.sessions.logins == 1
    assert pool.sessions.open == []
    await reading


async def test_a_pool_that_hangs_does_not_hold_up_the_end(
    pool: SimulatedPool, reader: PoolReader, read: Read
) -> None:
    """Logging out of a pool that does not answer ends after a few seconds."""
    await read()
    with pool.faults.active(Hang()):
        await asyncio.wait_for(reader.close(), 10)
    assert not reader.is_connected


async def test_resyncs_are_counted_across_sessions(
    pool: SimulatedPool, reader: PoolReader, read: Read
) -> None:
    """Lost events are counted from the start of the process, whatever session they fell into."""
    await read()
    vbd = next(iter(pool.database.tables["VBD"]))
    pool.database.delete("VBD", vbd)
    pool.database.forget_deletions()
    assert vbd not in ((await read()).records or pytest.fail("not read")).vbd
    assert reader.resyncs == 1
    await reader.close()
    assert reader.resyncs == 1


async def test_a_server_without_a_pool_is_no_pool(pool: SimulatedPool, read: Read) -> None:
    """An answer without a pool record fails the objects."""
    pool.database.tables["pool"].clear()
    pool.database._changed["pool"].clear()
    reading = await read()
    assert reading.records is None
    assert [failure.stage for failure in reading.failures] == ["objects"]
    assert isinstance(reading.failures[0].error, BadAnswer)


NOTHING = b'{"jsonrpc":"2.0","id":1,"result":{"token":"1,1","events":[]}}'


@pytest.mark.parametrize("read_before", [False, True])
async def test_one_answer_without_a_pool_is_not_the_last_word(
    pool: SimulatedPool, reader: PoolReader, read: Read, *, read_before: bool
) -> None:
    """Where an answer lacked the pool, or took it away, the next reading is whole by itself."""
    answer = NOTHING
    if read_before:
        await read()
        ref = pool.database.only("pool")[0]
        gone = b'{"class":"pool","operation":"del","ref":"%b"}' % ref.encode()
        answer = NOTHING.replace(b"[]", b"[%b]" % gone).replace(b"1,1", b"9" * 20 + b",1")
    pool.faults.add(Garbage(answer, "application/json"), method="event.from", times=1)
    reading = await read()
    assert [failure.stage for failure in reading.failures] == ["objects"]
    assert "no pool record" in str(reading.failures[0].error)
    reading = await read()
    assert reading.failures == ()
    assert reading.records is not None
    assert set(reading.records.vm) == set(pool.database.tables["VM"])
    assert reader.logins == 1


async def test_an_answer_without_a_pool_is_not_taken_for_another_pool(
    pool: SimulatedPool, config: PoolConfig
) -> None:
    """A host that names no pool when it is compared has not left the pool."""
    member = Url.parse(pool.url_of(list(pool.database.tables["host"])[1]))
    reader = PoolReader(dataclasses.replace(config, members=(member,)))
    assert (await reader.read(time.monotonic() + 10)).failures == ()
    await reader.close()
    pool.faults.add(Garbage(NOTHING, "application/json"), method="event.from", times=1)
    with capture_logs() as lines:
        await reader.read(time.monotonic() + 10)
        assert (await reader.read(time.monotonic() + 10)).failures == ()
    assert [line for line in lines if line["log_level"] == "warning"] == []
    await reader.close()


@pytest.mark.parametrize("fault", [Disconnect(), Truncated(announced=True)], ids=repr)
async def test_calls_that_are_cut_leave_no_session_behind(
    fault: Fault, pool: SimulatedPool, reader: PoolReader, read: Read
) -> None:
    """While calls are cut and log-ins work, each session that is given up is logged out."""
    await read()
    with pool.faults.active(fault, method="event.from"):
        for _ in range(5):
            assert (await read()).records is None
    assert (await read()).failures == ()
    await reader.close()
    assert pool.sessions.open == []


async def test_a_dead_pool_is_unreachable(pool: SimulatedPool, read: Read) -> None:
    """A pool that takes no connection fails at once, in the log-in."""
    await pool.stop()
    reading = await read()
    assert [failure.stage for failure in reading.failures] == ["login"]
    assert isinstance(reading.failures[0].error, Unreachable)
    assert set(reading.durations) == {"login"}


async def test_what_nobody_foresaw_in_one_host_is_that_hosts_failure(
    pool: SimulatedPool, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected exception while one host is read does not cost the others."""
    host = next(iter(pool.database.tables["host"]))
    original = HostRrdReader.read

    async def fails(self: HostRrdReader, *arguments: object) -> object:
        if self._host_ref == host:
            raise RuntimeError("no one thought of this")
        return await original(self, *arguments)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(HostRrdReader, "read", fails)
    reading = await read()
    assert {ref for ref, rrd in reading.rrds.items() if rrd is None} == {host}
    assert isinstance(reading.failures[0].error, BadAnswer)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "knows no address of this host"),
        ("no address!", "the address of this host in XAPI is none (no address!)"),
        ("9" * 5000, "the address of this host in XAPI is none (999"),
    ],
    ids=["none", "malformed", "long"],
)
async def test_a_host_without_a_proper_address_is_told_as_that(
    address: str, words: str, pool: SimulatedPool, read: Read
) -> None:
    """An address that is missing, and one that is none, are told apart, in a short line."""
    host = next(ref for ref in pool.database.tables["host"] if ref != pool.master)
    pool.database.modify("host", host, address=address, name_label="n" * 5000)
    (failure,) = (await read()).failures
    assert words in str(failure.error)
    assert len(str(failure.error)) < 600
    assert len(failure.host) < 600


async def test_the_hosts_that_are_gone_are_forgotten(
    pool: SimulatedPool, reader: PoolReader, read: Read
) -> None:
    """What is kept for each host, such as its clock, goes with the host."""
    await read()
    gone = list(pool.database.tables["host"])[2]
    pool.database.delete("host", gone)
    await read()
    assert gone not in reader._hosts.known
    assert len(reader._hosts.known) == 2

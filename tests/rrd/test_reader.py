"""The RRDs of a host, scrape after scrape, by the host's own clock."""

import math
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import pytest

from xo_exporter.config import PoolConfig, Secret, Url
from xo_exporter.errors import BadAnswer, PoolError, SessionInvalid, Unreachable
from xo_exporter.rrd import clock, reader
from xo_exporter.rrd.reader import HostRrdReader
from xo_exporter.rrd.values import HostRrd
from xo_exporter.simulator import (
    GENERATIONS,
    Endless,
    Failure,
    FixedRrd,
    Garbage,
    Hang,
    SimulatedPool,
    Slow,
    Status,
    Truncated,
    make_estate,
)
from xo_exporter.simulator.faults import Disconnect, Fault
from xo_exporter.simulator.schema import Generation
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.login import log_in
from xo_exporter.xapi.session import Session

Read = Callable[[], Awaitable[HostRrd]]

_HOUR = 3600.0
_ASKED = "host.get_servertime"
_SKEWS = [-26 * _HOUR, -2 * _HOUR, -90.0, -20.0, 0.0, 20.0, 90.0, 2 * _HOUR, 26 * _HOUR]


class Time(Protocol):
    """The time of conftest."""

    now: float

    def __call__(self) -> float:
        """Give it."""


def uuid_of(pool: SimulatedPool, host: str) -> str:
    """Give the UUID of a host by its reference."""
    return str(pool.database.tables["host"][host]["uuid"])


def truth(pool: SimulatedPool, owner: str, newest: int) -> dict[str, float]:
    """Give the newest known values of an owner's last three rows, as its host prints them."""
    known: dict[str, float] = {}
    for name in pool.rrd.names(owner):
        rows = (pool.rrd.value(owner, name, newest - 5 * number) for number in range(3))
        printed = (float(pool.rrd.write(value)) for value in rows)
        value = next((value for value in printed if 0 <= value < math.inf), None)
        if value is not None:
            known[name] = value
    return known


def expect_truth(found: HostRrd, pool: SimulatedPool, host: str, now: float) -> None:
    """Compare what was read with what the host's rows hold, at a time of its clock."""
    newest = int(now // 5 * 5)
    uuid = uuid_of(pool, host)
    residents = pool.database.tables["host"][host]["resident_VMs"]
    vms = [pool.database.tables["VM"][ref]["uuid"] for ref in residents]
    assert vms
    assert found.hosts == {uuid: truth(pool, uuid, newest)}
    assert found.vms == {vm: truth(pool, vm, newest) for vm in vms}
    assert found.age == pytest.approx(now - newest, abs=1.0)


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_every_generation_is_read(generation: Generation) -> None:
    """Whatever a host of any generation prints, we read the values of its newest row."""
    now = 1_700_000_003.0
    estate = make_estate(hosts=1, vms=6, seed=3, now=now, generation=generation)
    async with SimulatedPool(estate, clock=lambda: now) as pool:
        config = PoolConfig(
            url=Url.parse(pool.url), username=pool.username, password=Secret(pool.password)
        )
        session = await log_in(config, deadline=time.monotonic() + 10, hostnames={})
        stands = clock.HostClock(wall=lambda: now, monotonic=lambda: now)
        found = await HostRrdReader(pool.master, stands).read(session, session.target)
        await session.close()
        expect_truth(found, pool, pool.master, now)
    means = [values.get("cpu_usage") for values in found.vms.values()]
    assert any(means) == (generation != "g1")


# --- the host's clock


@pytest.mark.parametrize("skew", _SKEWS)
async def test_a_host_may_be_off_by_hours(
    skew: float, pool: SimulatedPool, host: str, read: Read, our_time: Time
) -> None:
    """A host whose clock was always off is read like any other: its own time counts."""
    pool.faults.clock_offset[host] = skew
    for _ in range(3):
        expect_truth(await read(), pool, host, our_time.now + skew)
        our_time.now += 30
    assert pool.calls[_ASKED] == 1
    assert pool.calls["/rrd_updates"] == 3


async def test_the_clock_is_asked_once_then_every_five_minutes(
    pool: SimulatedPool, read: Read, our_time: Time
) -> None:
    """The host says its time at first, and again when five minutes have passed."""
    asked = []
    for _ in range(41):
        await read()
        asked.append(pool.calls[_ASKED])
        our_time.now += 15
    assert asked == [1] * 20 + [2] * 20 + [3]


@pytest.mark.parametrize("jump", [skew for skew in _SKEWS if abs(skew) > 60])
async def test_a_clock_that_jumps_is_asked_at_once(
    jump: float, pool: SimulatedPool, host: str, read: Read, our_time: Time
) -> None:
    """Rows that seem too old, or from the future, make us ask the time before we judge them."""
    expect_truth(await read(), pool, host, our_time.now)
    our_time.now += 15
    pool.faults.clock_offset[host] = jump
    expect_truth(await read(), pool, host, our_time.now + jump)
    assert pool.calls[_ASKED] == 2
    our_time.now += 15
    expect_truth(await read(), pool, host, our_time.now + jump)
    assert pool.calls[_ASKED] == 2


async def test_a_small_step_ahead_is_noticed(
    pool: SimulatedPool, host: str, read: Read, our_time: Time
) -> None:
    """Rows a few seconds newer than now are reason enough to ask."""
    await read()
    pool.faults.clock_offset[host] = 10.0
    expect_truth(await read(), pool, host, our_time.now + 10)
    assert pool.calls[_ASKED] == 2


@pytest.mark.parametrize(
    "fault", [Failure("INTERNAL_ERROR"), Status(500), Garbage(b'{"result":"soon"}')], ids=repr
)
async def test_a_host_that_does_not_say_its_time_is_read_by_ours(
    fault: Fault, pool: SimulatedPool, host: str, read: Read, our_time: Time
) -> None:
    """Where the time can't be had the rows are read nonetheless, and it isn't asked each time."""
    pool.faults.add(fault, method=_ASKED)
    for _ in range(3):
        expect_truth(await read(), pool, host, our_time.now)
        our_time.now += 15
    assert pool.traffic.calls["/rrd_updates"] == 3
    asked = pool.calls[_ASKED]
    our_time.now += 300
    await read()
    assert pool.calls[_ASKED] > asked


async def test_a_host_that_hangs_when_asked_for_its_time_is_read(
    pool: SimulatedPool,
    host: str,
    read: Read,
    our_time: Time,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The question for the time is bounded, and the RRDs are read after it all the same."""
    monkeypatch.setattr(clock, "_TIMEOUT", 0.1)
    pool.faults.add(Hang(), method=_ASKED)
    expect_truth(await read(), pool, host, our_time.now)
    expect_truth(await read(), pool, host, our_time.now)
    assert pool.calls[_ASKED] == 1


async def test_an_unknown_clock_that_is_far_off_leaves_values_unknown(
    pool: SimulatedPool, host: str, read: Read
) -> None:
    """Rows that may be hours old, as far as anyone knows, give no values; their age says so."""
    pool.faults.add(Failure("INTERNAL_ERROR"), method=_ASKED)
    pool.faults.clock_offset[host] = -2 * _HOUR
    found = await read()
    assert found.hosts == {}
    assert found.age == pytest.approx(2 * _HOUR, abs=10)


async def test_a_clock_is_kept_where_it_can_no_longer_be_asked(
    pool: SimulatedPool, host: str, read: Read, our_time: Time
) -> None:
    """What was known of a clock stays, when a later question has no answer."""
    pool.faults.clock_offset[host] = 2 * _HOUR
    await read()
    pool.faults.add(Failure("INTERNAL_ERROR"), method=_ASKED)
    our_time.now += 600
    expect_truth(await read(), pool, host, our_time.now + 2 * _HOUR)


# --- rows that are old, missing, coarse


def column(pool: SimulatedPool, host: str) -> list[str]:
    """Give a legend of one column of the host's."""
    return [f"AVERAGE:host:{uuid_of(pool, host)}:cpu0"]


@pytest.mark.parametrize("age", [70, 600, 90_000])
async def test_a_host_that_samples_no_more_says_since_when(
    age: int, pool: SimulatedPool, host: str, read: Read, our_time: Time
) -> None:
    """Rows that have stopped: nothing is known, the age grows, and that is no error."""
    newest = int(our_time.now) - age
    rows = [(newest - 5 * number, [0.5]) for number in range(10)]
    pool.rrd.fixed[host] = FixedRrd(5, rows, column(pool, host))
    for later in (0, 15):
        our_time.now += later
        found = await read()
        assert (found.hosts, found.vms) == ({}, {})
        assert found.age == pytest.approx(age + later, abs=2)


async def test_a_host_without_rows_has_no_age(pool: SimulatedPool, host: str, read: Read) -> None:
    """No row at all, as shortly after a start: nothing is known, not even an age, and no error."""
    pool.rrd.fixed[host] = FixedRrd(5, [], column(pool, host))
    found = await read()
    assert found[:3] == ({}, {}, None)
    assert found.clock_offset == pytest.approx(0, abs=2)


async def test_rows_that_come_back_are_read_again(
    pool: SimulatedPool, host: str, read: Read, our_time: Time
) -> None:
    """After a stall the values are known as soon as there are new rows."""
    pool.rrd.fixed[host] = FixedRrd(5, [(int(our_time.now) - 600, [0.5])], column(pool, host))
    assert (await read()).hosts == {}
    del pool.rrd.fixed[host]
    expect_truth(await read(), pool, host, our_time.now)


@pytest.mark.parametrize("lag", range(1, 49, 3))
async def test_the_third_row_of_a_host_that_lags_counts(
    lag: int, pool: SimulatedPool, host: str, read: Read, our_time: Time
) -> None:
    """However old its newest row is, the value may come from the two before, and soon at once."""
    values = [[float("nan")], [float("nan")], [0.75], [0.25]]
    for _ in range(4):
        newest = int(our_time.now) - lag
        rows = [(newest - 5 * number, value) for number, value in enumerate(values)]
        pool.rrd.fixed[host] = FixedRrd(5, rows, column(pool, host))
        pool.traffic.reset()
        assert (await read()).hosts == {uuid_of(pool, host): {"cpu0": 0.75}}
        our_time.now += 15
    assert pool.calls["/rrd_updates"] == 1


async def test_a_small_step_back_costs_no_value(
    pool: SimulatedPool, host: str, read: Read, our_time: Time
) -> None:
    """A clock that was put back, by less than makes rows too old, hides none of the last three."""
    await read()
    pool.faults.clock_offset[host] = -15.0
    newest = int(our_time.now) - 15
    rows = [(newest - 5 * number, [[float("nan")], [0.75]][number // 2]) for number in range(4)]
    pool.rrd.fixed[host] = FixedRrd(5, rows, column(pool, host))
    assert (await read()).hosts == {uuid_of(pool, host): {"cpu0": 0.75}}


@pytest.mark.parametrize("fault", [Status(500), Disconnect()], ids=repr)
async def test_what_has_come_counts_where_older_rows_do_not(
    fault: Fault,
    pool: SimulatedPool,
    host: str,
    session: Session,
    our_time: Time,
) -> None:
    """A host that lags, and fails when it is asked for older rows, has the values of the newest."""
    newest = int(our_time.now) - 12
    pool.rrd.fixed[host] = FixedRrd(
        5, [(newest - 5 * number, [0.5]) for number in range(3)], column(pool, host)
    )
    target = Target(Url.parse(pool.url_of(host)))
    read = HostRrdReader(host, clock.HostClock(wall=our_time, monotonic=our_time)).read
    pool.faults.add(fault, host=host, path="/rrd_updates")
    pool.faults.rules.insert(0, pool.faults.add(Slow(0.0), host=host, path="/rrd_updates", times=1))
    assert (await read(session, target)).hosts == {uuid_of(pool, host): {"cpu0": 0.5}}
    assert pool.calls["/rrd_updates"] >= 2


async def test_rows_that_come_later_count(
    pool: SimulatedPool, host: str, read: Read, our_time: Time
) -> None:
    """A host that had one row, as after a start, and lags, is asked for those that it has now."""
    for count in (1, 4):
        newest = int(our_time.now) - 15
        values = [[float("nan")], [float("nan")], [0.75], [0.25]]
        rows = [(newest - 5 * number, value) for number, value in enumerate(values[:count])]
        pool.rrd.fixed[host] = FixedRrd(5, rows, column(pool, host))
        found = await read()
        our_time.now += 15
    assert found.hosts == {uuid_of(pool, host): {"cpu0": 0.75}}


async def test_no_more_rows_are_asked_for_than_needed(
    pool: SimulatedPool, host: str, read: Read, our_time: Time
) -> None:
    """The host prints a handful of rows, not its whole archive."""
    rows = [(int(our_time.now) // 5 * 5 - 5 * number, [0.5]) for number in range(120)]
    pool.rrd.fixed[host] = FixedRrd(5, rows, column(pool, host))
    await read()
    assert pool.traffic.bytes_sent["/rrd_updates"] < 1000


@pytest.mark.parametrize(("age", "known"), [(30, True), (59, True), (75, False)])
async def test_a_coarse_archive_is_read_by_the_same_rule(
    age: int, *, known: bool, pool: SimulatedPool, host: str, read: Read, our_time: Time
) -> None:
    """Rows of a minute, where a host gives no finer ones, count while they are fresh enough."""
    newest = int(our_time.now) - age
    rows = [(newest - 60 * number, [0.25]) for number in range(5)]
    pool.rrd.fixed[host] = FixedRrd(60, rows, column(pool, host), exact=True)
    found = await read()
    assert found.hosts == ({uuid_of(pool, host): {"cpu0": 0.25}} if known else {})
    assert found.age == pytest.approx(age, abs=2)


async def test_vms_that_two_hosts_show_are_read_from_both(
    pool: SimulatedPool, host: str, read: Read, our_time: Time
) -> None:
    """A host tells of every VM in its columns, also of one that runs elsewhere by now."""
    legend = [f"AVERAGE:vm:{uuid}:cpu0" for uuid in ("a", "b")]
    pool.rrd.fixed[host] = FixedRrd(5, [(int(our_time.now), [0.5, float("nan")])], legend)
    assert (await read()).vms == {"a": {"cpu0": 0.5}}


# --- failures


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Status(500), BadAnswer),
        (Garbage(), BadAnswer),
        (Garbage(b"", "text/xml"), BadAnswer),
        (Garbage(b'<!DOCTYPE a [<!ENTITY b "c">]><xport>&b;</xport>', "text/xml"), BadAnswer),
        (Truncated(), BadAnswer),
        (Truncated(announced=True), Unreachable),
        (Disconnect(), Unreachable),
        (Endless(content_type="text/xml"), BadAnswer),
    ],
    ids=repr,
)
async def test_a_host_that_fails_is_an_error_of_ours(
    fault: Fault,
    kind: type[PoolError],
    pool: SimulatedPool,
    host: str,
    read: Read,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever a host answers in place of RRDs is an error of ours; afterwards it is read again."""
    monkeypatch.setattr(reader, "MAX_BODY", 1_000_000)
    with pool.faults.active(fault, host=host, path="/rrd_updates"), pytest.raises(kind):
        await read()
    assert (await read()).hosts


async def test_a_session_that_has_ended_is_told_by_its_error(
    pool: SimulatedPool, read: Read, our_time: Time
) -> None:
    """An expired session is told as such, by the RRDs as by the clock."""
    await read()
    pool.sessions.expire()
    with pytest.raises(SessionInvalid):
        await read()
    our_time.now += 300
    with pytest.raises(SessionInvalid):
        await read()


async def test_the_master_is_read_like_any_other(pool: SimulatedPool, session: Session) -> None:
    """The master's RRDs are asked for where the log-in was answered."""
    found = await HostRrdReader(pool.master).read(session, Target(session.target.url))
    assert found.hosts.keys() == {uuid_of(pool, pool.master)}

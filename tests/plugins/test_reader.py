"""When plugins are asked, how often, and what becomes of their failures."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from xo_exporter.config import PoolConfig, Secret, Url
from xo_exporter.errors import ApiFailure
from xo_exporter.plugins.plugin import Plugin
from xo_exporter.plugins.reader import PLUGINS, PluginReader
from xo_exporter.plugins.values import NO_RESULTS, Answer, Updates
from xo_exporter.simulator import Failure, Hang, SimulatedPool, make_estate
from xo_exporter.xapi.events import RecordReader
from xo_exporter.xapi.login import log_in
from xo_exporter.xapi.records import Records
from xo_exporter.xapi.session import Session

CALL = "host.call_plugin"
UPDATES = ("updater.py", "check_update")

Until = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.fixture
async def pool() -> AsyncIterator[SimulatedPool]:
    """Run three hosts with an SR on LINSTOR."""
    estate = make_estate(hosts=3, vms=2, seed=3)
    async with SimulatedPool(estate, event_delay_s=0.0) as running:
        yield running


@pytest.fixture
async def session(pool: SimulatedPool) -> AsyncIterator[Session]:
    """Log in."""
    config = PoolConfig(
        url=Url.parse(pool.url), username=pool.username, password=Secret(pool.password)
    )
    session = await log_in(config, deadline=time.monotonic() + 10, hostnames={})
    yield session
    await session.close()


@pytest.fixture
async def records(session: Session) -> Records:
    """Read all records."""
    return await RecordReader(session).update()


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now

    def tick(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    """Give a clock for a reader of plugins."""
    return Clock()


@pytest.fixture
def until() -> Until:
    """Wait until something is true; it must be so within ten seconds."""

    async def wait(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  the simulated pool has no event for it
                await asyncio.sleep(0.005)

    return wait


def uuids(pool: SimulatedPool) -> list[str]:
    """Give the hosts' UUIDs."""
    return [host["uuid"] for host in pool.database.tables["host"].values()]


async def test_nothing_is_asked_unless_it_is_wanted(
    pool: SimulatedPool, session: Session, records: Records
) -> None:
    """Without plugins there is no call and no result."""
    reader = PluginReader("pool")
    reader.begin(session, records)
    await asyncio.sleep(0)
    assert reader.results() is NO_RESULTS
    assert not pool.calls[CALL]


async def test_every_plugin_tells_of_its_objects(
    pool: SimulatedPool, session: Session, records: Records, until: Until
) -> None:
    """What was asked comes later; nobody waits for it."""
    reader = PluginReader("pool", PLUGINS)
    assert reader.results() == NO_RESULTS
    reader.begin(session, records)
    assert reader.results() == NO_RESULTS
    await until(lambda: sum(map(len, _tables(reader))) == 3 * 3 + 1)
    results = reader.results()
    assert set(results.updater) == set(results.ipmi) == set(results.smart) == {*uuids(pool)}
    assert all(answer.is_up and answer.value for table in _tables(reader) for answer in table)
    (xostor,) = results.xostor.values()
    assert xostor.value
    assert {node.state for node in xostor.value.nodes} == {"ONLINE"}


def _tables(reader: PluginReader) -> list[list[Answer[Any]]]:
    results = reader.results()
    tables: list[Any] = [results.updater, results.ipmi, results.smart, results.xostor]
    return [list(table.values()) for table in tables]


@pytest.mark.parametrize("name", PLUGINS)
async def test_a_plugin_is_asked_again_after_its_interval(
    pool: SimulatedPool, session: Session, records: Records, clock: Clock, until: Until, name: str
) -> None:
    """However often the pool is read; and a little earlier, since nobody is quite punctual."""
    reader, plugin = PluginReader("pool", [name], clock=clock), PLUGINS[name]

    def calls() -> int:
        return sum(count for (file, _), count in pool.plugins.calls.items() if file == plugin.file)

    def ages() -> set[float | None]:
        return {answer.age for table in _tables(reader) for answer in table}

    reader.begin(session, records)
    await until(lambda: calls() and ages() == {0.0} and _is_idle(reader))
    first = calls()
    for _ in range(8):
        clock.tick(plugin.interval / 10)
        reader.begin(session, records)
        await asyncio.sleep(0)
    assert _is_idle(reader)
    assert calls() == first
    assert list(ages()) == [pytest.approx(plugin.interval * 0.8)]
    clock.tick(plugin.interval / 10)
    clock.tick(0.001)
    reader.begin(session, records)
    await until(lambda: ages() == {0.0} and _is_idle(reader))
    assert calls() == 2 * first


def _is_idle(reader: PluginReader) -> bool:
    return not any(
        known.is_under_way for one in reader._rounds.values() for known in one._known.values()
    )


async def test_few_are_asked_at_a_time(
    pool: SimulatedPool, session: Session, records: Records, until: Until
) -> None:
    """Each plugin asks one host after the other, and no more than two calls are under way."""
    pool.faults.add(Hang(), method=CALL)
    reader = PluginReader("pool", PLUGINS)
    reader.begin(session, records)
    await until(lambda: pool.calls[CALL] == 2)
    await asyncio.sleep(0.05)
    reader.begin(session, records)
    await asyncio.sleep(0.05)
    assert pool.calls[CALL] == 2
    reader.leave(session)
    await until(lambda: _is_idle(reader))


async def test_a_plugin_that_hangs_is_given_up(
    pool: SimulatedPool,
    session: Session,
    records: Records,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After its deadline it counts as down, and the next object has its turn."""
    hasty = dataclasses.replace(PLUGINS["updater"], deadline=0.05)
    monkeypatch.setitem(cast("dict[str, object]", PLUGINS), "updater", hasty)
    pool.faults.add(Hang(), method=CALL, times=1)
    reader = PluginReader("pool", ["updater"])
    reader.begin(session, records)
    await until(lambda: len(reader.results().updater) == 3)
    up = [answer.is_up for answer in reader.results().updater.values()]
    assert sorted(up) == [False, True, True]


async def test_failures_are_tried_again_after_longer_and_longer(
    pool: SimulatedPool, session: Session, records: Records, clock: Clock, until: Until
) -> None:
    """After a minute, two, four; what was known stands until it is too old."""
    reader, host = PluginReader("pool", ["updater"], clock=clock), uuids(pool)[0]
    reader.begin(session, records)
    await until(lambda: len(reader.results().updater) == 3)
    known = reader.results().updater[host].value
    pool.plugins.answers[UPDATES] = "no JSON"
    clock.tick(3600)
    for calls, seconds in ((6, 0), (6, 59), (9, 2), (9, 118), (12, 3), (12, 237), (15, 4)):
        clock.tick(seconds)
        reader.begin(session, records)
        await until(lambda: _is_idle(reader))
        assert pool.plugins.calls[UPDATES] == calls
        assert reader.results().updater[host].is_up is False
        assert reader.results().updater[host].value == known
    clock.tick(3 * 3600)
    age = reader.results().updater[host].age
    assert reader.results().updater[host] == Answer(is_up=False, value=None, age=age)
    pool.plugins.answers[UPDATES] = "[]"
    reader.begin(session, records)
    await until(lambda: _is_idle(reader))
    assert reader.results().updater[host] == Answer(is_up=True, value=Updates(0), age=0.0)


async def test_a_fault_is_told_once_and_so_is_its_end(
    pool: SimulatedPool, session: Session, records: Records, clock: Clock, until: Until
) -> None:
    """One line for each host when it comes, one when it is gone; it says what to do."""
    reader = PluginReader("pool", ["updater"], clock=clock)
    pool.plugins.answers[UPDATES] = ApiFailure("XENAPI_MISSING_PLUGIN", ("updater.py",))
    with capture_logs() as logs:
        for _ in range(3):
            reader.begin(session, records)
            await until(lambda: _is_idle(reader) and len(reader.results().updater) == 3)
            clock.tick(3600)
        del pool.plugins.answers[UPDATES]
        reader.begin(session, records)
        await until(lambda: all(one.is_up for one in reader.results().updater.values()))
    assert [line["log_level"] for line in logs] == ["warning"] * 3 + ["info"] * 3
    assert {line["plugin"] for line in logs} == {"updater.py"}
    assert len({line["object"] for line in logs}) == 3
    assert all("update it" in line["error"] for line in logs[:3])


async def test_a_refusal_is_told_once_for_all_hosts(
    pool: SimulatedPool, session: Session, records: Records, clock: Clock, until: Until
) -> None:
    """Who has a lesser role is refused once, and not asked again by the same session."""
    reader = PluginReader("pool", ["updater"], clock=clock)
    refused = pool.faults.add(Failure("RBAC_PERMISSION_DENIED", ("host.call_plugin",)), method=CALL)
    with capture_logs() as logs:
        for _ in range(3):
            reader.begin(session, records)
            await until(lambda: _is_idle(reader) and len(reader.results().updater) == 3)
            clock.tick(7200)
    assert {answer.is_up for answer in reader.results().updater.values()} == {False}
    assert pool.calls[CALL] == 1
    (line,) = logs
    assert "pool-operator" in line["error"]
    pool.faults.remove(refused)
    reader.leave(session)
    reader.begin(session, records)
    await until(lambda: all(one.is_up for one in reader.results().updater.values()))


async def test_a_session_that_ends_says_nothing_of_the_plugins(
    pool: SimulatedPool, session: Session, records: Records, until: Until
) -> None:
    """What was under way is neither known nor down."""
    reader = PluginReader("pool", PLUGINS)
    pool.sessions.expire()
    with capture_logs() as logs:
        reader.begin(session, records)
        await until(lambda: pool.calls[CALL] >= 10 and _is_idle(reader))
    assert reader.results() == NO_RESULTS
    assert logs == []


async def test_a_host_that_stops_is_forgotten(
    pool: SimulatedPool, session: Session, records: Records, until: Until
) -> None:
    """Of a host that does not run nothing is known, and it is not asked."""
    reader = PluginReader("pool", ["updater"])
    reader.begin(session, records)
    await until(lambda: len(reader.results().updater) == 3)
    gone = next(ref for ref in pool.database.tables["host"] if ref != pool.master)
    metrics = pool.database.tables["host"][gone]["metrics"]
    pool.database.modify("host_metrics", metrics, live=False)
    reader.begin(session, await RecordReader(session).update())
    assert len(reader.results().updater) == 2
    assert pool.plugins.calls[UPDATES] == 3


async def test_an_unexpected_error_is_a_fault_of_that_plugin_alone(
    pool: SimulatedPool, session: Session, records: Records, until: Until
) -> None:
    """An answer that no parser was ready for leaves the others as they are."""
    reader = PluginReader("pool", ["updater", "smart"])
    pool.plugins.answers[UPDATES] = "[" * 100_000
    reader.begin(session, records)
    await until(lambda: sum(map(len, _tables(reader))) == 6)
    assert {answer.is_up for answer in reader.results().updater.values()} == {False}
    assert {answer.is_up for answer in reader.results().smart.values()} == {True}


@pytest.mark.parametrize(("name", "plugin"), PLUGINS.items())
def test_the_document_has_the_times_of_each_plugin(name: str, plugin: Plugin[Any]) -> None:
    """docs/plugins.md says interval, time limit and how long an answer stands, as they are."""
    rows = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text("utf-8").splitlines()
    (row,) = (row for row in rows if row.startswith(f"| `plugin_{name}` |"))
    _, _, asked, _, *times, _ = (cell.strip() for cell in row.split("|"))
    units = {"s": 1, "min": 60, "h": 3600}
    seconds = [float(time.split()[0]) * units[time.split()[1]] for time in times]
    assert seconds == [plugin.interval, plugin.deadline, plugin.kept]
    assert f"`{plugin.file}`" in asked

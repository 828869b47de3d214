"""What the log says of faults, where those who ask wait for different times."""

from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from xo_exporter.collector import Collector, told
from xo_exporter.collector.told import ToldFaults
from xo_exporter.errors import BadAnswer, TooLate
from xo_exporter.reading import Failure
from xo_exporter.simulator import Hang, SimulatedPool, Slow, Status

MakePool = Callable[..., Awaitable[SimulatedPool]]
MakeCollector = Callable[..., Collector]

RRD = "/rrd_updates"
IMPATIENT = 0.4
PATIENT = 20.0


def of_hosts(lines: list[EventDict], host: str) -> list[str]:
    """Give what was said of a host."""
    return [line["event"] for line in lines if line.get("host") == host]


@pytest.fixture
async def pool(make_pool: MakePool) -> SimulatedPool:
    """Run a small pool."""
    return await make_pool()


def a_host(pool: SimulatedPool) -> tuple[str, str]:
    """Give the reference and the name of one of its hosts."""
    host, record = next(iter(pool.database.tables["host"].items()))
    return host, str(record["name_label"])


async def test_what_is_late_for_one_and_not_for_another_is_told_once(
    pool: SimulatedPool, make_collector: MakeCollector
) -> None:
    """RRDs that come too late for one of two are a line when it begins, and at its end."""
    collector = make_collector(pool)
    host, name = a_host(pool)
    await collector.scrape()
    with capture_logs() as lines:
        with pool.faults.active(Slow(delay=0.8), path=RRD, host=host):
            for _ in range(3):
                await collector.scrape(seconds=IMPATIENT)
                patient = await collector.scrape(seconds=PATIENT)
                assert patient.complete
        assert of_hosts(lines, name) == ["a host's RRDs can't be read"]
        await collector.scrape(seconds=PATIENT)
    assert of_hosts(lines, name) == ["a host's RRDs can't be read", "readable again"]


async def test_a_fault_that_changes_is_told_each_time(
    pool: SimulatedPool, make_collector: MakeCollector
) -> None:
    """A host that hangs, then answers with an error, then hangs, is a line each time."""
    collector = make_collector(pool)
    host, name = a_host(pool)
    await collector.scrape()
    with capture_logs() as lines:
        for fault in (Hang(), Status(503), Hang()):
            with pool.faults.active(fault, path=RRD, host=host):
                for _ in range(2):
                    await collector.scrape(seconds=1.5)
        await collector.scrape(seconds=PATIENT)
    events = of_hosts(lines, name)
    assert events[-1] == "readable again"
    assert "503" in next(line["error"] for line in lines if "503" in line.get("error", ""))
    said = ["503" in line["error"] for line in lines if line["log_level"] == "warning"]
    assert [said[0], True in said, said[-1]] == [False, True, False]
    assert events.count("readable again") == 1


def test_a_fault_that_one_does_not_wait_for_is_told_once() -> None:
    """Where one sees an error that another does not wait for, each has its line once."""
    faults = ToldFaults("main")
    with capture_logs() as lines:
        for _ in range(5):
            faults.tell([Failure("rrd", TooLate("no answer in time"), "host")], 1.3)
            faults.tell([Failure("rrd", BadAnswer("status 500"), "host")], 2.0)
        assert [line["error"] for line in lines] == ["no answer in time", "status 500"]
        faults.tell([], 0.1)
    assert lines[2:] == [
        {"event": "readable again", "log_level": "info", "pool": "main", "host": "host"}
    ]


def test_a_pool_that_is_late_hides_no_host() -> None:
    """While the pool itself is too late for one, what another told of a host is not told anew."""
    faults = ToldFaults("main")
    host = Failure("rrd", BadAnswer("status 500"), "host")
    with capture_logs() as lines:
        for _ in range(5):
            faults.tell([Failure("objects", TooLate("no answer in time"))], 1.3)
            faults.tell([host], 2.0)
    assert [line["error"] for line in lines] == ["no answer in time", "status 500"]


async def test_what_is_late_no_more_for_long_is_gone(
    pool: SimulatedPool, make_collector: MakeCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When nobody was too impatient for long, it is said, so that the next time is a line again."""
    collector = make_collector(pool)
    host, name = a_host(pool)
    await collector.scrape()
    with capture_logs() as lines, pool.faults.active(Slow(delay=0.8), path=RRD, host=host):
        await collector.scrape(seconds=IMPATIENT)
        await collector.scrape(seconds=PATIENT)
        assert of_hosts(lines, name) == ["a host's RRDs can't be read"]
        monkeypatch.setattr(told, "FORGOTTEN_AFTER", 0.0)
        await collector.scrape(seconds=PATIENT)
        assert of_hosts(lines, name)[1:] == ["readable again"]
        await collector.scrape(seconds=IMPATIENT)
    assert of_hosts(lines, name)[2:] == ["a host's RRDs can't be read"]

"""What an exporter's scrapes cost, seen from outside of it."""

import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from benchmarks.pool import PoolProcess, Traffic
from benchmarks.processes import ExporterProcess, Which, exporter_process, samples_of

CHANGED: Final = 50
"""Objects that change between two scrapes of ours; the baseline reads everything anyway."""

_AFTERWARDS: Final = 0.05  # seconds; what is done after the answer counts, too
_LOOK_EVERY: Final = 0.005  # seconds between two requests of /-/healthy


class Cost(NamedTuple):
    """Of one scrape: seconds of CPU, seconds until the answer; what the pool was asked for.

    calls: by method; record_bytes: of the answers to what reads records; rrd_bytes: of RRDs;
    pool_cpu: seconds that the simulated pool took for it.
    """

    cpu: float
    wall: float
    calls: dict[str, int]
    record_bytes: int
    rrd_bytes: int
    pool_cpu: float

    @property
    def xapi_calls(self) -> int:
        """How many calls of XAPI there were; RRDs come from a daemon beside it."""
        return sum(count for name, count in self.calls.items() if not name.startswith("/"))

    @property
    def full_reads(self) -> int:
        """How many of them read a class whole."""
        return sum(n for name, n in self.calls.items() if name.endswith("get_all_records"))


def cost_of(action: Callable[[], object], exporter: ExporterProcess, pool: PoolProcess) -> Cost:
    """What something that is asked of an exporter costs it."""
    with pool.held():
        pool_cpu = pool.traffic().cpu
        cpu, started = exporter.cpu(), time.perf_counter()
        action()
        wall = time.perf_counter() - started
        time.sleep(_AFTERWARDS)
        cpu = exporter.cpu() - cpu
        traffic = pool.traffic()
    rrd_bytes = traffic.bytes_sent.get("/rrd_updates", 0)
    pool_cpu = traffic.cpu - pool_cpu
    return Cost(cpu, wall, traffic.calls, _record_bytes(traffic), rrd_bytes, pool_cpu)


def _record_bytes(traffic: Traffic) -> int:
    return sum(
        size
        for name, size in traffic.bytes_sent.items()
        if name == "event.from" or name.endswith("get_all_records")
    )


def scrape(exporter: ExporterProcess, pool: PoolProcess, *, links: bool = False) -> Cost:
    """One scrape after the usual changes; with `links` a VM was stopped or started, too."""
    pool.sizes(CHANGED)
    if links:
        pool.links()
    return cost_of(exporter.get, exporter, pool)


def ten_at_once(exporter: ExporterProcess, pool: PoolProcess) -> Cost:
    """Ten scrapes at the same moment, after the usual changes."""
    pool.sizes(CHANGED)

    def ten() -> None:
        threads = [threading.Thread(target=exporter.get) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return cost_of(ten, exporter, pool)


def longest_wait(exporter: ExporterProcess, pool: PoolProcess) -> float:
    """Seconds that /-/healthy took at the most while a scrape was at work."""
    pool.sizes(CHANGED)
    with pool.held():
        thread = threading.Thread(target=exporter.get)
        thread.start()
        longest = 0.0
        while thread.is_alive():
            started = time.perf_counter()
            exporter.get("/-/healthy")
            longest = max(longest, time.perf_counter() - started)
            time.sleep(_LOOK_EVERY)
    return longest


class Start(NamedTuple):
    """A process's first scrape.

    Seconds since the process was started, of CPU and on the clock; bytes and calls at XAPI.
    """

    seconds: float
    cpu: float
    record_bytes: int
    calls: dict[str, int]


def cold_start(which: Which, pool: PoolProcess) -> Start:
    """Start an exporter and have it scrape once, in full; then it is ended."""
    with pool.held():
        pool.traffic()
        with exporter_process(which, pool) as exporter:
            body = exporter.get()
            seconds = time.perf_counter() - exporter.started
            cpu = exporter.cpu()
            traffic = pool.traffic()
    samples_of(body)
    return Start(seconds, cpu, _record_bytes(traffic), traffic.calls)


def longest_wait_at_first(which: Which, pool: PoolProcess) -> float:
    """As `longest_wait`, while all is read for the first time."""
    with exporter_process(which, pool) as exporter:
        return longest_wait(exporter, pool)

"""What a scrape costs: ours beside the baseline, in one run, on pools of several sizes.

    python -m benchmarks.run --estates S M L

Prints a Markdown table an estate. Machines are noisy: the figures to trust are the ratios.
"""

import argparse
import gzip
import os
import platform
import statistics
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from benchmarks.processes import ExporterProcess, PoolProcess, exporter_process, pool_process

ESTATES: Final = {"S": (3, 20), "M": (8, 250), "L": (64, 2000), "XL": (64, 10_000)}
CHANGED: Final = 50  # objects, between two scrapes


class Cost(NamedTuple):
    """Of one scrape: seconds of CPU, seconds until the answer, bytes and calls at XAPI."""

    cpu: float
    wall: float
    record_bytes: int
    calls: int
    full_reads: int


class Result(NamedTuple):
    """Of one exporter on one estate; memory in MiB, times in seconds."""

    cold: float
    samples: int
    costs: list[Cost]
    ten: float
    peak: float
    stall: float


def scrape(exporter: ExporterProcess, pool: PoolProcess) -> tuple[Cost, bytes]:
    """One scrape and what it cost."""
    pool.change(CHANGED)
    pool.traffic()
    cpu, wall = exporter.cpu(), time.perf_counter()
    body = exporter.get("/metrics")
    wall = time.perf_counter() - wall
    time.sleep(0.05)  # what is done after the answer counts, too
    cpu = exporter.cpu() - cpu
    traffic = pool.traffic()
    calls = {name: count for name, count in traffic.calls.items() if not name.startswith("/")}
    reads = {
        name: size
        for name, size in traffic.bytes_sent.items()
        if name == "event.from" or name.endswith("get_all_records")
    }
    full = sum(count for name, count in calls.items() if name.endswith("get_all_records"))
    return Cost(cpu, wall, sum(reads.values()), sum(calls.values()), full), body


def together(exporter: ExporterProcess, count: int) -> float:
    """Seconds of CPU that so many scrapes at the same moment take."""
    before = exporter.cpu()
    threads = [threading.Thread(target=exporter.get, args=("/metrics",)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return exporter.cpu() - before


def longest_wait(exporter: ExporterProcess) -> float:
    """Seconds that /-/healthy took at the most while a scrape was at work."""
    done = threading.Event()

    def work() -> None:
        exporter.get("/metrics")
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    longest = 0.0
    while not done.is_set():
        started = time.perf_counter()
        exporter.get("/-/healthy")
        longest = max(longest, time.perf_counter() - started)
        time.sleep(0.002)
    thread.join()
    return longest


def plain(body: bytes) -> str:
    """The text of an exposition, compressed or not."""
    return (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode()


def measure(which: str, pool: PoolProcess, scrapes: int) -> Result:
    """All figures of one exporter; the pool is warm."""
    with exporter_process(which, pool.url) as exporter:
        _, body = scrape(exporter, pool)
        cold = time.perf_counter() - exporter.started
        text = plain(body)
        samples = sum(1 for line in text.splitlines() if line and line[0] != "#")
        costs = [scrape(exporter, pool)[0] for _ in range(scrapes)]
        ten = together(exporter, 10) if which == "ours" else float("nan")
        stall = longest_wait(exporter) if which == "ours" else float("nan")
        return Result(cold, samples, costs, ten, exporter.peak_memory(), stall)


def median(costs: list[Cost], of: Callable[[Cost], float]) -> float:
    """The median over the scrapes."""
    return float(statistics.median(of(cost) for cost in costs))


def report(name: str, ours: Result, baseline: Result) -> str:
    """A Markdown table of both."""
    figures: tuple[tuple[str, Callable[[Cost], float]], ...] = (
        ("CPU of a steady scrape, s", lambda cost: cost.cpu),
        ("wall time of a steady scrape, s", lambda cost: cost.wall),
        ("bytes of records from XAPI", lambda cost: cost.record_bytes),
        ("XAPI calls", lambda cost: cost.calls),
        ("get_all_records calls", lambda cost: cost.full_reads),
    )
    rows = [(what, median(ours.costs, of), median(baseline.costs, of)) for what, of in figures]
    rows += [
        ("cold start to the first scrape, s", ours.cold, baseline.cold),
        ("peak memory, MiB", ours.peak, baseline.peak),
        ("samples", float(ours.samples), float(baseline.samples)),
    ]
    lines = [
        f"### {name}",
        "",
        "| what | ours | baseline | baseline ÷ ours |",
        "| --- | --- | --- | --- |",
    ]
    for what, mine, theirs in rows:
        ratio = f"{theirs / mine:.1f}" if mine else ""
        lines.append(f"| {what} | {mine:.4g} | {theirs:.4g} | {ratio} |")
    one = median(ours.costs, lambda c: c.cpu)
    if one:
        lines.append(f"| CPU of ten scrapes at once, of one | {ours.ten / one:.2f} | | |")
        lines.append(f"| CPU a sample, µs | {1e6 * one / ours.samples:.2f} | | |")
    lines.append(f"| longest wait for /-/healthy during a scrape, s | {ours.stall:.3f} | | |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--estates", nargs="+", choices=ESTATES, default=["S", "M", "L"])
    parser.add_argument("--scrapes", type=int, default=5)
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}\n")
    for name in options.estates:
        hosts, vms = ESTATES[name]
        with pool_process(hosts, vms) as pool:
            with exporter_process("ours", pool.url) as warm:
                warm.get("/metrics")
            ours = measure("ours", pool, options.scrapes)
            baseline = measure("baseline", pool, options.scrapes)
            print(report(f"{name}: {hosts} hosts, {vms} VMs", ours, baseline), flush=True)


if __name__ == "__main__":
    main()

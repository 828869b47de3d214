"""A long run of `serve` against a pool that changes and fails, to see whether anything grows.

    python tests/soak/soak.py --scrapes 10000

Prints memory, descriptors, threads and errors as it goes; exits with 1 when one of them has grown
between the second and the last quarter, when memory was for a tenth of the time far above what it
was in the first tenth, or when a scrape was not answered in time.
"""

import argparse
import os
import random
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from xo_exporter.simulator import (
    Disconnect,
    Failure,
    Garbage,
    Hang,
    SimulatedPool,
    Slow,
    Status,
    Truncated,
    make_estate,
)
from xo_exporter.simulator.life import Life

SCRAPE_TIMEOUT = 2.0  # seconds
ALLOWED_GROWTH = {"memory": 1.05, "descriptors": 1.25, "threads": 1.25}
ALLOWED_LEVEL = 1.25  # memory of any tenth of the run, as a ratio of that of the first tenth


class Row(NamedTuple):
    """What was seen after so many scrapes; memory in MiB."""

    scrapes: int
    memory: float
    descriptors: int
    threads: int
    up: float
    errors: int


@contextmanager
def exporter(pool: SimulatedPool) -> Iterator[tuple[int, str]]:
    """Run `serve` on the pool; gives its process and the URL of its metrics."""
    environment = {
        **os.environ,
        "XO_EXPORTER_URL": pool.url,
        "XO_EXPORTER_USERNAME": pool.username,
        "XO_EXPORTER_PASSWORD": pool.password,
        "XO_EXPORTER_LISTEN": "127.0.0.1:0",
    }
    command = [sys.executable, "-m", "xo_exporter", "serve"]
    process = subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stderr is not None
    url = ""
    for line in process.stderr:
        if found := re.search(r"url=(\S+)", line):
            url = found[1]
            break
    # From here on nobody reads the log, so it must not fill a pipe.
    drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
    try:
        yield process.pid, f"{url}metrics"
    finally:
        process.terminate()
        process.wait(30)
        drain.wait(30)


def scrape(url: str) -> str:
    """One scrape as Prometheus does it."""
    headers = {"X-Prometheus-Scrape-Timeout-Seconds": str(SCRAPE_TIMEOUT)}
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=10 * SCRAPE_TIMEOUT) as answer:
        body: bytes = answer.read()
    return body.decode()


def trouble(pool: SimulatedPool, dice: random.Random) -> Callable[[], object]:
    """Something that goes wrong, as a function that makes it so."""
    hosts = list(pool.database.tables["host"])
    host = dice.choice(hosts)
    faults = pool.faults
    return dice.choice(
        [
            lambda: faults.add(Hang(), path="/rrd_updates", host=host, times=1),
            lambda: faults.add(Garbage(), path="/rrd_updates", host=host, times=3),
            lambda: faults.add(Truncated(announced=True), times=2),
            lambda: faults.add(Slow(delay=0.3), host=host, times=5),
            lambda: faults.add(Status(500), method="event.from", times=1),
            lambda: faults.add(Disconnect(), method="event.from", times=2),
            lambda: faults.add(Failure("HOST_STILL_BOOTING", early=True), times=1),
            lambda: faults.clock_offset.update({host: dice.uniform(-7200, 7200)}),
            pool.sessions.expire,
            lambda: pool.move_master(host),
            faults.clear,
            faults.clear,
        ]
    )


def sizes_of(pid: int) -> tuple[float, int, int]:
    """Memory in MiB, descriptors and threads of a process."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    memory = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]  # it is there
    threads = int(re.search(r"Threads:\s+(\d+)", status)[1])  # type: ignore[index]  # as above
    return memory, len(list(Path(f"/proc/{pid}/fd").iterdir())), threads


def run(scrapes: int, hosts: int, vms: int, seed: int) -> list[Row]:
    """All scrapes, and a row for each hundredth part of them."""
    dice = random.Random(seed)
    database = make_estate(hosts=hosts, vms=vms, seed=seed)
    life = Life(database)
    rows: list[Row] = []
    up: list[bool] = []
    pool = SimulatedPool(database, event_delay_s=0.0)
    with pool.run_in_thread(), exporter(pool) as (pid, url):
        for number in range(1, scrapes + 1):
            pool.do(lambda: life.advance(time.time()))
            if dice.random() < 0.1:
                pool.do(trouble(pool, dice))
            text = scrape(url)
            up.append(bool(re.search(r"^xo_up\{.*\} 1\.0$", text, re.MULTILINE)))
            if number % max(1, scrapes // 100) == 0:
                found = re.findall(r"^xo_scrape_errors_total\{.*\} (\S+)$", text, re.MULTILINE)
                errors = int(sum(map(float, found)))
                rows.append(Row(number, *sizes_of(pid), sum(up) / len(up), errors))
                row = rows[-1]
                print(
                    f"{row.scrapes:8} scrapes  {row.memory:7.1f} MiB  {row.descriptors:4} fds  "
                    f"{row.threads:3} threads  up {row.up:.3f}  {row.errors:6} errors",
                    flush=True,
                )
                up.clear()
    return rows


def grown(rows: list[Row]) -> list[str]:
    """What is more in the last quarter than in the second, and where all is more than at first."""
    quarter = len(rows) // 4
    early, late = rows[quarter : 2 * quarter], rows[-quarter:]
    found = []
    for name, allowed in ALLOWED_GROWTH.items():
        before = statistics.median(getattr(row, name) for row in early)
        after = statistics.median(getattr(row, name) for row in late)
        if after > before * allowed:
            found.append(f"{name}: {before:.1f}, later {after:.1f}")
    tenth = max(1, len(rows) // 10)
    levels = [
        statistics.median(row.memory for row in rows[start : start + tenth])
        for start in range(0, len(rows), tenth)
    ]
    if max(levels) > levels[0] * ALLOWED_LEVEL:
        found.append(f"memory: {levels[0]:.1f} at first, then {max(levels):.1f}")
    return found


def main() -> int:
    """Run and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scrapes", type=int, default=10_000)
    parser.add_argument("--hosts", type=int, default=4)
    parser.add_argument("--vms", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    rows = run(**vars(parser.parse_args()))
    found = grown(rows)
    print("nothing has grown" if not found else f"has grown: {'; '.join(found)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

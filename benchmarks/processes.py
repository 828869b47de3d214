"""The processes that a benchmark measures: the simulated pool and the two exporters."""

import multiprocessing
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from xo_exporter.simulator import SimulatedPool, make_estate

_TICKS = os.sysconf("SC_CLK_TCK")
_SCRAPE_TIMEOUT = 120.0


class Traffic(NamedTuple):
    """What was asked of XAPI: calls and bytes by method."""

    calls: dict[str, int]
    bytes_sent: dict[str, int]


class PoolProcess:
    """A simulated pool in a process of its own."""

    def __init__(self, connection: Connection, url: str) -> None:
        self._connection = connection
        self.url = url

    def traffic(self) -> Traffic:
        """What was asked since the last time."""
        self._connection.send("traffic")
        calls, bytes_sent = self._connection.recv()
        return Traffic(calls, bytes_sent)

    def change(self, count: int) -> None:
        """Change so many objects."""
        self._connection.send(count)
        self._connection.recv()


def _run_pool(connection: Connection, hosts: int, vms: int) -> None:
    pool = SimulatedPool(make_estate(hosts=hosts, vms=vms, seed=1), event_delay_s=0.0)
    database = pool.database
    with pool.run_in_thread():
        connection.send(pool.url)
        turn = 0
        while (command := connection.recv()) is not None:
            if command == "traffic":
                connection.send((dict(pool.traffic.calls), dict(pool.traffic.bytes_sent)))
                pool.do(pool.traffic.reset)
                continue
            turn += 1
            refs = list(database.tables["VM_metrics"])[:: max(1, vms // command)][:command]
            for position, ref in enumerate(refs):
                size = str((1 << 30) + turn * 4096 + position)
                pool.do(partial(database.modify, "VM_metrics", ref, memory_actual=size))
            connection.send(None)


@contextmanager
def pool_process(hosts: int, vms: int) -> Iterator[PoolProcess]:
    """Run a simulated pool of that size."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run_pool, args=(theirs, hosts, vms), daemon=True)
    process.start()
    try:
        yield PoolProcess(ours, ours.recv())
    finally:
        ours.send(None)
        process.join(30)


class ExporterProcess:
    """An exporter under measurement."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, started: float) -> None:
        self._process = process
        self.port = port
        self.started = started  # time.perf_counter()

    def cpu(self) -> float:
        """Seconds of CPU spent so far, in user and system mode."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text("ascii")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def peak_memory(self) -> float:
        """MiB at the most so far."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        found = re.search(r"VmHWM:\s+(\d+)", status)
        return int(found[1]) / 1024 if found else 0.0

    def get(self, path: str) -> bytes:
        """The body at `path`, as Prometheus asks for it but without compression."""
        with socket.create_connection(("127.0.0.1", self.port), _SCRAPE_TIMEOUT) as connection:
            head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            head += f"X-Prometheus-Scrape-Timeout-Seconds: {_SCRAPE_TIMEOUT}\r\n"
            connection.sendall(f"{head}Accept-Encoding: gzip\r\n\r\n".encode())
            chunks = []
            while chunk := connection.recv(1 << 18):
                chunks.append(chunk)
        header, _, body = b"".join(chunks).partition(b"\r\n\r\n")
        if b" 200 " not in header.split(b"\r\n")[0]:
            raise RuntimeError(f"{path}: {header[:100]!r}")
        return body


@contextmanager
def exporter_process(which: str, url: str) -> Iterator[ExporterProcess]:
    """Run `ours` or the `baseline` on the pool at `url`, until it takes connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {
        **os.environ,
        "XO_EXPORTER_URL": url,
        "XO_EXPORTER_USERNAME": "root",
        "XO_EXPORTER_PASSWORD": "simulated",
    }
    commands = {
        "ours": ["-m", "xo_exporter", "serve", "--listen", f"127.0.0.1:{port}"],
        "baseline": [
            str(Path(__file__).parent / "baseline.py"),
            url,
            "root",
            "simulated",
            str(port),
        ],
    }
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *commands[which]], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            if process.poll() is not None:
                raise RuntimeError(f"{which} has ended")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.005)
        yield ExporterProcess(process, port, started)
    finally:
        process.terminate()
        process.wait(30)

"""The exporters under measurement, each in a process of its own."""

import ctypes
import gzip
import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from benchmarks.pool import PoolProcess
from xo_exporter.metrics.tables import COLLECTORS

Which = Literal["ours", "baseline", "all of ours"]
"""`ours` exports what the baseline does, `all of ours` what it does when nobody chooses."""

_COMPARED: Final = {"xo", "pool", "host", "host_load", "vm", "sr", "pbd", "vdi", "vbd"}
"""The collectors whose metrics the baseline has, too."""

_SCRAPE_TIMEOUT: Final = 120.0
_HEADERS: Final = {
    "X-Prometheus-Scrape-Timeout-Seconds": str(_SCRAPE_TIMEOUT),
    "Accept-Encoding": "gzip",
    "Accept": "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
}
"""As Prometheus 3 asks."""

_libc = ctypes.CDLL(None)


class ExporterProcess:
    """An exporter: `started` is when its process was, by time.perf_counter."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, started: float) -> None:
        self.port = port
        self.started = started
        self._process = process
        self._proc = Path(f"/proc/{process.pid}")
        clock = ctypes.c_int()
        if _libc.clock_getcpuclockid(process.pid, ctypes.byref(clock)) != 0:
            raise RuntimeError("the process is gone")
        self._clock = clock.value

    def cpu(self) -> float:
        """Seconds of CPU spent so far by all threads, in user and system mode."""
        return time.clock_gettime(self._clock)

    def peak_memory(self) -> float:
        """MiB at the most so far."""
        return self._status("VmHWM") / 1024

    def memory(self) -> float:
        """MiB now."""
        return self._status("VmRSS") / 1024

    def _status(self, name: str) -> int:
        found = re.search(rf"{name}:\s+(\d+)", (self._proc / "status").read_text("ascii"))
        return int(found[1]) if found else 0

    def descriptors(self) -> int:
        """Open files and sockets."""
        return sum(1 for _ in (self._proc / "fd").iterdir())

    def get(self, path: str = "/metrics") -> bytes:
        """The body at `path` as Prometheus gets it: compressed where the exporter can."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_SCRAPE_TIMEOUT)
        try:
            connection.request("GET", path, headers=_HEADERS)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{path}: HTTP status {answer.status}")
        return body


def collectors_of(which: Which) -> dict[str, bool]:
    """Our collectors, and whether they are on."""
    if which == "all of ours":
        return dict(COLLECTORS)
    return {name: name in _COMPARED for name in COLLECTORS}


def samples_of(body: bytes) -> dict[str, int]:
    """How many samples each metric of an exposition has; RuntimeError where it isn't complete."""
    text = (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode()
    counts: dict[str, int] = {}
    for line in text.splitlines():
        if line and line[0] != "#":
            name, brace, _ = line.partition("{")
            name = name if brace else line.partition(" ")[0]
            counts[name] = counts.get(name, 0) + 1
            if name in ("xo_up", "xo_host_rrd_up") and not line.endswith(" 1.0"):
                raise RuntimeError(f"a scrape is not complete: {line}")
    if not counts.get("xo_host_rrd_up"):
        raise RuntimeError("a scrape is not complete: there are no hosts in it")
    return counts


@contextmanager
def exporter_process(which: Which, pool: PoolProcess) -> Iterator[ExporterProcess]:
    """Run an exporter on the pool, until it takes connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {
        **{name: value for name, value in os.environ.items() if "XO_EXPORTER" not in name},
        "XO_EXPORTER_URL": pool.url,
        "XO_EXPORTER_USERNAME": "root",
        "XO_EXPORTER_PASSWORD": "simulated",
    }
    if pool.fingerprint:
        environment["XO_EXPORTER_FINGERPRINT_SHA256"] = pool.fingerprint
    serve = ["xo_exporter", "serve", "--listen", f"127.0.0.1:{port}"]
    off = [name for name, is_on in COLLECTORS.items() if is_on and not collectors_of("ours")[name]]
    commands = {
        "ours": [*serve, *(f"--no-collector.{name}" for name in off)],
        "all of ours": serve,
        "baseline": ["benchmarks.baseline", pool.url, "root", "simulated", str(port)],
    }
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *commands[which]],
        env=environment,
        cwd=Path(__file__).parents[1],
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_it_listens(process, port)
        yield ExporterProcess(process, port, started)
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"the exporter has ended: {process.args!r}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.005)
        else:
            return

"""The exporter that most people would write with the same packages, to compare with.

Each scrape reads every class whole by `get_all_records`, asks each host for its RRDs in turn,
builds `GaugeMetricFamily` objects and has prometheus_client render and compress them. It exports
the same metrics of the same objects, and is written as well as this way allows: the session is
kept, only live hosts are asked, templates and snapshots are left out as early as can be, and what
several metrics need is worked out once.

    python -m benchmarks.baseline URL USERNAME PASSWORD PORT
"""

import math
import ssl
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator

import XenAPI
from lxml import etree
from prometheus_client import (
    CollectorRegistry,
    Metric,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.registry import Collector

from benchmarks.baseline.estate import Estate, Tables, Values, families_of

CLASSES = (
    *("pool", "host", "host_metrics", "VM", "VM_metrics", "VM_guest_metrics"),
    *("SR", "PBD", "VDI", "VBD"),
)


class Pool(Collector):
    """Reads the pool anew on each scrape."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.scheme, _, address = url.partition("://")
        self.port = address.rsplit(":", 1)[1]
        # What most do about the hosts' own certificates.
        self.context = ssl._create_unverified_context()  # noqa: SLF001  as XenAPI does for itself
        self.session = XenAPI.Session(url, ignore_ssl=True)
        self.session.login_with_password(username, password, "1.0", "baseline")

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering does not scrape."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All families."""
        tables: Tables = {
            name: getattr(self.session.xenapi, name).get_all_records() for name in CLASSES
        }
        values: Values = {}
        ages: dict[str, float] = {}
        for host in tables["host"].values():
            metrics = tables["host_metrics"].get(host["metrics"])
            if metrics is not None and metrics["live"]:
                ages[host["uuid"]] = self.read_rrds(host["address"], values)
        yield from families_of(Estate(tables, values, ages))

    def read_rrds(self, address: str, values: Values) -> float:
        """Put the newest known values of a host into `values`; gives the newest row's age."""
        start = int(time.time()) - 20
        request = urllib.request.Request(
            f"{self.scheme}://{address}:{self.port}/rrd_updates"
            f"?start={start}&interval=5&cf=AVERAGE&host=true",
            headers={"Cookie": f"session_id={self.session.handle}", "Accept": "text/xml"},
        )
        context = self.context if self.scheme == "https" else None
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            root = etree.fromstring(answer.read())
        row = root.find("data/row")
        if row is None:
            return math.nan
        legend = [entry.text or "" for entry in root.iterfind("meta/legend/entry")]
        for entry, cell in zip(legend, row.iterfind("v"), strict=True):
            _, _, uuid, source = entry.split(":", 3)
            value = float(cell.text or "nan")
            if not math.isnan(value):
                values.setdefault(uuid, {})[source] = value
        return time.time() - float(row.findtext("t") or "nan")


def main() -> None:
    """Serve /metrics until the process is ended."""
    url, username, password, port = sys.argv[1:]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    registry.register(Pool(url, username, password))
    _, thread = start_http_server(int(port), "127.0.0.1", registry)
    thread.join()


if __name__ == "__main__":
    main()

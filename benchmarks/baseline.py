"""The exporter that most people would write with the same packages, to compare with.

Each scrape logs in, reads every class whole by `get_all_records`, asks each host for its RRDs in
turn, builds `GaugeMetricFamily` objects and renders them by prometheus_client. It exports the
same metrics of the same objects, and is written as well as this way allows: the session is kept,
only live hosts are asked, templates and snapshots are left out as early as can be.

    python benchmarks/baseline.py URL USERNAME PASSWORD PORT
"""

import math
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from typing import Any

import XenAPI
from lxml import etree
from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

CLASSES = (
    *("pool", "host", "host_metrics", "VM", "VM_metrics", "VM_guest_metrics"),
    *("SR", "PBD", "VDI", "VBD"),
)
NULL = "OpaqueRef:NULL"
BASE = ["uuid", "name_label", "pool", "container"]
Record = dict[str, Any]
Table = dict[str, Record]


class Families:
    """Families by name, made as samples come."""

    def __init__(self) -> None:
        self.by_name: dict[str, GaugeMetricFamily] = {}

    def add(self, name: str, value: Any, labels: dict[str, str]) -> None:
        """One sample; None and what is below 0 are left out."""
        if value is None or float(value) < 0:
            return
        family = self.by_name.get(name)
        if family is None:
            family = self.by_name[name] = GaugeMetricFamily(name, name, labels=list(labels))
        family.add_metric(list(labels.values()), float(value))


class Pool(Collector):
    """Reads the pool anew on each scrape."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url = url
        self.session = XenAPI.Session(url)
        self.session.login_with_password(username, password, "1.0", "baseline")

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering does not scrape."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All families."""
        tables: dict[str, Table] = {
            name: getattr(self.session.xenapi, name).get_all_records() for name in CLASSES
        }
        values = self.rrds(tables)
        families = Families()
        pool_record = next(iter(tables["pool"].values()))
        pool = pool_record["name_label"]
        families.add("xo_up", 1, {"pool": pool})
        self.hosts(tables, values, pool, families)
        self.vms(tables, values, pool, families)
        self.storage(tables, pool, families)
        yield from families.by_name.values()

    def rrds(self, tables: dict[str, Table]) -> dict[str, dict[str, float]]:
        """The newest values by owner and source, one host after the other."""
        values: dict[str, dict[str, float]] = {}
        port = self.url.rsplit(":", 1)[1]
        for host in tables["host"].values():
            metrics = tables["host_metrics"].get(host["metrics"])
            if metrics is None or not metrics["live"]:
                continue
            start = int(time.time()) - 20
            request = urllib.request.Request(
                f"http://{host['address']}:{port}/rrd_updates"
                f"?start={start}&interval=5&cf=AVERAGE&host=true",
                headers={"Cookie": f"session_id={self.session.handle}", "Accept": "text/xml"},
            )
            with urllib.request.urlopen(request, timeout=10) as answer:
                root = etree.fromstring(answer.read())
            legend = [entry.text or "" for entry in root.iterfind("meta/legend/entry")]
            row = root.find("data/row")
            cells = [] if row is None else row.findall("v")
            for entry, cell in zip(legend, cells, strict=True):
                _, _, uuid, source = entry.split(":", 3)
                value = float(cell.text or "nan")
                if not math.isnan(value):
                    values.setdefault(uuid, {})[source] = value
        return values

    def cpus(
        self, families: Families, kind: str, labels: dict[str, str], found: dict[str, float]
    ) -> None:
        """Usage by core, and the mean."""
        cores = {name[3:]: value for name, value in found.items() if name[3:].isdecimal()}
        for core, value in cores.items():
            families.add(f"xo_{kind}_cpu_core_usage_ratio", value, {**labels, "core": core})
        mean = found.get("cpu_avg", found.get("cpu_usage"))
        if mean is None and cores:
            mean = sum(cores.values()) / len(cores)
        families.add(f"xo_{kind}_cpu_usage_ratio", mean, labels)

    def hosts(
        self,
        tables: dict[str, Table],
        values: dict[str, dict[str, float]],
        pool: str,
        families: Families,
    ) -> None:
        """Metrics of hosts."""
        for host in tables["host"].values():
            labels = {
                "uuid": host["uuid"],
                "name_label": host["name_label"],
                "pool": pool,
                "container": pool,
            }
            metrics = tables["host_metrics"][host["metrics"]]
            found = values.get(host["uuid"], {})
            size = int(metrics["memory_total"])
            families.add("xo_host_info", 1, {**labels, "address": host["address"]})
            families.add("xo_host_enabled", host["enabled"], labels)
            families.add("xo_host_cpus", host["cpu_info"]["cpu_count"], labels)
            families.add("xo_host_memory_size_bytes", size, labels)
            free = found.get("memory_free_kib")
            used = None if free is None else size - free * 1024
            families.add("xo_host_memory_usage_bytes", used, labels)
            for state in ("Running", "Halted"):
                present = (state == "Running") == metrics["live"]
                families.add("xo_host_power_state", present, {**labels, "power_state": state})
            self.cpus(families, "host", labels, found)
            families.add("xo_host_rrd_up", bool(found), labels)

    def vms(
        self,
        tables: dict[str, Table],
        values: dict[str, dict[str, float]],
        pool: str,
        families: Families,
    ) -> None:
        """Metrics of VMs and their VBDs."""
        for vm in tables["VM"].values():
            if vm["is_a_template"] or vm["is_a_snapshot"] or vm["is_control_domain"]:
                continue
            host = tables["host"].get(vm["resident_on"])
            labels = {
                "uuid": vm["uuid"],
                "name_label": vm["name_label"],
                "pool": pool,
                "container": host["name_label"] if host else pool,
            }
            guest = tables["VM_guest_metrics"].get(vm["guest_metrics"], {})
            metrics = tables["VM_metrics"].get(vm["metrics"], {})
            running = vm["power_state"] == "Running"
            found = values.get(vm["uuid"], {}) if running else {}
            info = {
                **labels,
                "name_description": vm["name_description"],
                "address": guest.get("networks", {}).get("0/ip", ""),
                "os_name": guest.get("os_version", {}).get("name", ""),
            }
            families.add("xo_vm_info", 1, info)
            for tag in vm["tags"]:
                families.add("xo_vm_tag_info", 1, {**labels, "tag": tag})
            size = metrics.get("memory_actual") if running else vm["memory_dynamic_max"]
            families.add("xo_vm_memory_size_bytes", size, labels)
            if "memory" in found and "memory_internal_free" in found:
                used = found["memory"] - found["memory_internal_free"] * 1024
                families.add("xo_vm_memory_usage_bytes", used, labels)
            for state in ("Running", "Paused", "Suspended", "Halted"):
                present = vm["power_state"] == state
                families.add("xo_vm_power_state", present, {**labels, "power_state": state})
            families.add("xo_vm_vcpus", vm["VCPUs_at_startup"], labels)
            families.add("xo_vm_vbds", len(vm["VBDs"]), labels)
            self.cpus(families, "vm", labels, found)
            for ref in vm["VBDs"]:
                vbd = tables["VBD"].get(ref)
                if vbd is None:
                    continue
                vdi = tables["VDI"].get(vbd["VDI"], {})
                vbd_labels = {
                    "uuid": vbd["uuid"],
                    "pool": pool,
                    "container": vm["name_label"],
                    "device": vbd["device"],
                }
                families.add("xo_vbd_attached", vbd["currently_attached"], vbd_labels)
                linked = {"vdi_uuid": vdi.get("uuid", ""), "vm_uuid": vm["uuid"]}
                families.add("xo_vbd_info", 1, {**vbd_labels, **linked})

    def storage(self, tables: dict[str, Table], pool: str, families: Families) -> None:
        """Metrics of SRs, PBDs and VDIs."""
        for sr in tables["SR"].values():
            labels = {
                "uuid": sr["uuid"],
                "name_label": sr["name_label"],
                "pool": pool,
                "container": pool,
            }
            families.add("xo_sr_info", 1, {**labels, "sr_type": sr["type"]})
            families.add("xo_sr_physical_usage_bytes", sr["physical_utilisation"], labels)
            families.add("xo_sr_usage_bytes", sr["virtual_allocation"], labels)
            families.add("xo_sr_size_bytes", sr["physical_size"], labels)
            families.add("xo_sr_vdis", len(sr["VDIs"]), labels)
            families.add("xo_sr_pbds", len(sr["PBDs"]), labels)
        for pbd in tables["PBD"].values():
            host, sr = tables["host"].get(pbd["host"], {}), tables["SR"].get(pbd["SR"], {})
            labels = {
                "uuid": pbd["uuid"],
                "pool": pool,
                "container": host.get("name_label", ""),
                "sr": sr.get("name_label", ""),
            }
            families.add("xo_pbd_attached", pbd["currently_attached"], labels)
            linked = {"host_uuid": host.get("uuid", ""), "sr_uuid": sr.get("uuid", "")}
            families.add("xo_pbd_info", 1, {**labels, **linked})
        for vdi in tables["VDI"].values():
            if vdi["is_a_snapshot"] or not vdi["managed"]:
                continue
            sr = tables["SR"].get(vdi["SR"], {})
            labels = {
                "uuid": vdi["uuid"],
                "name_label": vdi["name_label"],
                "pool": pool,
                "container": sr.get("name_label", ""),
            }
            families.add("xo_vdi_usage_bytes", vdi["physical_utilisation"], labels)
            families.add("xo_vdi_size_bytes", vdi["virtual_size"], labels)
            families.add("xo_vdi_info", 1, {**labels, "sr_uuid": sr.get("uuid", "")})


def main() -> None:
    """Serve /metrics until the process is ended."""
    url, username, password, port = sys.argv[1:]
    registry = CollectorRegistry()
    registry.register(Pool(url, username, password))
    _, thread = start_http_server(int(port), "127.0.0.1", registry)
    thread.join()


if __name__ == "__main__":
    main()

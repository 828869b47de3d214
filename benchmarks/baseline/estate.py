"""What the baseline exports of an estate, object by object."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily

from benchmarks.baseline.families import (
    Families,
    Record,
    cpu_usage,
    name_labels,
    used_memory,
)

NULL = "OpaqueRef:NULL"
Tables = dict[str, dict[str, Record]]
Values = dict[str, dict[str, float]]

HOST_SOURCES = {
    "memory_reclaimed": "xo_host_memory_reclaimed_bytes",
    "memory_reclaimed_max": "xo_host_memory_reclaimable_bytes",
    "loadavg": "xo_host_load_average",
    "hostload": "xo_host_load_ratio",
    "running_vcpus": "xo_host_running_vcpus",
    "running_domains": "xo_host_running_domains",
}
"""Data sources of hosts that are exported as they are."""


class Estate(NamedTuple):
    """All that was read: records by class, RRD values by UUID, ages of live hosts' RRDs."""

    tables: Tables
    values: Values
    ages: dict[str, float]


class Exporter:
    """Goes through an estate, object by object."""

    def __init__(self, estate: Estate) -> None:
        self.tables, self.values, self.ages = estate
        self.families = Families()
        self.add = self.families.add
        self.pool_record = next(iter(self.tables["pool"].values()))
        self.pool = self.pool_record["name_label"]
        self.guests = {
            ref: vm
            for ref, vm in self.tables["VM"].items()
            if not (vm["is_a_template"] or vm["is_a_snapshot"] or vm["is_control_domain"])
        }
        self.disks = {
            ref: vdi
            for ref, vdi in self.tables["VDI"].items()
            if vdi["managed"] and not vdi["is_a_snapshot"]
        }
        self.home = {ref: self.home_of(vm) for ref, vm in self.guests.items()}
        self.at_home: dict[str, list[Record]] = defaultdict(list)
        for ref, home in self.home.items():
            self.at_home[home].append(self.guests[ref])
        self.srs_at_home: dict[str, int] = defaultdict(int)
        for sr in self.tables["SR"].values():
            self.srs_at_home[self.sr_home(sr)] += 1
        self.memory_used = 0.0

    def sr_home(self, sr: Record) -> str:
        """The reference of the host of a local SR, else NULL."""
        if sr["shared"] or not sr["PBDs"]:
            return NULL
        return str(self.tables["PBD"].get(sr["PBDs"][0], {}).get("host", NULL))

    def home_of(self, vm: Record) -> str:
        """The host that a VM is on, or is tied to by a disk on local storage, else NULL."""
        if vm["resident_on"] in self.tables["host"]:
            return str(vm["resident_on"])
        for ref in vm["VBDs"]:
            vbd = self.tables["VBD"].get(ref)
            disk = self.disks.get(vbd["VDI"]) if vbd is not None and vbd["type"] != "CD" else None
            sr = self.tables["SR"].get(disk["SR"]) if disk is not None else None
            if sr is not None and not sr["shared"]:
                return self.sr_home(sr)
        return NULL

    def host_name(self, ref: str) -> str:
        """The value of the label `container`."""
        host = self.tables["host"].get(ref)
        return self.pool if host is None else str(host["name_label"])

    def export(self) -> None:
        """All objects, and the totals over them."""
        self.add("xo_up", 1, {"pool": self.pool})
        self.export_pool()
        for ref, host in self.tables["host"].items():
            self.export_host(ref, host)
        for ref, vm in self.guests.items():
            self.export_vm(ref, vm)
        for sr in self.tables["SR"].values():
            self.export_sr(sr)
        for pbd in self.tables["PBD"].values():
            self.export_pbd(pbd)
        for vdi in self.disks.values():
            self.export_vdi(vdi)
        hosts = self.tables["host"].values()
        metrics = self.tables["host_metrics"].values()
        running = [vm for vm in self.guests.values() if vm["power_state"] == "Running"]
        self.add("xo_pools", 1, {})
        self.add("xo_cpus", sum(int(host["cpu_info"]["cpu_count"]) for host in hosts), {})
        self.add("xo_running_vms", len(running), {})
        self.add("xo_vcpus", sum(int(vm["VCPUs_at_startup"]) for vm in running), {})
        self.add("xo_memory_size_bytes", sum(int(one["memory_total"]) for one in metrics), {})
        self.add("xo_memory_usage_bytes", self.memory_used, {})

    def export_pool(self) -> None:
        """Metrics of the pool."""
        record, tables = self.pool_record, self.tables
        labels = {"uuid": record["uuid"], "name_label": self.pool, "pool": self.pool}
        master = tables["host"].get(record["master"], {})
        default_sr = tables["SR"].get(record["default_SR"], {})
        more = {
            "name_description": record["name_description"],
            "master": master.get("name_label", ""),
            "master_uuid": master.get("uuid", ""),
            "default_sr": default_sr.get("name_label", ""),
            "default_sr_uuid": default_sr.get("uuid", ""),
        }
        states = [vm["power_state"] == "Running" for vm in self.guests.values()]
        nowhere = sum(1 for vm in self.at_home[NULL] if vm["power_state"] != "Running")
        self.add("xo_pool_info", 1, {**labels, **more})
        self.families.add_tags("pool", record, labels)
        shared = sum(1 for sr in tables["SR"].values() if sr["shared"])
        self.add("xo_pool_shared_srs", shared, labels)
        self.add("xo_pool_ha_enabled", record["ha_enabled"], labels)
        self.add("xo_pool_hosts", len(tables["host"]), labels)
        self.add("xo_pool_running_hosts", len(self.ages), labels)
        self.add("xo_pool_global_vms", nowhere, labels)
        self.add("xo_pool_running_vms", sum(states), labels)
        self.add("xo_pool_vms", len(states), labels)

    def export_host(self, ref: str, host: Record) -> None:
        """Metrics of a host and its control domain."""
        tables, add, pool = self.tables, self.add, self.pool
        labels = name_labels(host, pool, pool)
        metrics = tables["host_metrics"][host["metrics"]]
        controller = tables["VM"].get(host["control_domain"], {})
        version = host["software_version"]
        found = self.values.get(host["uuid"], {})
        info = {
            "name_description": host["name_description"],
            "address": host["address"],
            "hostname": host["hostname"],
            "iscsi_name": host["iscsi_iqn"],
            "controller_uuid": controller.get("uuid", ""),
            "pool_uuid": self.pool_record["uuid"],
            "product_brand": version.get("product_brand", ""),
            "product_version": version.get("product_version", ""),
            "xapi_version": version.get("xapi", ""),
            "xen_version": version.get("xen", ""),
        }
        add("xo_host_info", 1, {**labels, **info})
        self.families.add_tags("host", host, labels)
        add("xo_host_cpus", host["cpu_info"]["cpu_count"], labels)
        self.families.add_cpus("host", labels, found)
        for source, name in HOST_SOURCES.items():
            add(name, found.get(source), labels)
        add("xo_host_enabled", host["enabled"], labels)
        size = int(metrics["memory_total"])
        add("xo_host_memory_size_bytes", size, labels)
        free = found.get("memory_free_kib")
        used = size - (int(metrics["memory_free"]) if free is None else free * 1024)
        add("xo_host_memory_usage_bytes", used, labels)
        self.memory_used += used
        for state in ("Running", "Halted"):
            present = (state == "Running") == metrics["live"]
            add("xo_host_power_state", present, {**labels, "power_state": state})
        at_home = self.at_home[ref]
        running = [vm for vm in at_home if vm["power_state"] == "Running"]
        add("xo_host_srs", self.srs_at_home[ref], labels)
        add("xo_host_vms", len(at_home), labels)
        add("xo_host_running_vms", len(running), labels)
        add("xo_host_pbds", len(host["PBDs"]), labels)
        add("xo_host_vcpus", sum(int(vm["VCPUs_at_startup"]) for vm in running), labels)
        own = self.values.get(controller.get("uuid", ""), {})
        cores = {name: value for name, value in own.items() if name[3:].isdecimal()}
        add("xo_host_controller_cpu_usage_ratio", cpu_usage(own, cores), labels)
        domain = tables["VM_metrics"].get(controller.get("metrics", NULL), {})
        add("xo_host_controller_memory_size_bytes", domain.get("memory_actual"), labels)
        add("xo_host_controller_memory_usage_bytes", used_memory(own), labels)
        add("xo_host_rrd_up", host["uuid"] in self.ages, labels)
        add("xo_host_rrd_age_seconds", self.ages.get(host["uuid"]), labels)

    def export_vm(self, ref: str, vm: Record) -> None:
        """Metrics of a VM and its VBDs."""
        tables, add = self.tables, self.add
        home = tables["host"].get(self.home[ref])
        labels = name_labels(vm, self.pool, self.host_name(self.home[ref]))
        guest = tables["VM_guest_metrics"].get(vm["guest_metrics"], {})
        metrics = tables["VM_metrics"].get(vm["metrics"], {})
        system = guest.get("os_version", {})
        running = vm["power_state"] == "Running"
        found = self.values.get(vm["uuid"], {}) if running else {}
        info = {
            "name_description": vm["name_description"],
            "address": guest.get("networks", {}).get("0/ip", ""),
            "pool_uuid": self.pool_record["uuid"],
            "container_uuid": home["uuid"] if home is not None else self.pool_record["uuid"],
            "os_name": system.get("name", ""),
            "os_distro": system.get("distro", ""),
            "os_version": system.get("major", ""),
        }
        add("xo_vm_info", 1, {**labels, **info})
        self.families.add_tags("vm", vm, labels)
        size = metrics.get("memory_actual") if running else vm["memory_dynamic_max"]
        add("xo_vm_memory_size_bytes", size, labels)
        add("xo_vm_memory_usage_bytes", used_memory(found), labels)
        for state in ("Running", "Paused", "Suspended", "Halted"):
            present = vm["power_state"] == state
            add("xo_vm_power_state", present, {**labels, "power_state": state})
        add("xo_vm_vcpus", vm["VCPUs_at_startup"], labels)
        self.families.add_cpus("vm", labels, found)
        add("xo_vm_vbds", len(vm["VBDs"]), labels)
        for vbd_ref in vm["VBDs"]:
            vbd = tables["VBD"].get(vbd_ref)
            if vbd is not None:
                self.export_vbd(vbd, vm)

    def export_vbd(self, vbd: Record, vm: Record) -> None:
        """Metrics of a VBD of a VM."""
        vdi = self.disks.get(vbd["VDI"], {})
        labels = {
            "uuid": vbd["uuid"],
            "pool": self.pool,
            "container": vm["name_label"],
            "device": vbd["device"],
        }
        linked = {"vdi_uuid": vdi.get("uuid", ""), "vm_uuid": vm["uuid"]}
        self.add("xo_vbd_info", 1, {**labels, **linked})
        self.add("xo_vbd_attached", vbd["currently_attached"], labels)

    def export_sr(self, sr: Record) -> None:
        """Metrics of an SR."""
        home = self.sr_home(sr)
        labels = name_labels(sr, self.pool, self.host_name(home))
        container = self.tables["host"].get(home, self.pool_record)
        info = {
            "name_description": sr["name_description"],
            "sr_type": sr["type"],
            "shared": "true" if sr["shared"] else "false",
            "container_uuid": container["uuid"],
            "pool_uuid": self.pool_record["uuid"],
        }
        self.add("xo_sr_info", 1, {**labels, **info})
        self.families.add_tags("sr", sr, labels)
        self.add("xo_sr_physical_usage_bytes", sr["physical_utilisation"], labels)
        self.add("xo_sr_usage_bytes", sr["virtual_allocation"], labels)
        size = int(sr["physical_size"])
        self.add("xo_sr_size_bytes", size if size > 0 else None, labels)
        self.add("xo_sr_vdis", sum(1 for vdi in sr["VDIs"] if vdi in self.disks), labels)
        self.add("xo_sr_pbds", len(sr["PBDs"]), labels)

    def export_pbd(self, pbd: Record) -> None:
        """Metrics of a PBD."""
        host, sr = self.tables["host"].get(pbd["host"], {}), self.tables["SR"].get(pbd["SR"], {})
        labels = {
            "uuid": pbd["uuid"],
            "pool": self.pool,
            "container": host.get("name_label", ""),
            "sr": sr.get("name_label", ""),
        }
        linked = {"host_uuid": host.get("uuid", ""), "sr_uuid": sr.get("uuid", "")}
        self.add("xo_pbd_info", 1, {**labels, **linked})
        self.add("xo_pbd_attached", pbd["currently_attached"], labels)

    def export_vdi(self, vdi: Record) -> None:
        """Metrics of a disk."""
        sr = self.tables["SR"].get(vdi["SR"], {})
        labels = name_labels(vdi, self.pool, sr.get("name_label", ""))
        vbd = self.tables["VBD"].get(vdi["VBDs"][0], {}) if vdi["VBDs"] else {}
        info = {
            "name_description": vdi["name_description"],
            "sr_uuid": sr.get("uuid", ""),
            "vbd_uuid": vbd.get("uuid", ""),
        }
        self.add("xo_vdi_info", 1, {**labels, **info})
        self.add("xo_vdi_usage_bytes", vdi["physical_utilisation"], labels)
        self.add("xo_vdi_size_bytes", vdi["virtual_size"], labels)


def families_of(estate: Estate) -> Iterator[GaugeMetricFamily]:
    """All families."""
    exporter = Exporter(estate)
    exporter.export()
    yield from exporter.families.by_name.values()

"""The data sources of a VM or control domain that runs."""

import math
from collections.abc import Iterator

from xo_exporter.simulator import vm_extra_sources
from xo_exporter.simulator.database import Database
from xo_exporter.simulator.network_sources import vif_sources
from xo_exporter.simulator.schema import Record
from xo_exporter.simulator.sources import (
    KIB,
    Disk,
    Source,
    disks_of,
    gauge,
    generations,
    iostat,
    rate,
    whole,
)
from xo_exporter.simulator.waves import Wave, constant, flutter, key_of, load, mean, total


def vm_key(database: Database, vm: str) -> tuple[int, ...]:
    """Give numbers that change whenever a VM's sources may have changed."""
    record = database.tables["VM"][vm]
    objects = [("VM", vm), ("VM_metrics", record["metrics"])]
    objects.append(("VM_guest_metrics", record["guest_metrics"]))
    objects += [("VBD", vbd) for vbd in record["VBDs"]]
    objects += [("VIF", vif) for vif in record["VIFs"]]
    on_master = record["resident_on"] == database.master
    return (int(on_master), *generations(database, objects))


def vm_sources(database: Database, vm: str) -> list[Source]:
    """Give the sources of a VM or control domain that runs."""
    record = database.tables["VM"][vm]
    release = database.release
    metrics = database.get("VM_metrics", record["metrics"]) or {}
    count = int(metrics.get("VCPUs_number", "0")) or int(record["VCPUs_at_startup"])
    cpus = vm_cpus(database, record, count)
    sources = [rate(f"cpu{number}", wave) for number, wave in enumerate(cpus)]
    if release >= (24, 4):
        sources.append(rate("cpu_usage", mean(cpus)))
    elif release >= (23, 32):
        sources.append(rate("cpu_usage", _limited(total(cpus), 1.0)))
    sources += _memory_sources(database, record, metrics)
    sources += vif_sources(database, record)
    sources += vm_extra_sources.scheduling(database, record, cpus)
    sources += vm_extra_sources.numa(database, record, _memory(record, metrics), cpus)
    sources += vm_extra_sources.pvs_cache(record)
    for disk in disks_of(database, vm):
        sources += _disk_sources(database, disk)
    return sources


def vm_cpus(database: Database, record: Record, count: int) -> list[Wave]:
    """Give the load of each vCPU of a VM, 0 to 1; a few VMs are busy."""
    temper = key_of(database.seed, record["uuid"], "cpu")
    busy = 0.55 + temper % 40 / 100 if temper % 11 == 0 else 0.02 + temper % 25 / 100
    if record["power_state"] == "Paused":
        busy = 0.0
    keys = (key_of(database.seed, record["uuid"], "cpu", number) for number in range(count))
    return [load(key, busy * (0.6 + key % 80 / 100), 1.0) for key in keys]


def _limited(wave: Wave, most: float) -> Wave:
    def limited(t: int) -> float:
        value = wave(t)
        return value if value <= most else math.nan

    return limited


def _memory(record: Record, metrics: Record) -> float:
    return float(metrics.get("memory_actual", "0")) or float(record["memory_dynamic_max"])


def _memory_sources(database: Database, record: Record, metrics: Record) -> Iterator[Source]:
    if record["power_state"] == "Paused":
        # The balloon daemon has nothing to say of it: the columns stay, without values.
        for name in ("memory", "memory_target"):
            yield gauge(name, constant(math.nan))
        return
    actual = _memory(record, metrics)
    yield gauge("memory", constant(actual))
    yield gauge("memory_target", constant(float(record["memory_target"]) or actual))
    is_dom0 = bool(record["is_control_domain"])
    agent = database.get("VM_guest_metrics", record["guest_metrics"]) or {}
    has_agent = bool(agent.get("PV_drivers_detected"))
    if has_agent or (is_dom0 and database.release >= (23, 32)):
        key = key_of(database.seed, record["uuid"], "memory_internal_free")
        free = actual / KIB * (0.1 + key % 60 / 100)
        yield gauge("memory_internal_free", whole(flutter(key, free, 0.08)))


def _disk_sources(database: Database, disk: Disk) -> Iterator[Source]:
    key = key_of(database.seed, disk.sr_uuid, disk.device)
    for name, is_rate, wave in iostat(database, [disk], key):
        yield Source(f"vbd_{disk.device}_{name}", is_rate, wave)

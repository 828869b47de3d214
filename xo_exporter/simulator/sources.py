"""The data sources that a host samples: its own, and those of the VMs that run on it.

Names, units and the release that brought each are those of xcp-rrdd and its plugins; only sources
that are recorded without being asked for are here.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from xo_exporter.simulator.database import Database
from xo_exporter.simulator.schema import NULL, XAPI_VERSION, Record
from xo_exporter.simulator.waves import (
    Wave,
    constant,
    flutter,
    key_of,
    load,
    mean,
    remembered,
    scaled,
    steps,
    total,
)

KIB = 1024
MIB = 1024 * KIB


class Source(NamedTuple):
    """One data source; a rate needs two samples before it shows a value."""

    name: str
    is_rate: bool
    wave: Wave


def rate(name: str, wave: Wave) -> Source:
    """Make a source that counts something a second."""
    return Source(name, is_rate=True, wave=wave)


def gauge(name: str, wave: Wave) -> Source:
    """Make a source that shows a state."""
    return Source(name, is_rate=False, wave=wave)


def release_of(database: Database) -> tuple[int, int]:
    """Give the release of xapi that a database's pool runs."""
    return XAPI_VERSION[database.generation]


class Disk(NamedTuple):
    """The traffic of one plugged disk, in bytes a second, and its SR's UUID."""

    device: str
    sr_uuid: str
    read: Wave
    write: Wave


def host_key(database: Database, host: str) -> tuple[int, ...]:
    """Give numbers that change whenever the host's own sources may have changed."""
    record = database.tables["host"][host]
    objects = [("host", host), ("host_metrics", record["metrics"])]
    for vm in record["resident_VMs"]:
        objects.append(("VM", vm))
        vm_record = database.get("VM", vm)
        if vm_record is not None:
            objects.append(("VM_metrics", vm_record["metrics"]))
            objects += [("VBD", vbd) for vbd in vm_record["VBDs"]]
    objects += [("PIF", pif) for pif in record["PIFs"]]
    is_master = any(pool["master"] == host for pool in database.tables["pool"].values())
    return (int(is_master), *_generations(database, objects))


def vm_key(database: Database, vm: str) -> tuple[int, ...]:
    """Give numbers that change whenever a VM's sources may have changed."""
    record = database.tables["VM"][vm]
    objects = [("VM", vm), ("VM_metrics", record["metrics"])]
    objects.append(("VM_guest_metrics", record["guest_metrics"]))
    objects += [("VBD", vbd) for vbd in record["VBDs"]]
    objects += [("VIF", vif) for vif in record["VIFs"]]
    return tuple(_generations(database, objects))


def _generations(database: Database, objects: list[tuple[str, str]]) -> Iterator[int]:
    for cls, ref in objects:
        yield database.generation_of(cls, ref) if database.get(cls, ref) is not None else 0


def vm_sources(database: Database, vm: str) -> list[Source]:
    """Give the sources of a VM or control domain that runs."""
    record = database.tables["VM"][vm]
    release = release_of(database)
    metrics = database.get("VM_metrics", record["metrics"]) or {}
    count = int(metrics.get("VCPUs_number", "0")) or int(record["VCPUs_at_startup"])
    cpus = vm_cpus(database, record, count)
    sources = [rate(f"cpu{number}", wave) for number, wave in enumerate(cpus)]
    if release >= (24, 4):
        sources.append(rate("cpu_usage", mean(cpus)))
    elif release >= (23, 32):
        sources.append(rate("cpu_usage", _limited(total(cpus), 1.0)))
    sources += _memory_sources(database, record, metrics)
    sources += _vif_sources(database, record)
    for disk in disks_of(database, vm):
        sources += _disk_sources(database, disk)
    return sources


def vm_cpus(database: Database, record: Record, count: int) -> list[Wave]:
    """Give the load of each vCPU of a VM, 0 to 1; a few VMs are busy."""
    temper = key_of(database.seed, record["uuid"], "cpu")
    busy = 0.55 + temper % 40 / 100 if temper % 11 == 0 else 0.02 + temper % 25 / 100
    keys = (key_of(database.seed, record["uuid"], "cpu", number) for number in range(count))
    return [load(key, busy * (0.6 + key % 80 / 100), 1.0) for key in keys]


def _limited(wave: Wave, most: float) -> Wave:
    def limited(t: int) -> float:
        value = wave(t)
        return value if value <= most else math.nan

    return limited


def _memory_sources(database: Database, record: Record, metrics: Record) -> Iterator[Source]:
    if record["power_state"] == "Paused":
        return
    actual = float(metrics.get("memory_actual", "0")) or float(record["memory_dynamic_max"])
    yield gauge("memory", constant(actual))
    yield gauge("memory_target", constant(float(record["memory_target"]) or actual))
    is_dom0 = bool(record["is_control_domain"])
    has_agent = record["guest_metrics"] != NULL
    if has_agent or (is_dom0 and release_of(database) >= (23, 32)):
        key = key_of(database.seed, record["uuid"], "memory_internal_free")
        free = actual / KIB * (0.1 + key % 60 / 100)
        yield gauge("memory_internal_free", _whole(flutter(key, free, 0.08)))


def _whole(wave: Wave) -> Wave:
    return lambda t: float(int(wave(t)))


def _vif_sources(database: Database, record: Record) -> Iterator[Source]:
    for ref in record["VIFs"]:
        vif = database.get("VIF", ref)
        if vif is None or not vif["currently_attached"]:
            continue
        for direction in ("rx", "tx"):
            key = key_of(database.seed, vif["uuid"], direction)
            base = 400.0 * 10 ** (key % 1000 / 250)
            yield rate(f"vif_{vif['device']}_{direction}", load(key, base))


def disks_of(database: Database, vm: str) -> list[Disk]:
    """Give the plugged disks of a VM, CD drives left out."""
    disks = []
    for ref in database.tables["VM"][vm]["VBDs"]:
        vbd = database.get("VBD", ref)
        if vbd is None or vbd["type"] != "Disk" or not vbd["currently_attached"]:
            continue
        vdi = database.get("VDI", vbd["VDI"]) or {}
        sr = database.get("SR", vdi.get("SR", NULL)) or {}
        waves = []
        for direction in ("read", "write"):
            key = key_of(database.seed, vbd["uuid"], direction)
            waves.append(remembered(load(key, 900.0 * 10 ** (key % 1000 / 300))))
        disks.append(Disk(vbd["device"], sr.get("uuid", ""), waves[0], waves[1]))
    return disks


def _disk_sources(database: Database, disk: Disk) -> Iterator[Source]:
    key = key_of(database.seed, disk.sr_uuid, disk.device)
    for name, is_rate, wave in _iostat(database, [disk], key):
        yield Source(f"vbd_{disk.device}_{name}", is_rate, wave)


def _iostat(database: Database, disks: list[Disk], key: int) -> Iterator[Source]:
    # From 25.2 to 25.30 xcp-rrdd forgot to divide amounts by the five seconds they took.
    amount = 5.0 if (25, 2) <= release_of(database) < (25, 31) else 1.0
    read, write = disks[0].read, disks[0].write
    if len(disks) > 1:
        read = remembered(total([disk.read for disk in disks]))
        write = remembered(total([disk.write for disk in disks]))
    both = remembered(total([read, write]))
    request = float(4096 << key % 5)
    latency = 180.0 + key % 900
    yield rate("read", read)
    yield rate("write", write)
    yield gauge("read_latency", _whole(load(key + 1, latency * len(disks))))
    yield gauge("write_latency", _whole(load(key + 2, latency * 1.6 * len(disks))))
    for name, wave in (("read", read), ("write", write), ("total", both)):
        yield rate(f"io_throughput_{name}", scaled(wave, amount / MIB))
    for name, wave in (("read", read), ("write", write), ("total", both)):
        yield rate(f"iops_{name}", scaled(wave, amount / request))
    yield rate("iowait", scaled(both, amount * latency / 1e6 / request))
    yield gauge("inflight", steps(key + 3, 0.6, 2.0))
    yield gauge("latency", _whole(load(key + 4, latency * 1.3)))
    yield gauge("avgqu_sz", scaled(both, latency / 1e6 / request))


def used_memory(database: Database, host: str) -> int:
    """Give the bytes of a host's memory that are not free: its domains' and Xen's own."""
    record = database.tables["host"][host]
    used = int(record["memory_overhead"])
    for ref in record["resident_VMs"]:
        vm = database.get("VM", ref)
        if vm is not None:
            metrics = database.get("VM_metrics", vm["metrics"]) or {}
            actual = int(metrics.get("memory_actual", "0")) or int(vm["memory_dynamic_max"])
            used += max(0, actual) + max(0, int(vm["memory_overhead"]))
    return used


def host_sources(database: Database, host: str) -> list[Source]:
    """Give a host's own sources."""
    record = database.tables["host"][host]
    sources = list(_host_memory(database, host, record))
    sources += _host_cpu(database, record)
    sources += _pifs(database, record)
    sources += _host_storage(database, record)
    sources += _xapi(database, host, record)
    if release_of(database) >= (24, 20):
        key = key_of(database.seed, record["uuid"], "power")
        sources.append(gauge("DCMI-power-reading", _whole(load(key, 260.0 + key % 90))))
    return sources


def _host_memory(database: Database, host: str, record: Record) -> Iterator[Source]:
    metrics = database.get("host_metrics", record["metrics"]) or {}
    whole = max(0, int(metrics.get("memory_total", "0")))
    free = max(0, whole - used_memory(database, host))
    yield gauge("memory_reclaimed_max", constant(0.0))
    yield gauge("memory_reclaimed", constant(0.0))
    yield gauge("memory_total_kib", constant(float(whole // KIB)))
    yield gauge("memory_free_kib", constant(float(free // KIB)))


def _host_cpu(database: Database, record: Record) -> Iterator[Source]:
    count = int(record["cpu_info"].get("cpu_count", "0"))
    base = 0.15 + key_of(database.seed, record["uuid"]) % 40 / 100
    keys = [key_of(database.seed, record["uuid"], "cpu", number) for number in range(count)]
    cpus = [load(key, base * (0.7 + key % 60 / 100), 1.0) for key in keys]
    release = release_of(database)
    for number, wave in enumerate(cpus):
        yield rate(f"cpu{number}", wave)
    yield rate("cpu_avg", mean(cpus))
    yield gauge("loadavg", load(keys[0] if keys else 0, 0.6))
    vcpus, domains = _running(database, record)
    if release >= (23, 16):
        yield gauge("hostload", scaled(mean(cpus), 1.1))
    if release >= (24, 0):
        yield gauge("running_vcpus", _whole(scaled(mean(cpus), float(vcpus))))
        yield gauge("running_domains", constant(float(domains)))
    for number, wave in enumerate(cpus):
        yield from _power_states(number, keys[number], wave)


def _power_states(number: int, key: int, busy: Wave) -> Iterator[Source]:
    def idle(t: int) -> float:
        return 1.0 - busy(t)

    yield rate(f"cpu{number}-C0", busy)
    yield rate(f"cpu{number}-C1", scaled(idle, 0.3))
    yield rate(f"cpu{number}-C2", scaled(idle, 0.7))
    yield rate(f"cpu{number}-P0", scaled(busy, 0.8))
    yield rate(f"cpu{number}-P1", lambda t: 1.0 - 0.8 * busy(t))
    yield gauge(f"CPU{number}-avg-freq", flutter(key, 2400.0, 0.1))


def _running(database: Database, record: Record) -> tuple[int, int]:
    vcpus = domains = 0
    for ref in record["resident_VMs"]:
        vm = database.get("VM", ref)
        if vm is not None:
            domains += 1
            vcpus += int(vm["VCPUs_at_startup"])
    return vcpus, domains


def _pifs(database: Database, record: Record) -> Iterator[Source]:
    sums: dict[str, list[Wave]] = {"rx": [], "tx": []}
    rates: dict[tuple[str, str], Wave] = {}
    for ref in record["PIFs"]:
        pif = database.get("PIF", ref)
        if pif is not None and pif["physical"]:
            for direction in sums:
                key = key_of(database.seed, pif["uuid"], direction)
                base = 2e5 * 10 ** (key % 1000 / 600)
                rates[ref, direction] = load(key, base)
    for ref in record["PIFs"]:
        pif = database.get("PIF", ref)
        if pif is None or int(pif["VLAN"]) >= 0:
            continue
        for direction, summed in sums.items():
            wave = rates.get((ref, direction))
            if wave is None:
                slaves = [
                    rates[slave, direction]
                    for bond in pif["bond_master_of"]
                    for slave in (database.get("Bond", bond) or {}).get("slaves", ())
                    if (slave, direction) in rates
                ]
                wave = total(slaves)
            summed.append(wave)
            yield rate(f"pif_{pif['device']}_{direction}", wave)
    for direction, summed in sums.items():
        yield rate(f"pif_aggr_{direction}", total(summed))


def _host_storage(database: Database, record: Record) -> Iterator[Source]:
    by_sr: dict[str, list[Disk]] = {}
    for ref in record["resident_VMs"]:
        if database.get("VM", ref) is not None:
            for disk in disks_of(database, ref):
                by_sr.setdefault(disk.sr_uuid, []).append(disk)
    for sr_uuid, disks in by_sr.items():
        key = key_of(database.seed, record["uuid"], sr_uuid)
        for name, is_rate, wave in _iostat(database, disks, key):
            yield Source(f"{name}_{sr_uuid[:8]}", is_rate, wave)
    yield rate("Tapdisks_in_low_memory_mode", constant(0.0))


def _xapi(database: Database, host: str, record: Record) -> Iterator[Source]:
    key = key_of(database.seed, record["uuid"], "xapi")
    yield gauge("xapi_open_fds", steps(key, 58.0, 12.0))
    if any(pool["master"] == host for pool in database.tables["pool"].values()):
        yield gauge("pool_task_count", steps(key + 1, 1.0, 2.0))
        yield gauge("pool_session_count", steps(key + 2, 6.0, 3.0))
        if release_of(database) >= (23, 0):
            yield rate("pool_session_creation_rate", load(key + 3, 0.05))
    yield gauge("xapi_memory_usage_kib", _whole(flutter(key + 4, 24000.0, 0.1)))
    yield gauge("xapi_free_memory_kib", _whole(flutter(key + 5, 9000.0, 0.3)))
    yield gauge("xapi_live_memory_kib", _whole(flutter(key + 6, 14000.0, 0.1)))
    yield rate("xapi_allocation_kib", load(key + 7, 900.0))

"""The data sources of a host itself."""

from collections.abc import Iterator

from xo_exporter.simulator import host_extra_sources
from xo_exporter.simulator.database import Database
from xo_exporter.simulator.network_sources import pif_sources
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
from xo_exporter.simulator.waves import (
    Wave,
    constant,
    flutter,
    key_of,
    load,
    mean,
    scaled,
    steps,
)

_XENOPSD_KIB = {
    "vmsize": 291_000.0,
    "vmlck": 0.0,
    "vmpin": 0.0,
    "vmdata": 76_000.0,
    "vmstk": 132.0,
    "vmpte": 184.0,
    "rss": 38_000.0,
    "ocaml_total": 21_000.0,
    "ocaml_free": 6_000.0,
    "ocaml_maybe_live": 15_000.0,
    "mem_extra": 55_000.0,
}


_CALLERS = ("default", "xen-orchestra", "backup")
"""Groups of those who call XAPI, as an administrator has named them."""
_TOKENS = 1.6  # that a call costs


def host_key(database: Database, host: str) -> tuple[int, ...]:
    """Give numbers that change whenever the host's own sources may have changed."""
    record = database.tables["host"][host]
    objects = [("host", host), ("host_metrics", record["metrics"])]
    objects.append(("SR", record["local_cache_sr"]))
    for vm in record["resident_VMs"]:
        objects.append(("VM", vm))
        vm_record = database.get("VM", vm)
        if vm_record is not None:
            objects.append(("VM_metrics", vm_record["metrics"]))
            objects += [("VBD", vbd) for vbd in vm_record["VBDs"]]
    objects += [("PIF", pif) for pif in record["PIFs"]]
    objects += [("PGPU", gpu) for gpu in record["PGPUs"]]
    objects += [("pool", pool) for pool in database.tables["pool"]]
    is_master = database.master == host
    return (int(is_master), *generations(database, objects))


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
    sources += pif_sources(database, host)
    sources += _host_storage(database, record)
    sources += _cache(database, record)
    sources += _xapi(database, host, record)
    if database.release >= (24, 20):
        key = key_of(database.seed, record["uuid"], "power")
        sources.append(gauge("DCMI-power-reading", whole(load(key, 260.0 + key % 90))))
    sources += host_extra_sources.gpus(database, record)
    sources += host_extra_sources.high_availability(database, record)
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
    release = database.release
    for number, wave in enumerate(cpus):
        yield rate(f"cpu{number}", wave)
    yield rate("cpu_avg", mean(cpus))
    yield gauge("loadavg", load(keys[0] if keys else 0, 0.6))
    vcpus, domains = _running(database, record)
    if release >= (23, 16):
        yield gauge("hostload", scaled(mean(cpus), 1.1))
    if release >= (24, 0):
        yield gauge("running_vcpus", whole(scaled(mean(cpus), float(vcpus))))
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
        counts = database.release < (24, 12) or vm is None or vm["power_state"] == "Running"
        if vm is not None and counts:
            domains += 1
            vcpus += int(vm["VCPUs_at_startup"])
    return vcpus, domains


def _host_storage(database: Database, record: Record) -> Iterator[Source]:
    by_sr: dict[str, list[Disk]] = {}
    for ref in record["resident_VMs"]:
        if database.get("VM", ref) is not None:
            for disk in disks_of(database, ref):
                by_sr.setdefault(disk.sr_uuid, []).append(disk)
    for sr_uuid, disks in by_sr.items():
        key = key_of(database.seed, record["uuid"], sr_uuid)
        for name, is_rate, wave in iostat(database, disks, key):
            yield Source(f"{name}_{sr_uuid[:8]}", is_rate, wave)
    yield rate("Tapdisks_in_low_memory_mode", constant(0.0))


def _cache(database: Database, record: Record) -> Iterator[Source]:
    sr = database.get("SR", record["local_cache_sr"])
    if sr is None or not sr["local_cache_enabled"]:
        return
    key = key_of(database.seed, record["uuid"], "cache")
    yield gauge(f"sr_{sr['uuid']}_cache_size", whole(flutter(key, 3e9, 0.05)))
    yield gauge(f"sr_{sr['uuid']}_cache_hits", load(key + 1, 40.0))
    yield gauge(f"sr_{sr['uuid']}_cache_misses", load(key + 2, 4.0))


def _xenopsd(key: int) -> Iterator[Source]:
    for number, (name, size) in enumerate(_XENOPSD_KIB.items()):
        yield gauge(f"xenopsd-xc_{name}", whole(flutter(key + 10 + number, size, 0.02)))
    yield gauge("xenopsd-xc_threads", constant(19.0))
    yield gauge("xenopsd-xc_fdsize", constant(64.0))
    yield rate("xenopsd-xc_ocaml_allocation_rate", load(key + 30, 300.0))


def _xapi(database: Database, host: str, record: Record) -> Iterator[Source]:
    key = key_of(database.seed, record["uuid"], "xapi")
    yield gauge("xapi_open_fds", steps(key, 58.0, 12.0))
    if database.master == host:
        yield gauge("pool_task_count", lambda _t: float(len(database.tables["task"])))
        yield gauge("pool_session_count", steps(key + 2, 6.0, 3.0))
        if database.release >= (23, 0):
            yield rate("pool_session_creation_rate", load(key + 3, 0.05))
        if database.release >= (25, 31):
            yield rate("pool_vgpu_migration_rate", load(key + 31, 0.001))
    if database.release >= (23, 0):
        yield from _xenopsd(key)
    yield gauge("xapi_memory_usage_kib", whole(flutter(key + 4, 24000.0, 0.1)))
    yield gauge("xapi_free_memory_kib", whole(flutter(key + 5, 9000.0, 0.3)))
    yield gauge("xapi_live_memory_kib", whole(flutter(key + 6, 14000.0, 0.1)))
    yield rate("xapi_allocation_kib", load(key + 7, 900.0))
    if database.release >= (26, 17):
        for number, group in enumerate(_CALLERS):
            calls = load(key + 32 + number, 2.0)
            yield rate(f"group_{group}_calls", calls)
            yield rate(f"group_{group}_tokens", scaled(calls, _TOKENS))

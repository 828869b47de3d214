"""Every data source of hosts and control domains: its value, and what becomes of it."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import pytest

from tests.metrics.families import pool_families, table_families
from xo_exporter.exposition import Labels
from xo_exporter.metrics.left_out import OF_HOSTS
from xo_exporter.metrics.source import SourceTable
from xo_exporter.metrics.tables import COLLECTORS, OBJECT_TABLES
from xo_exporter.model.build import build
from xo_exporter.model.objects import Host, PoolModel
from xo_exporter.rrd.values import HostRrd
from xo_exporter.simulator import GENERATIONS, Generation
from xo_exporter.xapi.records import CLASSES, Records

EVERY: Final = dict.fromkeys(COLLECTORS, True)
COMMON: Final = {"uuid", "name_label", "pool", "container"}
KIB: Final = 1024
MIB: Final = 1024 * KIB

SSD: Final = "0f4e2c6b-6a5e-4bb6-8f9f-1d6c07d6a111"
NAS: Final = "5a5a5a5a-6a5e-4bb6-8f9f-1d6c07d6a222"
TWIN: Final = "77777777-6a5e-4bb6-8f9f-1d6c07d6a333"
OTHER_TWIN: Final = "77777777-ffff-4bb6-8f9f-1d6c07d6a444"

Samples = Mapping[str, float]


def records(xapi: str) -> Records:
    """Make a pool of one host, its control domain and four SRs."""
    srs = {SSD: "SSD", NAS: "disk", TWIN: "twin", OTHER_TWIN: "disk"}
    tables: dict[str, Any] = {
        "pool": {"p": {"uuid": "pool", "name_label": "Pool", "master": "h"}},
        "host": {
            "h": {
                "uuid": "host",
                "name_label": "Host",
                "metrics": "hm",
                "control_domain": "d",
                "cpu_info": {"cpu_count": "4"},
                "software_version": {"xapi": xapi},
            }
        },
        "host_metrics": {"hm": {"live": True}},
        "vm": {"d": {"uuid": "dom", "is_control_domain": True, "power_state": "Running"}},
        "sr": {uuid: {"uuid": uuid, "name_label": name} for uuid, name in srs.items()},
        "pbd": {uuid: {"uuid": uuid, "host": "h", "SR": uuid} for uuid in srs},
    }
    return msgspec.convert({name: tables.get(name, {}) for name in CLASSES}, Records, strict=False)


def samples(xapi: str, host: Samples, controller: Samples) -> Samples:
    """Give all samples of that pool, without the labels that all of an object have."""
    rrds = {"h": HostRrd.of({"host": host}, {"dom": controller}, 3.0)}
    found: dict[str, float] = {}
    for family in pool_families(build(records(xapi), rrds), "Pool", EVERY):
        for labels, value in family.samples:
            own = ", ".join(f'{name}="{text}"' for name, text in labels.pairs if name not in COMMON)
            found[f"{family.name}{{{own}}}" if own else family.name] = value
    return found


def further(xapi: str, host: Samples, controller: Samples) -> Samples:
    """Give the samples that are there for these values, and not, or others, without them."""
    without = samples(xapi, {}, {})
    with_them = samples(xapi, host, controller)
    return {name: value for name, value in with_them.items() if without.get(name) != value}


# Of each source: its name and a value, and what this is by metric and labels.
ROWS: Final[list[tuple[str, float, Samples]]] = [
    # Read by the model.
    (
        "cpu3",
        0.25,
        {'xo_host_cpu_core_usage_ratio{core="3"}': 0.25, "xo_host_cpu_usage_ratio": 0.25},
    ),
    ("cpu_avg", 0.5, {"xo_host_cpu_usage_ratio": 0.5}),
    ("memory_total_kib", 4.0, {"xo_host_memory_size_bytes": 4096}),
    # How busy it is.
    ("loadavg", 1.5, {"xo_host_load_average": 1.5}),
    ("hostload", 1.25, {"xo_host_load_ratio": 1.25}),
    ("running_vcpus", 12.0, {"xo_host_running_vcpus": 12}),
    ("running_domains", 3.0, {"xo_host_running_domains": 3}),
    ("memory_reclaimed", 4096.0, {"xo_host_memory_reclaimed_bytes": 4096}),
    ("memory_reclaimed_max", 8192.0, {"xo_host_memory_reclaimable_bytes": 8192}),
    # States of CPUs.
    ("cpu12-C6", 0.75, {'xo_host_cpu_core_c_state_ratio{core="12", state="C6"}': 0.75}),
    ("cpu0-P10", 0.25, {'xo_host_cpu_core_p_state_ratio{core="0", state="P10"}': 0.25}),
    ("CPU3-avg-freq", 2394.5, {'xo_host_cpu_core_frequency_hertz{core="3"}': 2394.5e6}),
    # Storage: bytes, operations, microseconds.
    ("read_0f4e2c6b", 512.0, {'xo_host_storage_read_bytes_per_second{sr="SSD"}': 512}),
    ("write_0f4e2c6b", 512.0, {'xo_host_storage_write_bytes_per_second{sr="SSD"}': 512}),
    (
        "io_throughput_read_0f4e2c6b",
        1.5,
        {'xo_host_storage_read_throughput_bytes_per_second{sr="SSD"}': 1.5 * MIB},
    ),
    (
        "io_throughput_write_0f4e2c6b",
        1.5,
        {'xo_host_storage_write_throughput_bytes_per_second{sr="SSD"}': 1.5 * MIB},
    ),
    ("io_throughput_total_0f4e2c6b", 3.0, {}),
    ("iops_read_0f4e2c6b", 10.0, {'xo_host_storage_read_operations_per_second{sr="SSD"}': 10}),
    ("iops_write_0f4e2c6b", 10.0, {'xo_host_storage_write_operations_per_second{sr="SSD"}': 10}),
    ("iops_total_0f4e2c6b", 20.0, {}),
    ("iowait_0f4e2c6b", 1.5, {'xo_host_storage_iowait_ratio{sr="SSD"}': 1.5}),
    ("read_latency_0f4e2c6b", 250.0, {'xo_host_storage_read_latency_seconds{sr="SSD"}': 250e-6}),
    ("write_latency_0f4e2c6b", 250.0, {'xo_host_storage_write_latency_seconds{sr="SSD"}': 250e-6}),
    ("latency_0f4e2c6b", 250.0, {'xo_host_storage_latency_seconds{sr="SSD"}': 250e-6}),
    ("inflight_0f4e2c6b", 2.0, {'xo_host_storage_inflight_operations{sr="SSD"}': 2}),
    ("avgqu_sz_0f4e2c6b", 0.5, {'xo_host_storage_queue_operations{sr="SSD"}': 0.5}),
    (f"sr_{SSD}_cache_size", 2e9, {'xo_host_storage_cache_size_bytes{sr="SSD"}': 2e9}),
    (f"sr_{SSD}_cache_hits", 4.5, {'xo_host_storage_cache_hits_per_second{sr="SSD"}': 4.5}),
    (f"sr_{SSD}_cache_misses", 1.5, {'xo_host_storage_cache_misses_per_second{sr="SSD"}': 1.5}),
    # A fifth of them, as if they were an amount of five seconds.
    ("Tapdisks_in_low_memory_mode", 0.4, {"xo_host_storage_low_memory_tapdisks": 2}),
    # An SR of a name that another has, and two whose UUIDs begin alike.
    ("read_5a5a5a5a", 512.0, {'xo_host_storage_read_bytes_per_second{sr="disk (5a5a5a5a)"}': 512}),
    ("read_77777777", 512.0, {"xo_host_storage_unresolved_srs": 1}),
    ("latency_12345678", 250.0, {"xo_host_storage_unresolved_srs": 1}),
    # Hardware: watts, bytes, milliwatts.
    ("DCMI-power-reading", 260.0, {"xo_host_power_watts": 260}),
    (
        "gpu_memory_free_0000/3b/00.0",
        1e9,
        {'xo_host_gpu_memory_free_bytes{pci="0000:3b:00.0"}': 1e9},
    ),
    (
        "gpu_memory_used_0000/3b/00.0",
        1e9,
        {'xo_host_gpu_memory_usage_bytes{pci="0000:3b:00.0"}': 1e9},
    ),
    (
        "gpu_power_usage_0000/3b/00.0",
        90_500.0,
        {'xo_host_gpu_power_watts{pci="0000:3b:00.0"}': 90.5},
    ),
    (
        "gpu_temperature_0000/3b/00.0",
        50.0,
        {'xo_host_gpu_temperature_celsius{pci="0000:3b:00.0"}': 50},
    ),
    (
        "gpu_utilisation_compute_00000000/af/00.0",
        0.5,
        {'xo_host_gpu_compute_usage_ratio{pci="00000000:af:00.0"}': 0.5},
    ),
    (
        "gpu_utilisation_memory_io_0000/3b/00.0",
        0.5,
        {'xo_host_gpu_memory_io_usage_ratio{pci="0000:3b:00.0"}': 0.5},
    ),
    # High availability.
    (
        "statefile/0/latency",
        0.0125,
        {'xo_host_ha_statefile_latency_seconds{statefile="0"}': 0.0125},
    ),
    ("network/latency", 1.5, {"xo_host_ha_heartbeat_interval_seconds": 1.5}),
    ("xapi_healthcheck/latency", 0.25, {"xo_host_ha_healthcheck_latency_seconds": 0.25}),
    # XAPI: words of 64 bits, counted as KiB of words of 32 bits.
    ("xapi_memory_usage_kib", 3.0, {"xo_host_xapi_heap_size_bytes": 3 * 2 * KIB}),
    ("xapi_free_memory_kib", 3.0, {"xo_host_xapi_heap_free_bytes": 3 * 2 * KIB}),
    ("xapi_live_memory_kib", 3.0, {"xo_host_xapi_heap_live_bytes": 3 * 2 * KIB}),
    ("xapi_allocation_kib", 3.0, {"xo_host_xapi_allocation_bytes_per_second": 3 * 2 * KIB}),
    ("xapi_open_fds", 58.0, {"xo_host_xapi_open_fds": 58}),
    ("pool_session_count", 7.0, {"xo_pool_xapi_sessions": 7}),
    ("pool_session_creation_rate", 0.5, {"xo_pool_xapi_session_creations_per_second": 0.5}),
    ("pool_task_count", 2.0, {"xo_pool_xapi_tasks": 2}),
    ("pool_vgpu_migration_rate", 0.2, {"xo_pool_vgpu_migrations_per_second": 0.2}),
    ("group_a_b c_calls", 1.5, {'xo_host_xapi_group_calls_per_second{group="a_b c"}': 1.5}),
    ("group_a_b c_tokens", 3.0, {'xo_host_xapi_group_tokens_per_second{group="a_b c"}': 3}),
    # xenopsd, whatever its program is called.
    ("xenopsd-xc_vmsize", 3.0, {"xo_host_xenopsd_virtual_memory_bytes": 3 * KIB}),
    ("xenopsd_vmsize", 3.0, {"xo_host_xenopsd_virtual_memory_bytes": 3 * KIB}),
    ("xenopsd-xc_vmlck", 3.0, {"xo_host_xenopsd_locked_memory_bytes": 3 * KIB}),
    ("xenopsd-xc_vmpin", 3.0, {"xo_host_xenopsd_pinned_memory_bytes": 3 * KIB}),
    ("xenopsd-xc_vmdata", 3.0, {"xo_host_xenopsd_data_memory_bytes": 3 * KIB}),
    ("xenopsd-xc_vmstk", 3.0, {"xo_host_xenopsd_stack_memory_bytes": 3 * KIB}),
    ("xenopsd-xc_vmpte", 3.0, {"xo_host_xenopsd_page_table_memory_bytes": 3 * KIB}),
    ("xenopsd-xc_rss", 3.0, {"xo_host_xenopsd_resident_memory_bytes": 3 * KIB}),
    ("xenopsd-xc_mem_extra", 3.0, {"xo_host_xenopsd_other_memory_bytes": 3 * KIB}),
    ("xenopsd-xc_ocaml_total", 3.0, {"xo_host_xenopsd_heap_size_bytes": 3 * KIB}),
    ("xenopsd-xc_ocaml_free", 3.0, {"xo_host_xenopsd_heap_free_bytes": 3 * KIB}),
    ("xenopsd-xc_ocaml_maybe_live", 3.0, {"xo_host_xenopsd_heap_live_bytes": 3 * KIB}),
    (
        "xenopsd-xc_ocaml_allocation_rate",
        3.0,
        {"xo_host_xenopsd_allocation_bytes_per_second": 3 * KIB},
    ),
    ("xenopsd-xc_threads", 19.0, {"xo_host_xenopsd_threads": 19}),
    ("xenopsd-xc_fdsize", 64.0, {"xo_host_xenopsd_fd_table_size": 64}),
]

CONTROLLER_ROWS: Final[list[tuple[str, float, Samples]]] = [
    (
        "cpu0",
        0.25,
        {
            'xo_host_controller_cpu_core_usage_ratio{core="0"}': 0.25,
            "xo_host_controller_cpu_usage_ratio": 0.25,
        },
    ),
    (
        "cpu15",
        0.5,
        {
            'xo_host_controller_cpu_core_usage_ratio{core="15"}': 0.5,
            "xo_host_controller_cpu_usage_ratio": 0.5,
        },
    ),
    ("cpu_usage", 0.5, {"xo_host_controller_cpu_usage_ratio": 0.5}),
    ("memory_target", 4096.0, {"xo_host_controller_memory_target_bytes": 4096}),
]


@pytest.mark.parametrize(("source", "value", "wanted"), ROWS)
def test_host(source: str, value: float, wanted: Samples) -> None:
    """A source of a host becomes this sample, in base units, and no other."""
    assert further("26.17.0", {source: value}, {}) == pytest.approx(dict(wanted))


@pytest.mark.parametrize(("source", "value", "wanted"), CONTROLLER_ROWS)
def test_controller(source: str, value: float, wanted: Samples) -> None:
    """A source of a control domain becomes this sample of its host, and no other."""
    assert further("26.17.0", {}, {source: value}) == pytest.approx(dict(wanted))


def test_sources_that_say_something_together() -> None:
    """Used memory is worked out from two sources, of a host and of its control domain."""
    host = {"memory_total_kib": 4.0, "memory_free_kib": 1.0}
    found = further("26.17.0", host, {"memory": 4096.0, "memory_internal_free": 1.0})
    assert found["xo_host_memory_usage_bytes"] == 3 * KIB
    assert found["xo_host_controller_memory_usage_bytes"] == 3 * KIB


@pytest.mark.parametrize(
    ("source", "metric"),
    [
        ("io_throughput_read", "read_throughput_bytes_per_second"),
        ("io_throughput_write", "write_throughput_bytes_per_second"),
        ("iops_read", "read_operations_per_second"),
        ("iops_write", "write_operations_per_second"),
        ("iowait", "iowait_ratio"),
    ],
)
@pytest.mark.parametrize(("xapi", "factor"), [("1.249.41", 1), ("25.6.0", 0.2), ("25.31.0", 1)])
def test_amounts(source: str, metric: str, xapi: str, factor: float) -> None:
    """An amount that the host's xapi has five-fold is divided by five; others are not."""
    unit = MIB if source.startswith("io_throughput") else 1
    wanted = {f'xo_host_storage_{metric}{{sr="SSD"}}': 10.0 * unit * factor}
    assert further(xapi, {f"{source}_0f4e2c6b": 10.0}, {}) == pytest.approx(wanted)


@pytest.mark.parametrize("xapi", ["25.2.0", "25.6.0", "25.30.0"])
def test_rates_and_states_have_not_that_error(xapi: str) -> None:
    """What is no amount stands as it is in every build."""
    values = {"read_0f4e2c6b": 10.0, "inflight_0f4e2c6b": 2.0, "latency_0f4e2c6b": 5.0}
    assert further(xapi, values, {}) == further("26.17.0", values, {})


@pytest.mark.parametrize(("xapi", "said"), [("24.19.2", 0.4), ("25.6.0", 2.0), ("25.31.0", 0.4)])
def test_tapdisks(xapi: str, said: float) -> None:
    """The number of tapdisks is divided by five seconds, but where amounts are five-fold."""
    found = further(xapi, {"Tapdisks_in_low_memory_mode": said}, {})
    assert found == {"xo_host_storage_low_memory_tapdisks": pytest.approx(2)}


def test_sources_that_are_no_ones() -> None:
    """What only looks like a source of storage, of a CPU or of a process is left alone."""
    names = (
        *("read_0F4E2C6", "read_0f4e2c6bb", "xread_0f4e2c6b", "latency_read_0f4e2c6b"),
        *("cpu0-X1", "cpu-C1", "cpu01-C1", "CPU0-max-freq", "sr_0f4e2c6b_cache_size"),
        *("xenopsd-xc_swap", "group_x_errors", "gpu_fan_0000/3b/00.0", "disk/latency"),
        *("late_source", "loadavg ", "pool_session_counts"),
    )
    assert further("26.17.0", dict.fromkeys(names, 1.0), {}) == {}


LEFT_OUT: Final = re.compile("|".join(one.pattern for one in OF_HOSTS))
BY_THE_MODEL: Final = re.compile(r"cpu[0-9]+|cpu_avg|memory_total_kib|memory_free_kib")

# The hosts of a Citrix Hypervisor 8.2 pool name these.
REAL: Final = (
    "Tapdisks_in_low_memory_mode",
    "cpu0",
    "cpu0-C0",
    "cpu0-C1",
    "cpu_avg",
    "loadavg",
    "memory_free_kib",
    "memory_reclaimed",
    "memory_reclaimed_max",
    "memory_total_kib",
    "pif_aggr_rx",
    "pif_aggr_tx",
    "pif_eth0_rx",
    "pif_eth0_tx",
    "pif_eth1_rx",
    "pif_eth1_tx",
    "pool_session_count",
    "pool_task_count",
    "sr_0f4e2c6b-6a5e-4bb6-8f9f-1d6c07d6a111_cache_hits",
    "sr_0f4e2c6b-6a5e-4bb6-8f9f-1d6c07d6a111_cache_misses",
    "sr_0f4e2c6b-6a5e-4bb6-8f9f-1d6c07d6a111_cache_size",
    "xapi_allocation_kib",
    "xapi_free_memory_kib",
    "xapi_live_memory_kib",
    "xapi_memory_usage_kib",
    "xapi_open_fds",
)


def taken(model: PoolModel, host: Host) -> set[str]:
    """Give the names of a host's own data sources that become series."""
    return {
        host.values.sources.names[series.place]
        for table in OBJECT_TABLES
        if isinstance(table, SourceTable)
        for thing in table.objects(model)
        if table.values(thing) is host.values
        for series in table.series(thing, Labels(()), table.taken(host.values.sources))
    }


def not_exported(model: PoolModel) -> set[str]:
    """Give the sources of a pool's hosts that are neither exported nor left out for a reason."""
    return {
        name
        for host in model.hosts
        for name in {*host.values.sources.names} - taken(model, host)
        if not BY_THE_MODEL.fullmatch(name) and not LEFT_OUT.fullmatch(name)
    }


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_source_of_simulated_hosts(
    generation: Generation, estate_of: Callable[[Generation], PoolModel]
) -> None:
    """Of all that the hosts of a generation say, nothing is forgotten."""
    model = estate_of(generation)
    assert all(len(host.values.sources.names) > 60 for host in model.hosts)
    assert not_exported(model) == set()


def test_every_source_of_a_real_host() -> None:
    """Of all that a real host said, nothing is forgotten."""
    rrds = {"h": HostRrd.of({"host": dict.fromkeys(REAL, 1.0)}, {}, 3.0)}
    assert not_exported(build(records("1.249.41"), rrds)) == set()


def test_a_host_without_rrds() -> None:
    """Of a host whose RRDs could not be read there is no sample that they would have given."""
    model = build(records("26.17.0"), {"h": None})
    collectors = ("host_load", "cpu_states", "host_storage", "host_hardware", "host_ha")
    further_collectors = ("host_clock", "xapi", "xenopsd")
    wanted = (*collectors, *further_collectors)
    tables = [table for table in OBJECT_TABLES if table.collector in wanted]
    families = table_families(tables, model, "Pool")
    assert len(families) > 50
    assert not any(family.samples for family in families)


def test_the_pools_own_are_the_masters() -> None:
    """Sessions and tasks are the pool's, whichever host is the master: one that was counts not."""
    given = msgspec.to_builtins(records("26.17.0"))
    given["host"]["i"] = {**given["host"]["h"], "uuid": "other"}
    pool = msgspec.convert(given, Records, strict=False)
    of_hosts = {
        ref: HostRrd.of({uuid: {"pool_session_count": value}}, {}, 3.0)
        for ref, uuid, value in (("h", "host", 7.0), ("i", "other", 3.0))
    }
    (family,) = (
        family
        for family in pool_families(build(pool, of_hosts), "Pool", EVERY)
        if family.name == "xo_pool_xapi_sessions"
    )
    ((labels, value),) = family.samples
    assert dict(labels.pairs) == {"uuid": "pool", "name_label": "Pool", "pool": "Pool"}
    assert value == 7


def test_clock_and_vcpus(full: PoolModel) -> None:
    """A host's clock, as the reader has measured it, and the vCPUs of its control domain."""
    values = {
        family.name: [value for _, value in family.samples]
        for family in pool_families(full, "Pool", EVERY)
    }
    assert values["xo_host_clock_offset_seconds"] == [0.25]
    assert values["xo_host_controller_vcpus"] == [4]

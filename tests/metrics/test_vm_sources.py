"""Every data source of VMs: its value, and what becomes of it."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import pytest

from tests.metrics.families import pool_families, table_families
from xo_exporter.exposition import Labels
from xo_exporter.metrics.left_out import OF_VMS
from xo_exporter.metrics.source import SourceTable
from xo_exporter.metrics.tables import COLLECTORS, OBJECT_TABLES
from xo_exporter.model.build import build
from xo_exporter.model.objects import VM, PoolModel
from xo_exporter.rrd.values import HostRrd
from xo_exporter.simulator import GENERATIONS, Generation
from xo_exporter.xapi.records import CLASSES, Records

EVERY: Final = dict.fromkeys(COLLECTORS, True)
COMMON: Final = {"uuid", "name_label", "pool", "container"}
MIB: Final = 1024 * 1024

Samples = Mapping[str, float]


def records(xapi: str, xapi_of_other: str = "26.17.0") -> Records:
    """Make a pool of two hosts, with a VM on the first that has disks, a drive and a NIC."""
    tables: dict[str, Any] = {
        "pool": {"p": {"uuid": "pool", "name_label": "Pool", "master": "h"}},
        "host": {
            "h": {"uuid": "host", "metrics": "hm", "software_version": {"xapi": xapi}},
            "o": {"uuid": "other", "metrics": "hm", "software_version": {"xapi": xapi_of_other}},
        },
        "host_metrics": {"hm": {"live": True}},
        "vm": {
            "v": {
                "uuid": "vm",
                "power_state": "Running",
                "resident_on": "h",
                "VCPUs_at_startup": "2",
            }
        },
        "sr": {"s": {"uuid": "sr", "name_label": "SSD"}},
        "vdi": {
            "d": {"uuid": "disk", "name_label": "root", "SR": "s"},
            "e": {"uuid": "other disk", "name_label": "data", "SR": "s"},
            "f": {"uuid": "third disk", "name_label": "old", "SR": "gone"},
        },
        "vbd": {
            "a": {"VM": "v", "VDI": "f", "device": "xvda", "currently_attached": False},
            "b": {"VM": "v", "VDI": "d", "device": "xvda", "currently_attached": True},
            "c": {"VM": "v", "VDI": "e", "device": "nvme0n1", "currently_attached": True},
            "e": {"VM": "v", "VDI": "f", "device": "hdd", "currently_attached": True},
            "u": {"VM": "v", "VDI": "e", "device": "xvdu", "currently_attached": False},
            "f": {"VM": "v", "device": "xvdd", "type": "CD", "currently_attached": True},
        },
        "network": {"n": {"uuid": "network", "name_label": "LAN"}},
        "vif": {"i": {"uuid": "vif", "VM": "v", "network": "n", "device": "0"}},
    }
    whole = {
        name: {ref: {"uuid": ref, **fields} for ref, fields in tables.get(name, {}).items()}
        for name in CLASSES
    }
    return msgspec.convert(whole, Records, strict=False)


def samples(xapi: str, values: Samples, of_other: Samples | None = None) -> Samples:
    """Give all samples of the VM, without the labels that all of it have."""
    rrds = {
        "h": HostRrd.of({}, {"vm": values} if of_other is None else {}, 3.0),
        "o": HostRrd.of({}, {"vm": of_other} if of_other else {}, 3.0),
    }
    found: dict[str, float] = {}
    for family in pool_families(build(records(xapi), rrds), "Pool", EVERY):
        for labels, value in family.samples:
            own = ", ".join(f'{name}="{text}"' for name, text in labels.pairs if name not in COMMON)
            found[f"{family.name}{{{own}}}" if own else family.name] = value
    return found


def further(xapi: str, values: Samples, of_other: Samples | None = None) -> Samples:
    """Give the samples that are there for these values, and not, or others, without them."""
    without = samples(xapi, {})
    with_them = samples(xapi, values, of_other)
    return {
        name: value
        for name, value in with_them.items()
        if name.startswith("xo_vm_") and without.get(name) != value
    }


DISK: Final = '{device="xvda", sr="SSD", vdi="root"}'

# Of each source: its name and a value, and what this is by metric and labels.
ROWS: Final[list[tuple[str, float, Samples]]] = [
    ("cpu1", 0.25, {'xo_vm_cpu_core_usage_ratio{core="1"}': 0.25, "xo_vm_cpu_usage_ratio": 0.25}),
    ("cpu_usage", 0.5, {"xo_vm_cpu_usage_ratio": 0.5}),
    # Memory: bytes, and KiB of what the guest agent says.
    ("memory", 4096.0, {"xo_vm_memory_allocated_bytes": 4096}),
    ("memory_target", 8192.0, {"xo_vm_memory_target_bytes": 8192}),
    ("memory_internal_free", 2.0, {"xo_vm_memory_free_bytes": 2048}),
    # Disks: bytes, operations, microseconds, mebibytes.
    ("vbd_xvda_read", 512.0, {f"xo_vm_disk_read_bytes_per_second{DISK}": 512}),
    ("vbd_xvda_write", 256.0, {f"xo_vm_disk_write_bytes_per_second{DISK}": 256}),
    ("vbd_xvda_iops_read", 10.0, {f"xo_vm_disk_read_operations_per_second{DISK}": 10}),
    ("vbd_xvda_iops_write", 10.0, {f"xo_vm_disk_write_operations_per_second{DISK}": 10}),
    ("vbd_xvda_iops_total", 20.0, {}),
    ("vbd_xvda_read_latency", 250.0, {f"xo_vm_disk_read_latency_seconds{DISK}": 0.00025}),
    ("vbd_xvda_write_latency", 0.0, {f"xo_vm_disk_write_latency_seconds{DISK}": 0}),
    ("vbd_xvda_latency", 2e6, {f"xo_vm_disk_latency_seconds{DISK}": 2}),
    ("vbd_xvda_iowait", 1.5, {f"xo_vm_disk_iowait_ratio{DISK}": 1.5}),
    ("vbd_xvda_inflight", 3.0, {f"xo_vm_disk_inflight_operations{DISK}": 3}),
    ("vbd_xvda_avgqu_sz", 0.5, {f"xo_vm_disk_queue_operations{DISK}": 0.5}),
    (
        "vbd_xvda_io_throughput_read",
        1.5,
        {f"xo_vm_disk_read_throughput_bytes_per_second{DISK}": 1.5 * MIB},
    ),
    (
        "vbd_xvda_io_throughput_write",
        1.5,
        {f"xo_vm_disk_write_throughput_bytes_per_second{DISK}": 1.5 * MIB},
    ),
    ("vbd_xvda_io_throughput_total", 3.0, {}),
    # Disks of any name: of another VBD, without an SR, of a drive, of no VBD at all.
    (
        "vbd_nvme0n1_read",
        1.0,
        {'xo_vm_disk_read_bytes_per_second{device="nvme0n1", sr="SSD", vdi="data"}': 1},
    ),
    ("vbd_hdd_read", 1.0, {'xo_vm_disk_read_bytes_per_second{device="hdd", vdi="old"}': 1}),
    ("vbd_xvdd_read", 1.0, {'xo_vm_disk_read_bytes_per_second{device="xvdd"}': 1}),
    ("vbd_xvdaa_read", 1.0, {'xo_vm_disk_read_bytes_per_second{device="xvdaa"}': 1}),
    # What is recorded only where somebody has asked for it.
    *(
        (f"runstate_{state}", 0.25, {f'xo_vm_runstate_ratio{{state="{state}"}}': 0.25})
        for state in (
            *("fullrun", "full_contention", "concurrency_hazard"),
            *("blocked", "partial_run", "partial_contention"),
        )
    ),
    ("runnable_any", 0.5, {"xo_vm_runnable_any_ratio": 0.5}),
    ("runnable_vcpus", 0.125, {"xo_vm_runnable_vcpus_ratio": 0.125}),
    ("numa_node_nonaffine_vcpus", 0.5, {"xo_vm_numa_nonaffine_vcpus_ratio": 0.5}),
    ("numa_nodes", 2.0, {"xo_vm_numa_nodes": 2}),
    ("memory_numa_node_1", 4096.0, {'xo_vm_numa_memory_bytes{node="1"}': 4096}),
    ("pvscache_status", 2.0, {"xo_vm_pvs_cache_status": 2}),
]


@pytest.mark.parametrize(("source", "value", "wanted"), ROWS)
def test_vm(source: str, value: float, wanted: Samples) -> None:
    """A source of a VM becomes this sample, in base units, and no other."""
    assert further("26.17.0", {source: value}) == pytest.approx(dict(wanted))


AMOUNTS: Final = [
    ("io_throughput_read", "read_throughput_bytes_per_second"),
    ("io_throughput_write", "write_throughput_bytes_per_second"),
    ("iops_read", "read_operations_per_second"),
    ("iops_write", "write_operations_per_second"),
    ("iowait", "iowait_ratio"),
]


@pytest.mark.parametrize(("source", "metric"), AMOUNTS)
@pytest.mark.parametrize(
    ("xapi", "factor"),
    [("1.249.41", 1), ("25.1.0", 1), ("25.2.0", 0.2), ("25.30.0", 0.2), ("25.31.0", 1), ("", 1)],
)
def test_amounts(source: str, metric: str, xapi: str, factor: float) -> None:
    """An amount that the host's xapi has five-fold is divided by five; others are not."""
    unit = MIB if source.startswith("io_throughput") else 1
    wanted = {f"xo_vm_disk_{metric}{DISK}": 10.0 * unit * factor}
    assert further(xapi, {f"vbd_xvda_{source}": 10.0}) == pytest.approx(wanted)


@pytest.mark.parametrize("xapi", ["25.2.0", "25.6.0", "25.30.0"])
def test_rates_and_states_have_not_that_error(xapi: str) -> None:
    """What is no amount stands as it is in every build."""
    names = ("read", "write", "read_latency", "write_latency", "latency", "inflight", "avgqu_sz")
    values = {f"vbd_xvda_{name}": 10.0 for name in names}
    assert further(xapi, values) == further("26.17.0", values)


def test_amounts_of_a_vm_that_moves() -> None:
    """Where another host still has the values, it is that host's xapi that counts."""
    found = further("25.6.0", {}, of_other={"vbd_xvda_iops_read": 10.0})
    assert found == {f"xo_vm_disk_read_operations_per_second{DISK}": 10}


def test_disks_that_are_unplugged() -> None:
    """What a host still says of a disk that is not plugged in is its last value, and left out."""
    assert further("24.35.0", {"vbd_xvdu_read": 4096.0, "vbd_xvdu_iops_read": 2.0}) == {}


def test_sources_that_are_no_ones() -> None:
    """What only looks like a source of a disk, of memory or of a state is left alone."""
    names = (
        *("vbd__read", "vbd_xvda_reads", "xvbd_xvda_read", "vbd_xvda_io_throughput_sum"),
        *("runstate_other", "memory ", "xmemory", "memory_numa_node_x", "late_source"),
    )
    assert further("26.17.0", dict.fromkeys(names, 1.0)) == {}


def test_disks_of_one_name(full: PoolModel) -> None:
    """No two disks of a VM make one series, whatever they are called."""
    vm = build(
        records("26.17.0"),
        {"h": HostRrd.of({}, {"vm": {"vbd_xvda_read": 1.0, "vbd_nvme0n1_read": 2.0}}, 3.0)},
    ).VMs[0]
    for vbd in vm.VBDs:
        if vbd.VDI is not None:
            vbd.VDI.name_label = "disk"
    full.VMs[0] = vm
    found = [
        labels.pairs
        for family in pool_families(full, "Pool", EVERY)
        if family.name == "xo_vm_disk_read_bytes_per_second"
        for labels, _ in family.samples
    ]
    assert len({*found}) == len(found) == 2


LEFT_OUT: Final = re.compile("|".join(one.pattern for one in OF_VMS))
BY_THE_MODEL: Final = re.compile(r"cpu[0-9]+|cpu_usage")


def taken(model: PoolModel, vm: VM) -> set[str]:
    """Give the names of a VM's data sources that become series."""
    return {
        vm.values.sources.names[series.place]
        for table in OBJECT_TABLES
        if isinstance(table, SourceTable)
        for thing in table.objects(model)
        if table.values(thing) is vm.values
        for series in table.series(thing, Labels(()), table.taken(vm.values.sources))
    }


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_source_of_simulated_vms(
    generation: Generation, estate_of: Callable[[Generation], PoolModel]
) -> None:
    """Of all that is said of the VMs of a generation, nothing is forgotten."""
    model = estate_of(generation)
    running = [vm for vm in model.VMs if vm.power_state == "Running"]
    assert len(running) > 5
    for vm in running:
        rest = {*vm.values.sources.names} - taken(model, vm)
        left = {name for name in rest if not LEFT_OUT.fullmatch(name)}
        assert {name for name in left if not BY_THE_MODEL.fullmatch(name)} == set()
    disks = [vbd for vm in running for vbd in vm.VBDs if vbd.VDI is not None and vbd.attached]
    assert disks


def test_a_vm_without_rrds() -> None:
    """Of a VM whose host's RRDs could not be read there is no sample that they would give."""
    model = build(records("26.17.0"), {"h": None, "o": None})
    wanted = ("vm_memory", "vm_disk", "vm_disk_throughput", "vm_runstate", "vm_numa")
    tables = [table for table in OBJECT_TABLES if table.collector in wanted]
    families = table_families(
        [table for table in tables if isinstance(table, SourceTable)], model, "Pool"
    )
    assert len(families) > 15
    assert not [family.name for family in families if family.samples]


def test_what_a_closed_plugin_says_is_left_out_on_purpose() -> None:
    """Of PVS-Accelerator its state is exported alone; the reason stands with the others."""
    assert LEFT_OUT.fullmatch("pvscache_bytes_read")
    assert not LEFT_OUT.fullmatch("pvscache_status")

"""CPUs and memory: which source counts, and when a value is unknown."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from xo_exporter.model.objects import PoolModel
from xo_exporter.rrd.values import HostRrd

Model = Callable[..., PoolModel]
OnAHost = Callable[..., Mapping[str, Any]]
Fields = Mapping[str, Any]
Numbers = Mapping[str, float]

GIB = 1 << 30


# --- CPUs of a host


def test_cores_of_a_host(model: Model, on_a_host: OnAHost) -> None:
    """A host has one entry a CPU of cpu_info.cpu_count, null where the RRDs don't know it."""
    host = {"cpu_info": {"cpu_count": "3"}}
    built = model(**on_a_host(host=host, values={"cpu0": 0.5, "cpu2": 0.25, "cpu3": 0.125}))
    assert built.hosts[0].CPUs == [0.5, None, 0.25]
    assert built.hosts[0].cpu_count == 3


def test_cores_where_their_number_is_unknown(model: Model, on_a_host: OnAHost) -> None:
    """Without a cpu_count the entries are as many as the RRDs have; xo_host_cpus is unknown."""
    host = model(**on_a_host(values={"cpu10": 0.5, "cpu2": 0.25, "cpu_avg": 0.1})).hosts[0]
    assert host.CPUs == [None, None, 0.25, *[None] * 7, 0.5]
    assert host.cpu_count is None


@pytest.mark.parametrize("text", ["", "x", "-1", "3.5", None])
def test_a_cpu_count_that_is_no_number_is_unknown(model: Model, text: str | None) -> None:
    """A text of a map that should be a number and is none costs that number alone."""
    built = model(host={"h": {"cpu_info": {"cpu_count": text}}})
    assert built.hosts[0].cpu_count is None


def test_absurd_numbers_of_cores_cost_nothing(model: Model, on_a_host: OnAHost) -> None:
    """A cpu_count in the billions, or a cpuN of thousands of digits, makes no such list."""
    many = {"cpu_info": {"cpu_count": str(1 << 40)}}
    assert len(model(**on_a_host(host=many)).hosts[0].CPUs) <= 8192
    assert model(**on_a_host(values={f"cpu{'9' * 5000}": 0.5})).hosts[0].CPUs == []


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ({"cpu_avg": 0.4, "cpu0": 0.5, "cpu1": 0.25}, 0.4),
        ({"cpu_avg": 0.0, "cpu0": 0.5}, 0.0),
        ({"cpu0": 0.5, "cpu1": 0.25}, 0.375),
        ({"cpu0": 0.5, "cpu1": 0.25, "cpu2": 0.75}, 0.5),
        ({"cpu_avg": -1.0, "cpu1": 0.25}, 0.25),
        ({"cpu1": 0.25}, 0.25),
        ({"cpu0": -0.5, "cpu1": 0.25}, 0.25),
        ({"memory_free_kib": 1.0}, None),
        ({}, None),
    ],
    ids=[
        *("cpu_avg", "cpu_avg of 0", "mean", "more than cpu_count", "cpu_avg below 0"),
        *("known ones", "below 0", "other sources", "nothing"),
    ],
)
def test_cpu_usage_of_a_host(
    model: Model, on_a_host: OnAHost, values: Numbers, mean: float | None
) -> None:
    """The mean of a host is cpu_avg where that is known, else the mean of the known cpuN."""
    built = model(**on_a_host(host={"cpu_info": {"cpu_count": "2"}}, values=values))
    assert built.hosts[0].CPU_usage == mean


@pytest.mark.parametrize("host_metrics", [{"live": False}, {"live": None}])
def test_a_host_that_does_not_run_uses_nothing(
    model: Model, on_a_host: OnAHost, host_metrics: Fields
) -> None:
    """Of a host that isn't known to run every usage is unknown, though its memory's size is not."""
    given = on_a_host(
        host={"cpu_info": {"cpu_count": "1"}},
        values={"cpu0": 0.5, "cpu_avg": 0.5, "memory_free_kib": 1.0},
        host_metrics={**host_metrics, "memory_total": str(GIB), "memory_free": "1"},
    )
    host = model(**given).hosts[0]
    assert (host.CPUs, host.CPU_usage, host.cpu_count) == ([None], None, 1)
    assert (host.memory.size, host.memory.usage) == (GIB, None)
    assert (host.rrd_up, host.rrd_age) == (None, None)


def test_rrd_of_a_host(model: Model) -> None:
    """A running host's RRDs were read or not; one without host_metrics has nothing to say."""
    built = model(
        host={"a": {"metrics": "m"}, "b": {"metrics": "m"}, "c": {}},
        host_metrics={"m": {"live": True}},
        rrds={"a": HostRrd.of({}, {}, 4.0), "b": None},
    )
    assert [(host.rrd_up, host.rrd_age) for host in built.hosts] == [
        (True, 4.0),
        (False, None),
        (None, None),
    ]


# --- memory of a host


@pytest.mark.parametrize(
    ("metrics", "values", "size", "usage"),
    [
        ((GIB, 100), {"memory_total_kib": 7.0, "memory_free_kib": 1024.0}, GIB, GIB - (1 << 20)),
        ((GIB + 1, 100), {"memory_total_kib": 7.0}, GIB + 1, GIB - 99),
        ((-1, 100), {"memory_total_kib": 2048.0, "memory_free_kib": 1024.0}, 1 << 21, 1 << 20),
        ((0, 0), {"memory_total_kib": 2048.0, "memory_free_kib": 1024.0}, 0, None),
        ((None, None), {"memory_total_kib": 2048.0}, 1 << 21, None),
        ((None, None), {"memory_free_kib": 2048.0}, None, None),
        ((GIB, -1), {}, GIB, None),
        ((GIB, 0), {}, GIB, GIB),
        ((1024, 0), {"memory_free_kib": 2.0}, 1024, None),
        ((2048, 0), {"memory_free_kib": 0.5}, 2048, 1536),
    ],
    ids=[
        *("XAPI's size, RRD's free", "XAPI alone, to the byte", "size below 0", "size of 0"),
        *("RRD's size alone", "no size", "free below 0", "none free", "more free than there is"),
        "part of a KiB",
    ],
)
def test_memory_of_a_host(
    model: Model,
    on_a_host: OnAHost,
    metrics: tuple[int | None, int | None],
    values: Numbers,
    size: int | None,
    usage: int | None,
) -> None:
    """Size is host_metrics.memory_total, else the RRD's; usage is size less what is free.

    Free is the RRD's memory_free_kib, else host_metrics.memory_free.
    """
    names = ("memory_total", "memory_free")
    fields = {
        name: str(value) for name, value in zip(names, metrics, strict=True) if value is not None
    }
    memory = model(**on_a_host(host_metrics=fields, values=values)).hosts[0].memory
    assert (memory.size, memory.usage) == (size, usage)
    assert isinstance(memory.size, int | None)
    assert isinstance(memory.usage, int | None)


# --- vCPUs and CPUs of a VM


@pytest.mark.parametrize(
    ("state", "vm_metrics", "vcpus"),
    [
        ("Running", {"VCPUs_number": "4"}, 4),
        ("Running", {"VCPUs_number": "0"}, 2),
        ("Running", {"VCPUs_number": "-1"}, 2),
        ("Running", {}, 2),
        ("Paused", {"VCPUs_number": "4"}, 2),
        ("Suspended", {"VCPUs_number": "4"}, 2),
        ("Halted", {"VCPUs_number": "4"}, 2),
    ],
)
def test_vcpus(
    model: Model, on_a_host: OnAHost, state: str, vm_metrics: Fields, vcpus: int
) -> None:
    """A VM has VM_metrics.VCPUs_number vCPUs while it runs and that is known, else at_startup."""
    vm = {"power_state": state, "VCPUs_at_startup": "2"}
    built = model(**on_a_host(vm=vm, vm_metrics=vm_metrics)).VMs[0]
    assert built.vCPUs == vcpus
    assert built.CPUs == [None] * vcpus


@pytest.mark.parametrize(
    ("xapi", "values", "mean"),
    [
        ("25.6", {"cpu_usage": 0.4, "cpu0": 0.5}, 0.4),
        ("24.4", {"cpu_usage": 0.4, "cpu0": 0.5}, 0.4),
        ("24.4.0-1.xcp", {"cpu_usage": 0.4, "cpu0": 0.5}, 0.4),
        ("24.10", {"cpu_usage": 0.4, "cpu0": 0.5}, 0.4),
        ("24.3", {"cpu_usage": 0.4, "cpu0": 0.5}, 0.5),
        ("24", {"cpu_usage": 0.4, "cpu0": 0.5}, 0.5),
        ("1.20", {"cpu_usage": 0.4, "cpu0": 0.5, "cpu1": 0.25}, 0.375),
        ("1.20", {"cpu_usage": 0.4}, None),
        ("", {"cpu_usage": 0.4, "cpu0": 0.5}, 0.5),
        ("9" * 5000, {"cpu_usage": 0.4, "cpu0": 0.5}, 0.4),
        ("25.6", {"cpu0": 0.5, "cpu1": 0.25}, 0.375),
        ("25.6", {"cpu0": 0.5, "cpu1": 0.25, "cpu2": 0.75}, 0.5),
        ("25.6", {"cpu_usage": -1.0, "cpu1": 0.25}, 0.25),
        ("25.6", {"memory": 1.0}, None),
    ],
)
def test_cpu_usage_of_a_vm(
    model: Model, on_a_host: OnAHost, xapi: str, values: Numbers, mean: float | None
) -> None:
    """The mean of a VM is cpu_usage, of a host with xapi 24.4 or later, else that of its cpuN."""
    vm = {"VCPUs_at_startup": "2"}
    assert model(**on_a_host(vm=vm, xapi=xapi, vm_values=values)).VMs[0].CPU_usage == mean


def test_cores_of_a_vm(model: Model, on_a_host: OnAHost) -> None:
    """A VM has one entry a vCPU, null where the RRDs don't know it."""
    values = {"cpu1": 0.25, "cpu2": 0.125, "cpu_usage": 0.5}
    built = model(**on_a_host(vm={"VCPUs_at_startup": "2"}, vm_values=values))
    assert built.VMs[0].CPUs == [None, 0.25]


@pytest.mark.parametrize("state", ["Paused", "Suspended", "Halted", "Unknown"])
def test_a_vm_that_does_not_run_uses_nothing(model: Model, on_a_host: OnAHost, state: str) -> None:
    """Of a VM that doesn't run CPU and memory usage are unknown, whatever its RRDs say."""
    given = on_a_host(
        vm={"power_state": state, "VCPUs_at_startup": "1"},
        vm_values={"cpu0": 0.5, "cpu_usage": 0.5, "memory": 2e6, "memory_internal_free": 1.0},
    )
    vm = model(**given).VMs[0]
    assert (vm.CPUs, vm.CPU_usage, vm.memory.usage) == ([None], None, None)


# --- memory of a VM


@pytest.mark.parametrize(
    ("state", "actual", "size"),
    [
        ("Running", "100", 100),
        ("Paused", "100", 100),
        ("Suspended", "100", 50),
        ("Halted", "100", 50),
        ("Running", "-1", 50),
        ("Running", None, 50),
    ],
)
def test_memory_size_of_a_vm(
    model: Model, on_a_host: OnAHost, state: str, actual: str | None, size: int
) -> None:
    """Size is VM_metrics.memory_actual while running or paused, else memory_dynamic_max."""
    vm = {"power_state": state, "memory_dynamic_max": "50"}
    metrics = {} if actual is None else {"memory_actual": actual}
    assert model(**on_a_host(vm=vm, vm_metrics=metrics)).VMs[0].memory.size == size


@pytest.mark.parametrize(
    ("values", "usage"),
    [
        ({"memory": 4096.0, "memory_internal_free": 1.0}, 3072),
        ({"memory": 4096.0, "memory_internal_free": 0.0}, 4096),
        ({"memory": 4096.0, "memory_internal_free": 4.0}, 0),
        ({"memory": 4096.0, "memory_internal_free": 5.0}, None),
        ({"memory": 4096.0}, None),
        ({"memory_internal_free": 1.0}, None),
    ],
    ids=["both", "none free", "all free", "below 0", "no guest agent", "no memory"],
)
def test_memory_usage_of_a_vm(
    model: Model, on_a_host: OnAHost, values: Numbers, usage: int | None
) -> None:
    """Usage is memory less memory_internal_free (KiB); unknown without the guest agent."""
    assert model(**on_a_host(vm_values=values)).VMs[0].memory.usage == usage


# --- a VM on the move


def test_values_are_those_of_the_vms_own_host(model: Model) -> None:
    """Of a VM that two hosts have RRDs of, those of the host count that it is on."""
    tables = _moving({"v": {"cpu0": 0.75}}, {"v": {"cpu0": 0.25}})
    assert [model(**tables, vm=_on(ref)).VMs[0].CPU_usage for ref in "ab"] == [0.75, 0.25]


def test_values_of_a_vm_that_moved_just_now(model: Model) -> None:
    """While its own host has no RRDs of a VM yet, another's are taken, by that one's xapi."""
    values = {"cpu_usage": 0.5, "cpu0": 0.25}
    onto_old, onto_new = _moving({}, {"v": values}), _moving({"v": values}, {})
    assert model(**onto_old, vm=_on("a")).VMs[0].CPU_usage == 0.5
    assert model(**onto_new, vm=_on("b")).VMs[0].CPU_usage == 0.25


def test_values_of_a_vm_whose_hosts_rrds_are_not_there(model: Model) -> None:
    """A VM on a host whose RRDs could not be read has no values, nor one that no host has."""
    tables = {**_moving({}, {}), "rrds": {"a": None}}
    assert model(**tables, vm=_on("a")).VMs[0].CPU_usage is None
    assert model(**_moving({}, {}), vm=_on("gone")).VMs[0].CPU_usage is None


def _moving(of_a: Mapping[str, Numbers], of_b: Mapping[str, Numbers]) -> dict[str, Any]:
    return {
        "host": {
            "a": {"metrics": "m", "software_version": {"xapi": "1.20"}},
            "b": {"metrics": "m", "software_version": {"xapi": "25.6"}},
        },
        "host_metrics": {"m": {"live": True}},
        "rrds": {"a": HostRrd.of({}, of_a, 3.0), "b": HostRrd.of({}, of_b, 3.0)},
    }


def _on(host: str) -> Fields:
    return {"v": {"power_state": "Running", "resident_on": host, "VCPUs_at_startup": "1"}}


# --- control domains


def test_usage_of_a_control_domain(model: Model) -> None:
    """A control domain's memory and CPUs follow the rules of VMs; unknown when its host is down."""
    values = {"cpu0": 0.5, "cpu_usage": 0.25, "memory": 4096.0, "memory_internal_free": 1.0}
    tables = {
        "host": {
            "up": {"metrics": "live", "control_domain": "d", "software_version": {"xapi": "25.6"}},
            "down": {"metrics": "dead", "control_domain": "d"},
            "bare": {"metrics": "live"},
        },
        "host_metrics": {"live": {"live": True}, "dead": {"live": False}},
        "vm": {"d": {"is_control_domain": True, "power_state": "Running", "metrics": "m"}},
        "vm_metrics": {"m": {"memory_actual": "5000"}},
        "rrds": {ref: HostRrd.of({}, {"d": values}, 3.0) for ref in ("up", "down", "bare")},
    }
    found = {
        host.UUID: (
            host.controller_CPU_usage,
            host.controller_memory.size,
            host.controller_memory.usage,
        )
        for host in model(**tables).hosts
    }
    assert found == {
        "up": (0.25, 5000, 3072),
        "down": (None, 5000, None),
        "bare": (None, None, None),
    }


def test_vcpus_of_a_control_domain(model: Model) -> None:
    """A control domain's vCPUs are those it runs with, else those it is to start with."""
    domain = {"is_control_domain": True, "power_state": "Running", "VCPUs_at_startup": "2"}
    tables = {
        "host": {"a": {"control_domain": "x"}, "b": {"control_domain": "y"}, "c": {}},
        "vm": {"x": {**domain, "metrics": "m"}, "y": domain},
        "vm_metrics": {"m": {"VCPUs_number": "16"}},
    }
    found = {host.UUID: host.controller_vCPUs for host in model(**tables).hosts}
    assert found == {"a": 16, "b": 2, "c": None}

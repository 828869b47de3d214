"""From objects to samples: labels, values, and what is no sample."""

import dataclasses
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.metrics.families import pool_families
from xo_exporter import __version__
from xo_exporter.exposition import Exposition, Value
from xo_exporter.metrics import exporter, xo
from xo_exporter.metrics.exporter import STAGES, PoolStatus
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.model.objects import (
    PBD,
    SR,
    VBD,
    VDI,
    VM,
    Host,
    Pool,
    PoolModel,
    VMPowerState,
)
from xo_exporter.model.totals import total, totals_of

CONTRACT = {
    name: name in ("xo", "pool", "host", "vm", "sr", "pbd", "vdi", "vbd") for name in COLLECTORS
}
Samples = Mapping[str, list[tuple[dict[str, str], Value]]]


def samples(model: PoolModel) -> Samples:
    """Give the samples of a pool's objects by name; the label `pool` is "Label"."""
    return {
        family.name: [(dict(labels.pairs), value) for labels, value in family.samples]
        for family in pool_families(model, "Label", CONTRACT)
    }


def values(model: PoolModel, name: str) -> list[Value]:
    """Give the values of a family."""
    return [value for _, value in samples(model)[name]]


def labels(model: PoolModel, name: str) -> dict[str, str]:
    """Give the labels of a family's only sample."""
    ((found, _),) = samples(model)[name]
    return found


def test_values(full: PoolModel) -> None:
    """Each metric takes the value of its own field."""
    found = {
        name: [value for _, value in entries]
        for name, entries in samples(full).items()
        if not name.endswith("_info")
    }
    assert found == {
        "xo_pool_shared_srs": [1],
        "xo_pool_ha_enabled": [True],
        "xo_pool_hosts": [1],
        "xo_pool_running_hosts": [1],
        "xo_pool_global_vms": [0],
        "xo_pool_running_vms": [0],
        "xo_pool_vms": [1],
        "xo_host_cpus": [3],
        "xo_host_cpu_usage_ratio": [0.375],
        "xo_host_cpu_core_usage_ratio": [0.25, 0.5],
        "xo_host_enabled": [True],
        "xo_host_memory_size_bytes": [200],
        "xo_host_memory_usage_bytes": [100],
        "xo_host_power_state": [1, 0],
        "xo_host_srs": [0],
        "xo_host_vms": [1],
        "xo_host_running_vms": [0],
        "xo_host_pbds": [1],
        "xo_host_vcpus": [2],
        "xo_host_controller_cpu_usage_ratio": [0.125],
        "xo_host_controller_memory_size_bytes": [20],
        "xo_host_controller_memory_usage_bytes": [10],
        "xo_host_rrd_up": [True],
        "xo_host_rrd_age_seconds": [3.5],
        # No plugin was asked.
        "xo_host_plugin_up": [],
        "xo_host_plugin_age_seconds": [],
        "xo_sr_plugin_up": [],
        "xo_sr_plugin_age_seconds": [],
        "xo_vm_memory_size_bytes": [60],
        "xo_vm_memory_usage_bytes": [30],
        "xo_vm_power_state": [0, 1, 0, 0],
        "xo_vm_vcpus": [2],
        "xo_vm_cpu_usage_ratio": [0.625],
        "xo_vm_cpu_core_usage_ratio": [0.75],
        "xo_vm_vbds": [1],
        "xo_sr_physical_usage_bytes": [1],
        "xo_sr_usage_bytes": [2],
        "xo_sr_size_bytes": [3],
        "xo_sr_vdis": [1],
        "xo_sr_pbds": [1],
        "xo_pbd_attached": [True],
        "xo_vdi_usage_bytes": [4],
        "xo_vdi_size_bytes": [5],
        "xo_vbd_attached": [False],
    }


def test_labels_of_info(full: PoolModel) -> None:
    """Each label of an `_info` series takes the text of its own field."""
    assert labels(full, "xo_pool_info") == {
        "uuid": "pool-uuid",
        "name_label": "Pool",
        "pool": "Label",
        "name_description": "a pool",
        "master": "Host",
        "master_uuid": "host-uuid",
        "default_sr": "SR",
        "default_sr_uuid": "sr-uuid",
    }
    assert labels(full, "xo_host_info") == {
        "uuid": "host-uuid",
        "name_label": "Host",
        "pool": "Label",
        "container": "Label",
        "name_description": "a host",
        "address": "10.0.0.1",
        "hostname": "host.example.org",
        "iscsi_name": "iqn.x",
        "controller_uuid": "dom0-uuid",
        "pool_uuid": "pool-uuid",
        "product_brand": "XCP-ng",
        "product_version": "8.3.0",
        "xapi_version": "25.6",
        "xen_version": "4.17",
    }
    assert labels(full, "xo_vm_info") == {
        "uuid": "vm-uuid",
        "name_label": "VM",
        "pool": "Label",
        "container": "Host",
        "name_description": "a VM",
        "address": "10.0.0.2",
        "pool_uuid": "pool-uuid",
        "container_uuid": "host-uuid",
        "os_name": "Debian",
        "os_distro": "debian",
        "os_version": "12.5",
    }
    assert labels(full, "xo_sr_info") == {
        "uuid": "sr-uuid",
        "name_label": "SR",
        "pool": "Label",
        "container": "Label",
        "name_description": "an SR",
        "sr_type": "nfs",
        "shared": "true",
        "container_uuid": "pool-uuid",
        "pool_uuid": "pool-uuid",
    }
    assert labels(full, "xo_pbd_info") == {
        "uuid": "pbd-uuid",
        "pool": "Label",
        "container": "Host",
        "sr": "SR",
        "host_uuid": "host-uuid",
        "sr_uuid": "sr-uuid",
    }
    assert labels(full, "xo_vdi_info") == {
        "uuid": "vdi-uuid",
        "name_label": "VDI",
        "pool": "Label",
        "container": "SR",
        "name_description": "a VDI",
        "sr_uuid": "sr-uuid",
        "vbd_uuid": "vbd-uuid",
    }
    assert labels(full, "xo_vbd_info") == {
        "uuid": "vbd-uuid",
        "pool": "Label",
        "container": "VM",
        "device": "xvda",
        "vdi_uuid": "vdi-uuid",
        "vm_uuid": "vm-uuid",
    }


def test_container_of_a_vm_in_the_pool(full: PoolModel) -> None:
    """Where the container is the pool its name is the value of the label `pool`."""
    full.VMs[0].container = full.pool
    found = labels(full, "xo_vm_info")
    assert (found["container"], found["container_uuid"]) == ("Label", "pool-uuid")


def test_sr_in_a_host(full: PoolModel) -> None:
    """A local SR is contained in its host, and says that it isn't shared."""
    full.SRs[0].container, full.SRs[0].shared = full.hosts[0], False
    found = labels(full, "xo_sr_info")
    assert (found["container"], found["container_uuid"]) == ("Host", "host-uuid")
    assert found["shared"] == "false"


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("Running", [1, 0, 0, 0]),
        ("Paused", [0, 1, 0, 0]),
        ("Suspended", [0, 0, 1, 0]),
        ("Halted", [0, 0, 0, 1]),
        (None, []),
    ],
)
def test_power_state(full: PoolModel, state: VMPowerState | None, wanted: list[int]) -> None:
    """The present state is 1 and each other one 0; of an unknown state there is no sample."""
    full.VMs[0] = dataclasses.replace(full.VMs[0], power_state=state)
    found = samples(full)["xo_vm_power_state"]
    assert [value for _, value in found] == wanted
    states = ["Running", "Paused", "Suspended", "Halted"]
    assert [pairs["power_state"] for pairs, _ in found] == states[: len(wanted)]


def test_core_is_a_number_from_0(full: PoolModel) -> None:
    """The label `core` is the CPU's number, also after one of which nothing is known."""
    found = samples(full)["xo_host_cpu_core_usage_ratio"]
    assert [(pairs["core"], value) for pairs, value in found] == [("0", 0.25), ("2", 0.5)]


def test_tags(full: PoolModel) -> None:
    """Each tag is a series."""
    found = [pairs["tag"] for pairs, _ in samples(full)["xo_vm_tag_info"]]
    assert found == ["vm tag", "second"]


def test_unknown_is_no_sample() -> None:
    """Of objects about which next to nothing is known there are counts and info, nothing else."""
    pool = Pool("p", "", "", [], HA_enabled=None)
    host = Host(*("h", "", "", [], pool, "", "", None, None, None, None, "", "", "", "", None))
    vm = VM("v", "", "", [], None, None, pool, pool)
    sr = SR("s", "", "", [], "", False, pool, pool)  # noqa: FBT003  as its fields stand
    pbd = PBD("b", attached=None, host=None, SR=None)
    vdi = VDI("d", "", "", None, None)
    vbd = VBD("x", attached=None, device=None, VDI=None, VM=vm)
    found = samples(PoolModel(pool, [host], [vm], [sr], [pbd], [vdi], [vbd]))
    assert {name for name, entries in found.items() if entries} == {
        *("xo_pool_info", "xo_pool_hosts", "xo_pool_running_hosts", "xo_pool_shared_srs"),
        *("xo_pool_vms", "xo_pool_running_vms", "xo_pool_global_vms"),
        *("xo_host_info", "xo_host_vms", "xo_host_running_vms", "xo_host_srs", "xo_host_pbds"),
        *("xo_host_vcpus", "xo_vm_info", "xo_vm_vbds", "xo_sr_info", "xo_sr_vdis", "xo_sr_pbds"),
        *("xo_pbd_info", "xo_vdi_info", "xo_vbd_info"),
    }
    assert found["xo_pbd_info"] == [({"uuid": "b", "pool": "Label"}, 1)]
    assert found["xo_vm_info"][0][0] == {
        "uuid": "v",
        "pool": "Label",
        "container": "Label",
        "container_uuid": "p",
        "pool_uuid": "p",
    }


def test_totals(full: PoolModel) -> None:
    """The singleton's metrics are its fields; of an unknown total there is no sample."""

    def found(*models: PoolModel) -> dict[str, list[Value]]:
        families = xo.TABLE.families([total([totals_of(model) for model in models])], "")
        return {family.name: [value for _, value in family.samples] for family in families}

    running = dataclasses.replace(full.VMs[0], power_state="Running")
    full.pool.running_VMs = [running]
    assert found(full) == {
        "xo_pools": [1],
        "xo_cpus": [3],
        "xo_running_vms": [1],
        "xo_vcpus": [2],
        "xo_memory_size_bytes": [200],
        "xo_memory_usage_bytes": [100],
    }
    assert {name: value for name, value in found().items() if value} == {"xo_pools": [0]}


def test_status_of_a_pool() -> None:
    """Error counters are there for every stage from the start; durations of the stages passed."""
    status = PoolStatus(
        up=True,
        durations={"login": 0.5},
        errors={"login": 3},
        logins=1,
        resyncs=2,
        messages_up=False,
    )
    found = {
        family.name: [(dict(labels.pairs), value) for labels, value in family.samples]
        for family in exporter.POOL_TABLE.families([status], "Label")
    }
    assert found == {
        "xo_up": [({"pool": "Label"}, True)],
        "xo_messages_up": [({"pool": "Label"}, False)],
        "xo_scrape_duration_seconds": [({"pool": "Label", "stage": "login"}, 0.5)],
        "xo_scrape_errors_total": [
            ({"pool": "Label", "stage": stage}, 3 if stage == "login" else 0) for stage in STAGES
        ],
        "xo_xapi_logins_total": [({"pool": "Label"}, 1)],
        "xo_xapi_resyncs_total": [({"pool": "Label"}, 2)],
        "xo_series_dropped": [],
    }
    assert STAGES == ("login", "objects", "rrd", "build", "render")


def test_version() -> None:
    """The exporter says its version."""
    (family,) = exporter.BUILD_TABLE.families([None], "")
    assert [dict(labels.pairs) for labels, _ in family.samples] == [{"version": __version__}]


TEXT = st.text() | st.text('"\\\n{}=,# n', max_size=10)


@given(name=TEXT, description=TEXT, tags=st.sets(TEXT.filter(bool), max_size=3), label=TEXT)
def test_any_name_is_exported(name: str, description: str, tags: set[str], label: str) -> None:
    """Whatever users write in names, descriptions and tags, Prometheus reads just that."""
    pool = Pool("p", name, description, sorted(tags), HA_enabled=True)
    model = PoolModel(pool, [], [], [], [], [], [])
    exposition = Exposition()
    exposition.add_all(pool_families(model, label, CONTRACT))
    text = b"".join(exposition.parts(openmetrics=True)).decode()
    parsed = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]  # has no types
    read = {
        family.name: [sample.labels for sample in family.samples]
        for family in parsed
        if family.samples
    }
    common = {"uuid": "p", "name_label": name, "pool": label}
    assert read["xo_pool_info"] == [_known({**common, "name_description": description})]
    assert read.get("xo_pool_tag_info", []) == [
        _known({**common, "tag": tag}) for tag in sorted(tags)
    ]


def _known(pairs: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in pairs.items() if value}

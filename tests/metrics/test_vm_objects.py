"""What XAPI's records say of VMs beside the specification: each field, and what becomes of it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import pytest

from tests.metrics.families import pool_families
from xo_exporter.metrics import backup, controller_disk, snapshot, vm_guest, vm_memory, vm_state
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.model.build import build
from xo_exporter.model.objects import PoolModel
from xo_exporter.simulator import Generation
from xo_exporter.xapi.records import CLASSES, Records

EVERY: Final = dict.fromkeys(COLLECTORS, True)
COMMON: Final = {"uuid", "name_label", "pool", "container"}
TABLES: Final = (
    *(vm_state.TABLE, vm_state.POOL_TABLE, vm_guest.TABLE, vm_memory.TABLE),
    *(snapshot.TABLE, snapshot.POOL_TABLE, snapshot.SR_TABLE),
    *(backup.TABLE, backup.REPLICA_TABLE, controller_disk.TABLE, controller_disk.DISK_TABLE),
)
OURS: Final = {metric.name for table in TABLES for metric in table.metrics}

Fields = Mapping[str, Any]
Tables = Mapping[str, Mapping[str, Fields]]


def model_of(tables: Tables) -> PoolModel:
    """Build a pool of two hosts and these objects."""
    given: dict[str, Any] = {
        "pool": {"p": {"name_label": "Pool", "master": "h"}},
        "host": {"h": {"name_label": "One", "metrics": "hm"}, "o": {"name_label": "Other"}},
        "host_metrics": {"hm": {"live": True}},
        **tables,
    }
    whole = {
        name: {ref: {"uuid": ref, **fields} for ref, fields in given.get(name, {}).items()}
        for name in CLASSES
    }
    return build(msgspec.convert(whole, Records, strict=False), {})


def samples(model: PoolModel, uuid: str) -> dict[str, float]:
    """Give the samples about one object, without the labels that all of it have."""
    found: dict[str, float] = {}
    for family in pool_families(model, "Pool", EVERY):
        if family.name in OURS:
            for labels, value in family.samples:
                pairs = dict(labels.pairs)
                own = ", ".join(f'{name}="{text}"' for name, text in pairs.items()
                                if name not in COMMON)  # fmt: skip
                if pairs["uuid"] == uuid:
                    found[f"{family.name}{{{own}}}" if own else family.name] = value
    return found


ALWAYS: Final = {
    "xo_vm_settings_info": 1,
    "xo_vm_auto_poweron": 0,
    "xo_vm_snapshots": 0,
    "xo_vm_snapshot_usage_bytes": 0,
    "xo_vm_backups": 0,
    "xo_vm_replicas": 0,
}
"""What there is to say of any VM."""

RUNNING: Final = {"power_state": "Running", "resident_on": "h", "metrics": "m"}
AGENT: Final = {**RUNNING, "guest_metrics": "g"}


def vm(fields: Fields, metrics: Fields | None = None, guest: Fields | None = None) -> Fields:
    """Give the samples of VM `v`, but for those that there always are."""
    model = model_of(
        {
            "vm": {"v": fields},
            "vm_metrics": {"m": metrics or {}},
            "vm_guest_metrics": {"g": guest or {}},
        }
    )
    found = samples(model, "v")
    return {name: value for name, value in found.items() if ALWAYS.get(name) != value}


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, {}),
        ({"memory_static_min": "1024"}, {"xo_vm_memory_static_min_bytes": 1024}),
        ({"memory_static_max": "1024"}, {"xo_vm_memory_static_max_bytes": 1024}),
        ({"memory_dynamic_min": "1024"}, {"xo_vm_memory_dynamic_min_bytes": 1024}),
        ({"memory_dynamic_max": "1024"}, {"xo_vm_memory_dynamic_max_bytes": 1024}),
        ({"memory_overhead": "1024"}, {"xo_vm_memory_overhead_bytes": 1024}),
        ({"memory_overhead": "-1"}, {}),
        ({"VCPUs_max": "4"}, {"xo_vm_vcpus_max": 4}),
        ({"VCPUs_max": "0"}, {}),
        (
            {"current_operations": {"OpaqueRef:a": "snapshot", "DummyRef:|b": "changing_VCPUs"}},
            {
                'xo_vm_operations{operation="changing_VCPUs"}': 1,
                'xo_vm_operations{operation="snapshot"}': 1,
            },
        ),
        (
            {"current_operations": {"a": "export", "b": "export"}},
            {'xo_vm_operations{operation="export"}': 1},
        ),
        ({"current_operations": {"password": "S3cr-et", "": ""}}, {}),
        (
            {"blocked_operations": {"start": "replica", "destroy": "true", "password": "secret"}},
            {
                'xo_vm_operation_blocked{operation="destroy"}': 1,
                'xo_vm_operation_blocked{operation="start"}': 1,
            },
        ),
        ({"other_config": {"auto_poweron": "true", "password": "x"}}, {"xo_vm_auto_poweron": 1}),
        ({"other_config": {"auto_poweron": "True"}}, {"xo_vm_auto_poweron": 1}),
        ({"other_config": {"auto_poweron": "false"}}, {}),
        ({"ha_restart_priority": ""}, {"xo_vm_ha_protected": 0}),
        (
            {"ha_restart_priority": "restart"},
            {
                'xo_vm_settings_info{ha_restart_priority="restart"}': 1,
                "xo_vm_ha_protected": 1,
            },
        ),
        (
            {"ha_restart_priority": "best-effort"},
            {
                'xo_vm_settings_info{ha_restart_priority="best-effort"}': 1,
                "xo_vm_ha_protected": 0,
            },
        ),
        ({"ha_always_run": True}, {"xo_vm_ha_always_run": 1}),
        ({"ha_always_run": False}, {"xo_vm_ha_always_run": 0}),
        ({"affinity": "o"}, {'xo_vm_settings_info{affinity="Other", affinity_uuid="o"}': 1}),
        ({"affinity": "gone"}, {}),
    ],
)
def test_settings(fields: Fields, wanted: Fields) -> None:
    """A field of a VM's record becomes this sample; what isn't known becomes none."""
    assert vm(fields) == wanted


@pytest.mark.parametrize(
    ("fields", "start_time", "wanted"),
    [
        (RUNNING, "20240131T10:11:12Z", 1706695872),
        (RUNNING, "2024-01-31T10:11:12Z", 1706695872),
        (RUNNING, "19700101T00:00:00Z", None),
        (RUNNING, "", None),
        ({**RUNNING, "metrics": "gone"}, "20240131T10:11:12Z", None),
        ({**RUNNING, "power_state": "Paused"}, "20240131T10:11:12Z", None),
        ({**RUNNING, "power_state": "Halted"}, "20240131T10:11:12Z", None),
    ],
)
def test_start(fields: Fields, start_time: str, wanted: int | None) -> None:
    """A VM has a start time while it runs, where XAPI says one."""
    found = vm(fields, metrics={"start_time": start_time})
    assert found.get("xo_vm_start_timestamp_seconds") == wanted


@pytest.mark.parametrize(
    ("affinity", "resident_on", "state", "wanted"),
    [
        ("h", "h", "Running", 1),
        ("o", "h", "Running", 0),
        ("o", "gone", "Running", 0),
        ("gone", "h", "Running", None),
        ("OpaqueRef:NULL", "h", "Running", None),
        ("h", "h", "Paused", None),
        ("h", "OpaqueRef:NULL", "Halted", None),
    ],
)
def test_affinity(affinity: str, resident_on: str, state: str, wanted: int | None) -> None:
    """Whether a VM is where it is to be is known while it runs, of one that is to be somewhere."""
    found = vm({"affinity": affinity, "resident_on": resident_on, "power_state": state})
    assert found.get("xo_vm_on_affinity_host") == wanted


@pytest.mark.parametrize(
    ("guest", "wanted"),
    [
        ({}, {"xo_vm_guest_agent": 0}),
        ({"live": True}, {"xo_vm_guest_agent": 0, "xo_vm_guest_agent_live": 1}),
        (
            {"last_updated": "20240131T10:11:12Z"},
            {
                "xo_vm_guest_agent": 0,
                "xo_vm_guest_agent_last_update_timestamp_seconds": 1706695872,
            },
        ),
        ({"last_updated": "19700101T00:00:00Z"}, {"xo_vm_guest_agent": 0}),
        (
            {"PV_drivers_version": {"major": "9", "minor": "3", "micro": "2", "build": "7"}},
            {"xo_vm_guest_agent": 1, 'xo_vm_guest_agent_info{version="9.3.2-7"}': 1},
        ),
        (
            {"PV_drivers_version": {"major": "7", "minor": "30", "micro": "-1", "build": "-1"}},
            {"xo_vm_guest_agent": 1, 'xo_vm_guest_agent_info{version="7.30"}': 1},
        ),
        ({"PV_drivers_version": {"micro": "-1"}}, {"xo_vm_guest_agent": 0}),
        (
            {"PV_drivers_detected": True, "PV_drivers_up_to_date": False},
            {
                "xo_vm_guest_agent": 0,
                "xo_vm_pv_drivers_detected": 1,
                "xo_vm_pv_drivers_up_to_date": 0,
            },
        ),
        (
            {"networks": {"1/ip": "10.0.0.2 10.0.0.3", "0/ipv4/0": "10.0.0.1", "0/ip": "10.0.0.1",
                          "0/ipv6/0": "fe80::1", "0/ipv6/1": "", "2/ip": "none"}},
            {
                "xo_vm_guest_agent": 0,
                'xo_vm_address_info{address="10.0.0.1"}': 1,
                'xo_vm_address_info{address="fe80::1"}': 1,
                'xo_vm_address_info{address="10.0.0.2"}': 1,
                'xo_vm_address_info{address="10.0.0.3"}': 1,
            },
        ),
    ],
)  # fmt: skip
def test_guest(guest: Fields, wanted: Fields) -> None:
    """A field of what the guest agent reports becomes this sample while the VM runs."""
    assert vm(AGENT, guest=guest) == wanted
    assert vm({**AGENT, "power_state": "Halted"}, guest=guest) == {}


def test_a_vm_that_never_had_an_agent() -> None:
    """Of a running VM without guest metrics it is known that it has no agent."""
    assert vm(RUNNING) == {"xo_vm_guest_agent": 0}


def test_addresses_are_bounded() -> None:
    """Of very many addresses the first 16 are exported."""
    networks = {f"0/ipv4/{number}": f"10.0.1.{number}" for number in range(200)}
    found = vm(AGENT, guest={"networks": networks})
    wanted = {f'xo_vm_address_info{{address="10.0.1.{number}"}}': 1 for number in range(16)}
    assert found == {"xo_vm_guest_agent": 0, **wanted}


@pytest.mark.parametrize(("text", "wanted"), [("true", 1), ("false", 0), ("", 0)])
def test_auto_poweron_of_a_pool(text: str, wanted: int) -> None:
    """A pool says whether VMs may be started with their hosts."""
    pool = {"p": {"name_label": "Pool", "other_config": {"auto_poweron": text}}}
    assert samples(model_of({"pool": pool}), "p")["xo_pool_auto_poweron"] == wanted


def test_snapshots() -> None:
    """Snapshots become these samples of their VM; of those without one, of pool and SR."""
    model = model_of(
        {
            "vm": {
                "v": {},
                "a": {"snapshot_of": "v", "snapshot_time": "20240131T10:11:12Z"},
                "b": {"snapshot_of": "v", "snapshot_time": "20240131T10:11:13Z"},
                "c": {"is_a_snapshot": True, "snapshot_time": "20240131T10:11:14Z"},
            },
            "sr": {"s": {"name_label": "SR"}, "t": {}},
            "vdi": {
                "d": {"is_a_snapshot": True, "SR": "s", "physical_utilisation": "7"},
                "e": {"is_a_snapshot": True, "SR": "s", "physical_utilisation": "8"},
            },
            "vbd": {"x": {"VM": "a", "VDI": "d"}, "y": {"VM": "c", "VDI": "e"}},
        }
    )
    found = samples(model, "v")
    assert {name: value for name, value in found.items() if "snapshot" in name} == {
        "xo_vm_snapshots": 2,
        "xo_vm_snapshot_usage_bytes": 7,
        "xo_vm_oldest_snapshot_timestamp_seconds": 1706695872,
    }
    assert samples(model, "p") == {
        "xo_pool_auto_poweron": 0,
        "xo_pool_orphan_snapshots": 1,
        "xo_pool_oldest_orphan_snapshot_timestamp_seconds": 1706695874,
    }
    assert samples(model, "s") == {
        "xo_sr_orphan_snapshot_disks": 1,
        "xo_sr_orphan_snapshot_usage_bytes": 8,
    }
    assert samples(model, "t") == {}


def test_backups() -> None:
    """Marks of backup jobs become these samples of the VM, and replicas have some of their own."""
    marks = {
        "xo:backup:job": "nightly",
        "xo:backup:vm": "v",
        "xo:backup:datetime": "20240131T10:11:12Z",
    }
    model = model_of(
        {
            "vm": {
                "v": {"name_label": "Source"},
                "a": {
                    "snapshot_of": "v",
                    "other_config": {
                        **marks,
                        "xo:backup:exported": "true",
                        "xo:backup:deltaChainLength": "3",
                        "password": "secret",
                    },
                },
                "r": {"other_config": {**marks, "xo:backup:sr": "s"}, "power_state": "Halted"},
            },
            "sr": {"s": {"name_label": "SR"}},
        }
    )
    found = samples(model, "v")
    assert {name: value for name, value in found.items() if "backup" in name or "repl" in name} == {
        "xo_vm_backups": 1,
        'xo_vm_backup_last_success_timestamp_seconds{backup_job="nightly"}': 1706695872,
        'xo_vm_backup_last_snapshot_timestamp_seconds{backup_job="nightly"}': 1706695872,
        'xo_vm_backup_chain_length{backup_job="nightly"}': 3,
        "xo_vm_replicas": 1,
        "xo_vm_newest_replica_timestamp_seconds": 1706695872,
    }
    found = samples(model, "r")
    info = 'xo_vm_replica_info{backup_job="nightly", source="Source", source_uuid="v", sr="SR"}'
    assert {name: value for name, value in found.items() if "backup" in name or "repl" in name} == {
        info: 1,
        "xo_vm_replica_complete": 1,
        "xo_vm_replica_timestamp_seconds": 1706695872,
    }


def test_disks_of_control_domains() -> None:
    """A disk that a control domain has becomes a sample of the disk, and counts for the host."""
    model = model_of(
        {
            "vm": {"dom": {"is_control_domain": True, "resident_on": "h"}},
            "sr": {"s": {"name_label": "SR"}},
            "vdi": {"d": {"name_label": "root", "SR": "s"}},
            "vbd": {"x": {"VM": "dom", "VDI": "d", "currently_attached": True}},
        }
    )
    assert samples(model, "o") == {"xo_host_controller_disks": 0}
    labels = next(
        dict(labels.pairs)
        for family in pool_families(model, "Pool", EVERY)
        if family.name == "xo_host_controller_disk_info"
        for labels, _ in family.samples
    )
    assert labels == {
        "uuid": "h",
        "name_label": "One",
        "pool": "Pool",
        "container": "Pool",
        "vdi": "root",
        "vdi_uuid": "d",
        "sr": "SR",
    }


def test_a_pool_with_nothing_but_control_domains() -> None:
    """Without a VM there are the counts of pool and hosts, which are 0, and nothing else."""
    model = model_of({"vm": {"dom": {"is_control_domain": True, "resident_on": "h"}}})
    found = {
        family.name: [value for _, value in family.samples]
        for family in pool_families(model, "Pool", EVERY)
        if family.name in OURS and family.samples
    }
    assert found == {
        "xo_pool_auto_poweron": [0],
        "xo_pool_orphan_snapshots": [0],
        "xo_host_controller_disks": [0, 0],
    }


def test_an_old_pool(estate_of: Callable[[Generation], PoolModel]) -> None:
    """An XCP-ng 8.2 pool has all of these families: its records have the same fields."""
    families = pool_families(estate_of("g1"), "Pool", EVERY)
    assert {family.name for family in families if family.samples} >= OURS

"""What the records of a pool and its hosts say of their state: field by field, which sample."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest

from tests.metrics.families import pool_families
from xo_exporter.metrics import certificate, cluster, ha, host_state, multipath, pool_state, update
from xo_exporter.metrics.tables import COLLECTORS, AnyTable
from xo_exporter.model.build import build
from xo_exporter.model.objects import PoolModel
from xo_exporter.simulator import make_estate
from xo_exporter.xapi.records import CLASSES, Records

TABLES: Final[tuple[AnyTable, ...]] = (
    *(pool_state.TABLE, ha.TABLE, ha.HOST_TABLE, host_state.TABLE, update.TABLE, update.HOST_TABLE),
    *(certificate.TABLE, cluster.TABLE, cluster.HOST_TABLE, multipath.TABLE, multipath.HOST_TABLE),
)
OWN: Final = {metric.name for table in TABLES for metric in table.metrics}
EVERY: Final = dict.fromkeys(COLLECTORS, True)
COMMON: Final = {"uuid", "name_label", "pool", "container"}
NULL: Final = "OpaqueRef:NULL"

Fields = Mapping[str, Any]
Tables = Mapping[str, Mapping[str, Fields]]
Found = list[tuple[dict[str, str], float]]


def model_of(tables: Tables) -> PoolModel:
    """Build a pool with a host `h` that runs; `tables` adds to its records, and to the pool's."""
    base: Tables = {
        "pool": {"p": {"master": "h"}},
        "host": {"h": {"name_label": "alpha", "enabled": True, "metrics": "m"}},
        "host_metrics": {"m": {"live": True}},
    }
    whole: dict[str, dict[str, Fields]] = {}
    for name in CLASSES:
        whole[name] = {
            ref: {"uuid": ref, **base.get(name, {}).get(ref, {}), **fields}
            for ref, fields in {**base.get(name, {}), **tables.get(name, {})}.items()
        }
    return build(msgspec.convert(whole, Records, strict=False), {})


def exported(tables: Tables) -> dict[str, Found]:
    """Give the samples of such a pool by name, without the labels that all of an object have."""
    return samples(model_of(tables))


def samples(model: PoolModel) -> dict[str, Found]:
    """Give the samples of a model by name, without the labels that all of an object have."""
    found: dict[str, Found] = {}
    for family in pool_families(model, "Pool", EVERY):
        for labels, value in family.samples:
            rest = {name: text for name, text in labels.pairs if name not in COMMON}
            found.setdefault(family.name, []).append((rest, float(value)))
    return found


def of_pool(**fields: Any) -> Tables:
    """Give the pool these fields."""
    return {"pool": {"p": fields}}


def with_ha(**fields: Any) -> Tables:
    """Give the pool high availability, and these fields."""
    return {"pool": {"p": {"ha_enabled": True, **fields}}}


def of_host(**fields: Any) -> Tables:
    """Give the host these fields."""
    return {"host": {"h": fields}}


@pytest.mark.parametrize(
    ("tables", "name", "value"),
    [
        (with_ha(ha_host_failures_to_tolerate="2"), "xo_pool_ha_host_failures_to_tolerate", 2),
        (with_ha(ha_plan_exists_for="1"), "xo_pool_ha_plan_exists_for", 1),
        (with_ha(ha_plan_exists_for="-1"), "xo_pool_ha_plan_exists_for", None),
        (with_ha(ha_overcommitted=True), "xo_pool_ha_overcommitted", 1),
        (with_ha(ha_overcommitted=False), "xo_pool_ha_overcommitted", 0),
        (with_ha(ha_allow_overcommit=True), "xo_pool_ha_allow_overcommit", 1),
        (with_ha(ha_statefiles=["a", "b"]), "xo_pool_ha_statefiles", 2),
        (of_pool(ha_enabled=False, ha_statefiles=["a"]), "xo_pool_ha_statefiles", None),
        (of_pool(ha_overcommitted=False), "xo_pool_ha_overcommitted", None),
        (
            {**with_ha(), "host": {"h": {"ha_statefiles": ["a", "b", "c"]}}},
            "xo_host_ha_statefiles",
            3,
        ),
        (
            {**with_ha(), "host": {"h": {"ha_network_peers": ["h", "i"]}}},
            "xo_host_ha_network_peers",
            2,
        ),
        (of_host(ha_network_peers=["h"]), "xo_host_ha_network_peers", None),
        (of_pool(wlb_enabled=True), "xo_pool_wlb_enabled", 1),
        (of_pool(), "xo_pool_wlb_enabled", None),
        (of_pool(redo_log_enabled=False), "xo_pool_redo_log_enabled", 0),
        (of_pool(tls_verification_enabled=True), "xo_pool_tls_verification_enabled", 1),
        (of_pool(is_psr_pending=True), "xo_pool_secret_rotation_pending", 1),
        (
            of_pool(other_config={"rolling_upgrade_in_progress": "true", "x": "y"}),
            "xo_pool_rolling_upgrade",
            1,
        ),
        (of_pool(other_config={"x": "y"}), "xo_pool_rolling_upgrade", 0),
        (
            of_pool(last_update_sync="20231114T22:13:20Z"),
            "xo_pool_last_update_sync_timestamp_seconds",
            1_700_000_000,
        ),
        (
            of_pool(last_update_sync="19700101T00:00:00Z"),
            "xo_pool_last_update_sync_timestamp_seconds",
            None,
        ),
        (of_host(enabled=True), "xo_host_maintenance", 0),
        (of_host(enabled=False), "xo_host_maintenance", 1),
        (
            of_host(other_config={"boot_time": "1700000000."}),
            "xo_host_boot_timestamp_seconds",
            1_700_000_000,
        ),
        (of_host(other_config={"boot_time": "soon"}), "xo_host_boot_timestamp_seconds", None),
        (
            of_host(other_config={"agent_start_time": "1700000060.25"}),
            "xo_host_toolstack_start_timestamp_seconds",
            1_700_000_060,
        ),
        (of_host(memory_overhead="449839104"), "xo_host_memory_overhead_bytes", 449_839_104),
        (of_host(memory_overhead="0"), "xo_host_memory_overhead_bytes", None),
        (of_host(https_only=True), "xo_host_https_only", 1),
        (of_host(ssh_enabled=False), "xo_host_ssh_enabled", 0),
        (of_host(secure_boot=True), "xo_host_secure_boot", 1),
        (of_host(tls_verification_enabled=False), "xo_host_tls_verification_enabled", 0),
        (
            of_host(license_params={"expiry": "20301231T23:59:50Z"}),
            "xo_host_license_expiry_timestamp_seconds",
            1_924_991_990,
        ),
        (
            of_host(license_params={"expiry": "never"}),
            "xo_host_license_expiry_timestamp_seconds",
            None,
        ),
        (of_host(cpu_info={"socket_count": "2"}), "xo_host_cpu_sockets", 2),
        (of_host(cpu_info={"socket_count": "0"}), "xo_host_cpu_sockets", None),
        (of_host(cpu_info={"threads_per_core": "2"}), "xo_host_cpu_threads_per_core", 2),
        (of_host(cpu_info={"nr_nodes": "4"}), "xo_host_numa_nodes", 4),
        (
            of_host(cpu_info={"speed": "2999.690"}),
            "xo_host_cpu_nominal_frequency_hertz",
            2_999_690_000,
        ),
        (of_host(cpu_info={"speed": "fast"}), "xo_host_cpu_nominal_frequency_hertz", None),
        (of_host(updates_requiring_reboot=[]), "xo_host_reboot_required", 0),
        (of_host(updates_requiring_reboot=["u"]), "xo_host_reboot_required", 1),
        (of_host(pending_guidances=["restart_toolstack"]), "xo_host_reboot_required", 0),
        (of_host(pending_guidances=["reboot_host"]), "xo_host_reboot_required", 1),
        (
            of_host(
                updates_requiring_reboot=[],
                other_config={"boot_time": "100.", "rpm_patch_installation_time": "200.5"},
            ),
            "xo_host_reboot_required",
            1,
        ),
        (
            of_host(other_config={"boot_time": "300.", "rpm_patch_installation_time": "200.5"}),
            "xo_host_reboot_required",
            0,
        ),
        (of_host(), "xo_host_reboot_required", None),
        (
            of_host(last_software_update="20231114T22:13:20Z"),
            "xo_host_last_software_update_timestamp_seconds",
            1_700_000_000,
        ),
        (
            {"pool_update": {"u": {"hosts": ["h"]}, "w": {"hosts": []}, "x": {"hosts": ["i"]}}},
            "xo_host_pending_updates",
            2,
        ),
        ({"pool_update": {"u": {"hosts": ["h"]}}}, "xo_host_pending_updates", 0),
        ({}, "xo_host_pending_updates", None),
        (of_host(multipathing=True), "xo_host_multipathing", 1),
        (
            of_host(multipathing=False, other_config={"multipathing": "true"}),
            "xo_host_multipathing",
            0,
        ),
        (of_host(other_config={"multipathing": "true"}), "xo_host_multipathing", 1),
        (of_host(), "xo_host_multipathing", None),
        (of_host(other_config={"mpath-boot": "[1, 2]"}), "xo_host_boot_paths", 1),
        (of_host(other_config={"mpath-boot": "[1, 2]"}), "xo_host_boot_best_paths", 2),
        (of_host(other_config={"mpath-boot": "[0, 2]"}), "xo_host_boot_paths", 0),
        (of_host(other_config={"mpath-boot": "many"}), "xo_host_boot_paths", None),
        (of_host(), "xo_host_boot_paths", None),
    ],
)
def test_one_value(tables: Tables, name: str, value: float | None) -> None:
    """A field of the pool or the host is the value of its metric; unknown is no sample."""
    assert name in OWN
    assert exported(tables).get(name, []) == ([] if value is None else [({}, value)])


def test_versions_of_hosts() -> None:
    """Hosts are alike where all that names a version is; a host that tells none does not count."""
    same = {"product_version": "8.3.0", "xapi": "25.6", "xen": "4.17.5-3", "date": "2024"}
    hosts: dict[str, Fields] = {
        "h": {"software_version": same},
        "i": {"software_version": {**same, "date": "2025"}},
        "j": {"software_version": {}},
    }
    assert exported({"host": hosts})["xo_pool_host_versions"] == [({}, 1)]
    hosts["k"] = {"software_version": {**same, "xen": "4.17.5-4"}}
    assert exported({"host": hosts})["xo_pool_host_versions"] == [({}, 2)]
    assert "xo_pool_host_versions" not in exported({})


def test_a_host_that_does_not_run() -> None:
    """Of a host that is down nobody knows whether it is in maintenance, or since when it runs."""
    fields = {
        "enabled": False,
        "other_config": {"boot_time": "1.", "agent_start_time": "2.", "mpath-boot": "[1, 2]"},
    }
    found = exported({"host": {"h": fields}, "host_metrics": {"m": {"live": False}}})
    assert not found.keys() & {
        "xo_host_maintenance",
        "xo_host_boot_timestamp_seconds",
        "xo_host_toolstack_start_timestamp_seconds",
        "xo_host_boot_paths",
    }


def test_operations() -> None:
    """Of the operations on a host those count that are on the host itself."""
    operations = {"t1": "evacuate", "t2": "vm_start", "t3": "evacuate", "t4": "secret"}
    found = exported(of_host(current_operations=operations))["xo_host_operations"]
    names = ("apply_updates", "enable", "evacuate", "power_on", "reboot", "shutdown")
    assert found == [({"operation": name}, 2 if name == "evacuate" else 0) for name in names]


def test_guidances() -> None:
    """Each guidance that XAPI has is there by level, for the levels that the server knows."""
    found = exported(
        of_host(pending_guidances=[], pending_guidances_full=["reboot_host", "not a guidance"])
    )["xo_host_pending_guidance"]
    assert [labels["level"] for labels, _ in found] == ["mandatory"] * 5 + ["full"] * 5
    assert [labels for labels, value in found if value] == [
        {"level": "full", "guidance": "reboot_host"}
    ]
    assert "xo_host_pending_guidance" not in exported({})


@pytest.mark.parametrize("answer", ["yes", "no", "unknown"])
def test_synced_updates(answer: str) -> None:
    """One of three answers holds."""
    found = exported(of_host(latest_synced_updates_applied=answer))
    assert found["xo_host_synced_updates_applied"] == [
        ({"applied": one}, one == answer) for one in ("yes", "no", "unknown")
    ]
    other = exported(of_host(latest_synced_updates_applied="perhaps"))
    assert "xo_host_synced_updates_applied" not in other


def test_licence_and_hardware() -> None:
    """What a host is and how it is licensed stands in labels, from named keys alone."""
    found = exported(
        of_host(
            edition="premium",
            license_params={"sku_type": "premium-per-socket", "serialnumber": "S3CRET"},
            cpu_info={"vendor": "AuthenticAMD", "modelname": "EPYC 9354", "flags": "fpu"},
            bios_strings={
                "system-manufacturer": "Dell Inc.",
                "system-product-name": "PowerEdge R6615",
                "bios-version": "1.9.5",
                "system-serial-number": "S3CRET",
            },
        )
    )
    assert found["xo_host_license_info"] == [
        ({"edition": "premium", "license_type": "premium-per-socket"}, 1)
    ]
    assert found["xo_host_hardware_info"] == [
        (
            {
                "cpu_vendor": "AuthenticAMD",
                "cpu_model": "EPYC 9354",
                "manufacturer": "Dell Inc.",
                "product_name": "PowerEdge R6615",
                "bios_version": "1.9.5",
            },
            1,
        )
    ]
    assert "S3CRET" not in str(found)


def test_certificates() -> None:
    """A host's certificate is in the host, an authority's in the pool; both by their kind."""
    records = {
        "c1": {
            "host": "h",
            "type": "host_internal",
            "not_before": "20231114T22:13:20Z",
            "not_after": "20331111T22:13:20Z",
        },
        "c2": {"host": NULL, "type": "ca", "name": "ca.pem", "not_after": "20331111T22:13:21Z"},
        "c3": {"host": "h", "not_after": "19700101T00:00:00Z"},
    }
    found = exported({"certificate": records})
    assert found["xo_certificate_not_before_timestamp_seconds"] == [
        ({"certificate_type": "host_internal"}, 1_700_000_000)
    ]
    assert found["xo_certificate_not_after_timestamp_seconds"] == [
        ({"certificate_type": "host_internal"}, 2_015_360_000),
        ({"certificate_type": "ca"}, 2_015_360_001),
    ]
    whole = pool_families(model_of({"certificate": records}), "Pool", EVERY)
    family = next(one for one in whole if one.name == "xo_certificate_not_after_timestamp_seconds")
    assert [dict(labels.pairs) for labels, _ in family.samples] == [
        {"uuid": "c1", "pool": "Pool", "container": "alpha", "certificate_type": "host_internal"},
        {
            "uuid": "c2",
            "name_label": "ca.pem",
            "pool": "Pool",
            "container": "Pool",
            "certificate_type": "ca",
        },
    ]


def test_cluster() -> None:
    """A cluster tells whether it is quorate, and each host whether it takes part."""
    found = exported(
        {
            "cluster": {
                "c": {
                    "cluster_stack": "corosync",
                    "cluster_token": "S3CRET",
                    "is_quorate": False,
                    "quorum": "2",
                    "live_hosts": "1",
                    "expected_hosts": "3",
                }
            },
            "cluster_host": {
                "ch": {
                    "cluster": "c",
                    "host": "h",
                    "enabled": True,
                    "joined": True,
                    "live": False,
                },
                "ci": {"cluster": "c", "host": "i", "enabled": False},
            },
        }
    )
    clusters = {name: found[name] for name in found if name.startswith("xo_cluster")}
    assert clusters == {
        "xo_cluster_info": [({"cluster_stack": "corosync"}, 1)],
        "xo_cluster_quorate": [({}, 0)],
        "xo_cluster_quorum_hosts": [({}, 2)],
        "xo_cluster_live_hosts": [({}, 1)],
        "xo_cluster_expected_hosts": [({}, 3)],
        "xo_cluster_hosts": [({}, 2)],
        "xo_cluster_host_info": [({"host_uuid": "h"}, 1), ({}, 1)],
        "xo_cluster_host_enabled": [({}, 1), ({}, 0)],
        "xo_cluster_host_joined": [({}, 1)],
        "xo_cluster_host_live": [({}, 0)],
    }
    old = exported({"cluster": {"c": {}}})
    assert {name for name in old if name.startswith("xo_cluster")} == {
        "xo_cluster_info",
        "xo_cluster_hosts",
    }


def test_paths() -> None:
    """Paths are told by SCSI id, where there is a trace of several, or should be one."""
    config = {"multipathed": "true", "mpath-36001405": "[1, 4]", "iscsi_sessions": "4"}
    pbds: dict[str, Fields] = {
        "p1": {
            "host": "h",
            "SR": "s",
            "currently_attached": True,
            "other_config": {**config, "mpath-odd": "?", "storage_driver_domain": "x"},
        },
        "p2": {"host": "h", "SR": "t", "currently_attached": True},
        "p3": {"host": "h", "SR": "u", "currently_attached": True},
    }
    tables: dict[str, Mapping[str, Fields]] = {
        "sr": {
            "s": {"name_label": "SAN", "type": "lvmoiscsi"},
            "t": {"name_label": "LUN", "type": "lvmohba"},
            "u": {"name_label": "NAS", "type": "nfs"},
        },
        "pbd": pbds,
    }
    found = exported({**tables, **of_host(multipathing=True)})
    assert found["xo_pbd_multipath_active"] == [({"sr": "SAN"}, 1), ({"sr": "LUN"}, 0)]
    assert found["xo_pbd_paths"] == [({"sr": "SAN", "scsi_id": "36001405"}, 1)]
    assert found["xo_pbd_best_paths"] == [({"sr": "SAN", "scsi_id": "36001405"}, 4)]
    assert found["xo_pbd_iscsi_sessions"] == [({"sr": "SAN"}, 4)]
    assert exported(tables)["xo_pbd_multipath_active"] == [({"sr": "SAN"}, 1)]
    tables["pbd"] = {"p1": {**pbds["p1"], "currently_attached": False}}
    assert "xo_pbd_paths" not in exported(tables)
    tables["pbd"] = pbds
    assert "xo_pbd_paths" not in exported({**tables, "host_metrics": {"m": {"live": False}}})


@pytest.mark.parametrize(("hosts", "vms"), [(3, 20), (1, 0)])
def test_an_old_pool(hosts: int, vms: int) -> None:
    """What XCP-ng 8.2 doesn't know is no sample, in a pool with nothing but a dom0 neither."""
    database = make_estate(hosts=hosts, vms=vms, seed=1, generation="g1")
    spelled = {name.lower(): name for name in database.tables}
    records = {name: database.tables[spelled[name]] for name in CLASSES}
    found = samples(build(msgspec.convert(records, Records, strict=False), {}))
    assert not found.keys() & {
        metric.name for table in TABLES for metric in table.metrics if metric.since
    }
    expected = {"xo_host_maintenance", "xo_host_reboot_required", "xo_pool_host_versions"}
    assert expected <= found.keys()
    many = {"xo_pool_ha_plan_exists_for", "xo_cluster_hosts", "xo_pbd_paths"}
    assert (found.keys() & many) == (many if hosts > 1 else set())

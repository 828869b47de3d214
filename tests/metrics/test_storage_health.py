"""What the records of SRs and VDIs say of how storage is: field by field, which sample."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest

from tests.metrics.families import pool_families
from xo_exporter.metrics import sr_health, vdi_health
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.model.build import build
from xo_exporter.simulator import make_estate
from xo_exporter.xapi.records import CLASSES, Records

EVERY: Final = dict.fromkeys(COLLECTORS, True)
COMMON: Final = {"name_label", "pool", "container"}
OWN: Final = {
    metric.name
    for table in (sr_health.TABLE, vdi_health.TABLE, vdi_health.DETAILS_TABLE)
    for metric in table.metrics
}

Fields = Mapping[str, Any]
Tables = Mapping[str, Mapping[str, Fields]]
Found = list[tuple[dict[str, str], float]]


def exported(tables: Tables) -> dict[str, Found]:
    """Give our own samples of a pool by name, their labels without names.

    The pool has a host `h` that runs and an SR `s`; `tables` adds to its records.
    """
    base: Tables = {"pool": {"p": {}}, "host": {"h": {}}, "sr": {"s": {"type": "ext"}}}
    whole = {
        name: {
            ref: {"uuid": ref, **base.get(name, {}).get(ref, {}), **fields}
            for ref, fields in {**base.get(name, {}), **tables.get(name, {})}.items()
        }
        for name in CLASSES
    }
    return samples(msgspec.convert(whole, Records, strict=False))


def samples(records: Records) -> dict[str, Found]:
    """Give our own samples of a pool by name, their labels without names."""
    found: dict[str, Found] = {}
    for family in pool_families(build(records, {}), "Pool", EVERY):
        for labels, value in family.samples:
            if family.name in OWN:
                rest = {name: text for name, text in labels.pairs if name not in COMMON}
                found.setdefault(family.name, []).append((rest, float(value)))
    return found


def on_sr(vdis: Mapping[str, Fields], **more: Mapping[str, Fields]) -> dict[str, Found]:
    """Give the samples of a pool with these VDIs on its SR, which are disks of VMs."""
    common = {"SR": "s", "type": "user", "managed": True}
    return exported({"vdi": {ref: {**common, **vdi} for ref, vdi in vdis.items()}, **more})


def by_kind(found: Found) -> dict[str, float]:
    """Give the values of one SR by the label `kind`."""
    return {labels["kind"]: value for labels, value in found if labels["uuid"] == "s"}


@pytest.mark.parametrize(
    ("sr", "labels"),
    [
        ({"type": "ext"}, {"allocation": "thin"}),
        ({"type": "nfs"}, {"allocation": "thin"}),
        ({"type": "lvm"}, {"allocation": "thick"}),
        ({"type": "lvmoiscsi"}, {"allocation": "thick"}),
        ({"type": "lvmoiscsi", "sm_config": {"allocation": "thin"}}, {"allocation": "thin"}),
        ({"type": "lvmohba", "sm_config": {"allocation": "xlvhd"}}, {"allocation": "thin"}),
        ({"type": "linstor"}, {"allocation": "thick"}),
        ({"type": "mine", "sm_config": {"allocation": "odd"}}, {}),
        ({"type": "mine"}, {}),
        ({"type": "mine", "content_type": "iso"}, {"content_type": "iso"}),
        ({"type": "mine", "is_tools_sr": True}, {"tools_sr": "true"}),
        ({"type": "mine", "local_cache_enabled": False}, {"local_cache": "false"}),
        ({"type": "mine", "other_config": {"auto-scan": "true"}}, {"auto_scan": "true"}),
        ({"type": "made"}, {"writable": "true"}),
        ({"type": "given"}, {"writable": "false"}),
    ],
)
def test_properties(sr: Fields, labels: Mapping[str, str]) -> None:
    """What an SR is for stands in labels; what nothing tells is no label."""
    tables: Tables = {
        "sr": {"s": sr},
        "pbd": {
            "p2": {"SR": "s", "host": "h", "device_config": {"provisioning": "thin"}},
            "p1": {
                "SR": "s",
                "host": "h",
                "device_config": {"provisioning": "thick", "password": "S3CRET"},
            },
        },
        "sm": {
            "m1": {"type": "made", "features": {"VDI_CREATE": "1", "VDI_ATTACH": "2"}},
            "m2": {"type": "given", "features": {"VDI_ATTACH": "2"}},
        },
    }
    found = exported(tables)
    base = {"uuid": "s", "default_sr": "false", "auto_scan": "false"}
    assert found["xo_sr_properties_info"] == [({**base, **labels}, 1)]
    assert "S3CRET" not in str(found)


def test_default_sr() -> None:
    """One SR is the pool's default one."""
    found = exported({"pool": {"p": {"default_SR": "s"}}, "sr": {"s": {}, "t": {}}})
    defaults = [labels["default_sr"] for labels, _ in found["xo_sr_properties_info"]]
    assert defaults == ["true", "false"]


@pytest.mark.parametrize(
    ("config", "value"), [({"xo:maintenanceState": "{}"}, 1), ({"dirty": ""}, 0), ({}, 0)]
)
def test_maintenance(config: Fields, value: int) -> None:
    """An SR is in maintenance while Xen Orchestra keeps what is to be restored after it."""
    found = exported({"sr": {"s": {"other_config": config}}})
    assert found["xo_sr_maintenance"] == [({"uuid": "s"}, value)]


def test_attached_pbds() -> None:
    """Those PBDs count that are attached; what is unknown is not."""
    pbds: dict[str, Fields] = {
        "p1": {"SR": "s", "host": "h", "currently_attached": True},
        "p2": {"SR": "s", "host": "h", "currently_attached": False},
        "p3": {"SR": "s", "host": "h"},
        "p4": {"SR": "t", "host": "h", "currently_attached": True},
    }
    assert exported({"pbd": pbds})["xo_sr_attached_pbds"] == [({"uuid": "s"}, 1)]


def test_stored_vdis() -> None:
    """All that lies on an SR counts by its kind, with the bytes that are known."""
    found = on_sr(
        {
            "d1": {"physical_utilisation": "10"},
            "d2": {"physical_utilisation": "-1"},
            "s1": {"is_a_snapshot": True, "physical_utilisation": "3"},
            "s2": {"snapshot_of": "d1", "managed": False, "physical_utilisation": "4"},
            "b1": {"managed": False, "physical_utilisation": "-1"},
            "elsewhere": {"SR": "t", "physical_utilisation": "99"},
        }
    )
    assert by_kind(found["xo_sr_stored_vdis"]) == {"disk": 2, "snapshot": 2, "unmanaged": 1}
    assert by_kind(found["xo_sr_stored_vdi_usage_bytes"]) == {"disk": 10, "snapshot": 7}
    nothing = exported({})
    assert by_kind(nothing["xo_sr_stored_vdi_usage_bytes"]) == dict.fromkeys(
        ("disk", "snapshot", "unmanaged"), 0
    )


def test_unattached_vdis() -> None:
    """What no VBD of any VM names, template or snapshot, and only a VM could use, is of no use."""
    found = on_sr(
        {
            "used": {"physical_utilisation": "1"},
            "of a template": {"physical_utilisation": "1"},
            "orphan": {"physical_utilisation": "5"},
            "system": {"type": "system", "physical_utilisation": "6"},
            "statefile": {"type": "ha_statefile", "physical_utilisation": "1"},
            "snapshot": {"is_a_snapshot": True, "physical_utilisation": "2"},
            "base": {"managed": False, "physical_utilisation": "1"},
        },
        vm={"v": {}, "w": {"is_a_template": True}},
        vbd={"x": {"VM": "v", "VDI": "used"}, "y": {"VM": "w", "VDI": "of a template"}},
    )
    assert by_kind(found["xo_sr_unattached_vdis"]) == {"disk": 2, "snapshot": 1}
    assert by_kind(found["xo_sr_unattached_vdi_usage_bytes"]) == {"disk": 11, "snapshot": 2}


@pytest.mark.parametrize(
    ("sr", "counted"),
    [
        ({"type": "iso", "physical_size": "100"}, False),
        ({"type": "udev", "physical_size": "100"}, False),
        ({"type": "udev", "physical_size": "0"}, True),
        ({"type": "nfs", "physical_size": "100"}, True),
    ],
)
def test_images_are_not_unattached(sr: Fields, counted: bool) -> None:  # noqa: FBT001  a parameter
    """An image that no drive holds, and a removable disk, is no orphan."""
    found = on_sr({"d": {}}, sr={"s": sr})
    assert ("xo_sr_unattached_vdis" in found) == counted


def test_missing_vdis() -> None:
    """A VDI that a scan did not find counts for its SR, and a disk tells it of itself."""
    found = on_sr(
        {
            "d1": {"missing": True},
            "d2": {"missing": False},
            "b": {"missing": True, "managed": False},
        }
    )
    assert found["xo_sr_missing_vdis"] == [({"uuid": "s"}, 2)]
    assert found["xo_vdi_missing"] == [({"uuid": "d1"}, 1), ({"uuid": "d2"}, 0)]
    assert "xo_vdi_missing" not in on_sr({"d1": {}})


def lies_on(parent: str, **more: Any) -> Fields:
    """Give the fields of a VDI that lies on another one."""
    return {"sm_config": {"vhd-parent": parent, "host_OpaqueRef:1": "RW"}, **more}


def test_chains() -> None:
    """A disk's chain is its own image and all below it; one that breaks off has no length."""
    base = {"managed": False}
    found = on_sr(
        {
            "alone": {},
            "leaf": lies_on("b2"),
            "snapshot": lies_on("b2", is_a_snapshot=True),
            "b2": lies_on("b1", **base),
            "b1": lies_on("b0", **base),
            "b0": base,
            "broken": lies_on("gone"),
            "round": lies_on("r1"),
            "r1": lies_on("r2", **base),
            "r2": lies_on("r1", **base),
            "image": {"SR": "i"},
            "nowhere": {"SR": "u"},
            "twin": lies_on("b0", SR="t"),
        },
        sr={"s": {}, "i": {"type": "iso"}, "t": {}},
    )
    lengths = {labels["uuid"]: value for labels, value in found["xo_vdi_chain_length"]}
    assert lengths == {"alone": 1, "leaf": 4}
    of_srs = {
        name: {labels["uuid"]: value for labels, value in found[name]}
        for name in ("xo_sr_vdis_to_coalesce", "xo_sr_parentless_vdis")
    }
    assert of_srs == {
        "xo_sr_vdis_to_coalesce": {"s": 3, "i": 0, "t": 0},
        "xo_sr_parentless_vdis": {"s": 1, "i": 0, "t": 1},
    }


@pytest.mark.parametrize(
    ("fields", "name", "labels", "value"),
    [
        ({"read_only": True}, "xo_vdi_read_only", {}, 1),
        ({"sharable": False}, "xo_vdi_sharable", {}, 0),
        ({"cbt_enabled": True}, "xo_vdi_cbt_enabled", {}, 1),
        ({}, "xo_vdi_snapshots", {}, 2),
        ({}, "xo_vdi_snapshot_usage_bytes", {}, 7),
        (
            {"type": "system", "on_boot": "reset", "sm_config": {"image-format": "qcow2"}},
            "xo_vdi_properties_info",
            {"vdi_type": "system", "on_boot": "reset", "image_format": "qcow2"},
            1,
        ),
    ],
)
def test_details(fields: Fields, name: str, labels: Mapping[str, str], value: int) -> None:
    """Each further field of a disk is the value of its metric."""
    snapshot = {"is_a_snapshot": True, "snapshot_of": "d"}
    found = on_sr(
        {
            "d": fields,
            "s1": {**snapshot, "physical_utilisation": "3"},
            "s2": {**snapshot, "physical_utilisation": "4"},
        }
    )
    assert found[name] == [({"uuid": "d", **labels}, value)]


def test_details_are_off_unless_chosen() -> None:
    """What is dear, and few need, is exported where somebody asks for it."""
    assert COLLECTORS["vdi_details"] is False
    assert all(COLLECTORS[name] for name in ("sr_health", "vdi_health"))


@pytest.mark.parametrize("vms", [20, 0])
def test_an_old_pool(vms: int) -> None:
    """An XCP-ng 8.2, with VMs or without, gives what it knows."""
    database = make_estate(hosts=1, vms=vms, seed=1, generation="g1")
    spelled = {name.lower(): name for name in database.tables}
    records = {name: database.tables[spelled[name]] for name in CLASSES}
    found = samples(msgspec.convert(records, Records, strict=False))
    assert {name for name in OWN if name.startswith("xo_sr_")} <= found.keys()

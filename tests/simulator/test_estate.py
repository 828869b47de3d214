"""The estate from a seed: complete, consistent, and of every kind that a pool has."""

import re

import pytest

from xo_exporter.simulator import (
    GENERATIONS,
    NEWEST,
    NULL,
    Database,
    Generation,
    make_estate,
    schema,
)
from xo_exporter.simulator.database import MIRRORED
from xo_exporter.simulator.estate_copies import JOBS
from xo_exporter.simulator.schema import Release

NOW = 1_700_000_000.0


@pytest.fixture(scope="module")
def large() -> Database:
    """Make a pool of eight hosts."""
    return make_estate(hosts=8, vms=160, seed=4, now=NOW)


def test_the_seed_decides() -> None:
    """One seed gives the same records to the byte, another one others."""
    first, second = (make_estate(hosts=2, vms=10, seed=5, now=NOW) for _ in range(2))
    assert first.tables == second.tables
    third = make_estate(hosts=2, vms=10, seed=6, now=NOW)
    assert not set(first.tables["VM"]) & set(third.tables["VM"])


@pytest.mark.parametrize(
    ("generation", "release"), [*((generation, None) for generation in GENERATIONS), ("g4", NEWEST)]
)
def test_records_are_complete(generation: Generation, release: Release | None) -> None:
    """Every record has the fields of its class and release, each of its type."""
    database = make_estate(hosts=2, vms=20, seed=1, generation=generation, now=NOW, release=release)
    for cls, table in database.tables.items():
        fields = schema.fields(cls, database.release)
        for record in table.values():
            assert record.keys() == fields.keys()
            for name, value in record.items():
                check_type(f"{cls}.{name}", fields[name], value)


def check_type(where: str, kind: str, value: object) -> None:
    """Compare a value with the type of its field."""
    if kind.endswith(" map"):
        assert isinstance(value, dict), where
        assert all(isinstance(item, str) for item in value.values()), where
    elif kind.endswith(" set"):
        assert isinstance(value, list), where
        assert all(isinstance(item, str) for item in value), where
    elif kind == "int":
        assert isinstance(value, str), where
        assert re.fullmatch(r"-?\d+", value), where
    elif kind == "datetime":
        assert isinstance(value, str), where
        assert re.fullmatch(r"\d{8}T\d\d:\d\d:\d\dZ", value), where
    else:
        assert isinstance(value, {"bool": bool, "float": float}.get(kind, str)), where


def test_references_lead_somewhere(large: Database) -> None:
    """No reference of a made estate dangles."""
    for cls, table in large.tables.items():
        for field, kind in schema.fields(cls, large.release).items():
            match = re.fullmatch(r"(\w+) ref( set)?", kind)
            if match is None:
                continue
            for record in table.values():
                refs = record[field] if match[2] else [record[field]]
                for ref in refs:
                    assert ref == NULL or ref in large.tables[match[1]], (cls, field, ref)


def test_sets_and_references_agree(large: Database) -> None:
    """Each set holds exactly the children that refer to it."""
    for child, named in MIRRORED.items():
        for field, (parent, mirror) in named.items():
            for ref, record in large.tables[parent].items():
                expected = [key for key, row in large.tables[child].items() if row[field] == ref]
                assert sorted(record[mirror]) == sorted(expected), (parent, mirror)


def test_uuids_are_unique(large: Database) -> None:
    """No two objects share a UUID."""
    uuids = [record["uuid"] for table in large.tables.values() for record in table.values()]
    assert len(uuids) == len(set(uuids))


def test_every_kind_is_there(large: Database) -> None:
    """States, agents, snapshots, backups, replicas, orphans, detached and unscanned storage."""
    tables = large.tables
    guests = [
        record
        for record in tables["VM"].values()
        if not (record["is_a_template"] or record["is_a_snapshot"] or record["is_control_domain"])
    ]
    states = {record["power_state"] for record in guests}
    assert states == {"Running", "Halted", "Paused", "Suspended"}
    running = [record for record in guests if record["power_state"] == "Running"]
    assert 0.6 < len(running) / len(guests) < 0.85
    agents = {record["guest_metrics"] != NULL for record in running}
    assert agents == {True, False}
    assert any(not name["name_label"].isascii() for name in guests)
    assert any(record["tags"] for record in guests)
    assert {record["ha_restart_priority"] for record in guests} >= {"", "restart", "best-effort"}
    assert any("xo:backup:sr" in record["other_config"] for record in guests)
    assert any(record["VGPUs"] for record in guests)
    snapshots = [record for record in tables["VM"].values() if record["is_a_snapshot"]]
    marks = [record["other_config"] for record in snapshots]
    exported = {(one.get("xo:backup:job"), "xo:backup:exported" in one) for one in marks}
    assert exported == {
        (JOBS["nightly"], True),
        (JOBS["nightly"], False),
        (JOBS["full"], False),
        (JOBS["rolling"], False),
        (None, False),
    }
    whole = {(one.get("xo:backup:vm"), one.get("xo:backup:datetime")) for one in marks}
    purged = [
        record
        for record in tables["VDI"].values()
        if record["is_a_snapshot"]
        and record["other_config"].get("xo:backup:exported")
        and (record["other_config"]["xo:backup:vm"], record["other_config"]["xo:backup:datetime"])
        not in whole
    ]
    assert purged
    assert {(record["type"], *record["VBDs"]) for record in purged} == {("cbt_metadata",)}
    assert all(record["is_a_template"] for record in snapshots)
    assert sum(record["is_default_template"] for record in tables["VM"].values()) >= 30
    disks = tables["VDI"].values()
    assert any(not disk["managed"] for disk in disks)
    assert any(disk["managed"] and not disk["VBDs"] and disk["type"] == "user" for disk in disks)
    assert any(disk["missing"] for disk in disks)
    assert {disk["type"] for disk in disks} >= {"user", "suspend"}
    kinds = {record["type"] for record in tables["SR"].values()}
    assert kinds >= {"ext", "lvm", "nfs", "lvmoiscsi", "iso", "udev"}
    assert any(record["physical_size"] == "-1" for record in tables["SR"].values())
    assert {record["currently_attached"] for record in tables["PBD"].values()} == {True, False}
    assert any(record["empty"] for record in tables["VBD"].values())
    assert any(record["VLAN"] != "-1" for record in tables["PIF"].values())
    for cls in ("Bond", "Certificate", "PGPU", "PUSB", "SM", "message", "pool_update", "task"):
        assert tables[cls], cls


def test_sizes_add_up(large: Database) -> None:
    """An SR holds what its disks take, and a host's free memory is what its domains leave."""
    tables = large.tables
    for record in tables["SR"].values():
        if record["type"] in {"ext", "nfs", "lvm", "lvmoiscsi", "zfs"}:
            disks = [tables["VDI"][ref] for ref in record["VDIs"]]
            used = sum(int(disk["physical_utilisation"]) for disk in disks)
            virtual = sum(int(disk["virtual_size"]) for disk in disks)
            assert int(record["physical_utilisation"]) == used
            assert int(record["virtual_allocation"]) == virtual
            assert used < int(record["physical_size"])
    for host in tables["host"].values():
        metrics = tables["host_metrics"][host["metrics"]]
        used = int(host["memory_overhead"])
        for ref in host["resident_VMs"]:
            vm = tables["VM"][ref]
            used += int(tables["VM_metrics"][vm["metrics"]]["memory_actual"])
            used += int(vm["memory_overhead"])
        assert int(metrics["memory_free"]) == int(metrics["memory_total"]) - used


def test_records_are_as_large_as_real_ones(large: Database) -> None:
    """Hosts and VMs are printed in kilobytes, as real ones are."""
    sizes = {
        cls: sum(len(large.json(cls, ref)) for ref in large.tables[cls]) / len(large.tables[cls])
        for cls in ("VM", "host", "VDI")
    }
    assert 3_500 < sizes["VM"] < 9_000
    assert 7_000 < sizes["host"] < 25_000
    assert 700 < sizes["VDI"] < 2_500


@pytest.mark.parametrize(
    ("generation", "xapi"), [("g1", "1.20"), ("g2", "23.35"), ("g3", "24.19"), ("g4", "25.6")]
)
def test_the_generation_shows_in_the_version(generation: Generation, xapi: str) -> None:
    """software_version tells which release of xapi runs."""
    database = make_estate(hosts=1, vms=0, generation=generation, now=NOW)
    _, host = database.only("host")
    assert host["software_version"]["xapi"] == xapi
    assert host["software_version"]["product_brand"] == "XCP-ng"


def test_a_single_host_has_a_pool_without_a_name() -> None:
    """As after an installation: the pool has no name, and all storage is local but ISOs."""
    database = make_estate(hosts=1, vms=3, now=NOW)
    assert database.only("pool")[1]["name_label"] == ""
    shared = [record for record in database.tables["SR"].values() if record["shared"]]
    assert {record["content_type"] for record in shared} == {"iso"}


@pytest.mark.parametrize(("hosts", "vms"), [(0, 1), (1, -1)])
def test_impossible_estates(hosts: int, vms: int) -> None:
    """There is no pool without a host."""
    with pytest.raises(ValueError, match="at least one host"):
        make_estate(hosts=hosts, vms=vms)


@pytest.mark.parametrize("vms", [0, 1, 19, 20, 60, 200])
def test_there_are_as_many_vms_as_asked_for(vms: int) -> None:
    """Guests and replicas are so many together; templates, snapshots and domain 0 come on top."""
    records = make_estate(hosts=2, vms=vms, seed=3).tables["VM"].values()
    guests = [
        record
        for record in records
        if not (record["is_a_template"] or record["is_a_snapshot"] or record["is_control_domain"])
    ]
    assert len(guests) == vms
    assert any("xo:backup:sr" in record["other_config"] for record in guests) == (vms >= 20)

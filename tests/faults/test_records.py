"""Records that are not what XAPI's are: what can be read is, what can't is reported."""

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from xo_exporter.simulator import Garbage, SimulatedPool

if TYPE_CHECKING:
    from tests.faults.conftest import Rig

UP_0 = {("xo_up", (("pool", "broken"),)): 0.0}


def a_guest(pool: SimulatedPool) -> tuple[str, dict[str, Any]]:
    """Give the first running VM that is a guest, with its record."""
    return next(
        (ref, record)
        for ref, record in pool.database.tables["VM"].items()
        if record["power_state"] == "Running" and not record["is_control_domain"]
    )


def spoil(pool: SimulatedPool, cls: str, ref: str, **changes: Any) -> None:
    """Change a record to what the simulated pool itself would not make of it."""
    pool.database.tables[cls][ref].update(changes)
    pool.database.touch(cls, ref)
    pool.database.drop_cache([cls])


WRONG_TYPES: dict[str, Any] = {
    "name_label": ["a", "list"],
    "tags": "text",
    "power_state": {"a": "map"},
    "is_a_template": "perhaps",
    "resident_on": 7,
    "memory_dynamic_max": "many",
    "VCPUs_at_startup": [],
    "uuid": None,
    "metrics": {"x": ["y"] * 10},
}


@pytest.mark.parametrize("field", WRONG_TYPES)
@pytest.mark.parametrize("jsonrpc", ["works", "missing"])
async def test_a_wrong_type(field: str, jsonrpc: Any, rig: "Rig") -> None:
    """A field of another type fails the objects, in one line that names the record."""
    pool = rig.broken
    pool.faults.jsonrpc = jsonrpc
    whole = await rig.scrape()
    ref, record = a_guest(pool)
    kept = record[field]
    spoil(pool, "VM", ref, **{field: WRONG_TYPES[field]})
    if field == "uuid" and jsonrpc == "missing":
        spoil(pool, "VM", ref, uuid={})  # XML-RPC has no null
    struck = await rig.scrape()
    assert struck.names("sound") == whole.names("sound")
    assert struck.of("broken") == UP_0
    assert struck.errors("broken") == {"objects": 1.0}
    (line,) = struck.warnings
    assert line["stage"] == "objects"
    assert ref in line["error"]
    assert field in line["error"]
    spoil(pool, "VM", ref, **{field: kept})
    after = await rig.scrape()
    assert after.names("broken") == whole.names("broken")
    assert rig.logins == 1


async def test_missing_fields(rig: "Rig") -> None:
    """Records that hold their UUID alone are objects of which nothing more is known."""
    pool = rig.broken
    flags = ("is_control_domain", "is_a_template", "is_a_snapshot")
    guests = [
        record["uuid"]
        for record in pool.database.tables["VM"].values()
        if not any(record[flag] for flag in flags)
    ]
    more = {"VM": flags, "host": ("metrics", "address"), "host_metrics": ("live",)}
    for cls, encoded in pool.database._json.items():
        for ref, record in pool.database.tables[cls].items():
            kept = {name: record[name] for name in ("uuid", *more.get(cls, ())) if name in record}
            encoded[ref] = msgspec.json.encode(kept)
    scraped = await rig.scrape()
    assert scraped.up("broken") == 1
    assert scraped.up("sound") == 1
    infos = [dict(labels) for name, labels in scraped.of("broken") if name == "xo_vm_info"]
    assert sorted(info["uuid"] for info in infos) == sorted(guests)
    assert not [name for name, _ in scraped.of("broken") if name == "xo_vm_memory_size_bytes"]
    assert scraped.warnings == []


async def test_unknown_values_of_enumerations(rig: "Rig") -> None:
    """A state or type that no XAPI had yet costs what depends on it, and nothing else."""
    pool = rig.broken
    whole = await rig.scrape()
    ref, record = a_guest(pool)
    pool.database.modify("VM", ref, power_state="Levitating")
    for vbd in record["VBDs"]:
        pool.database.modify("VBD", vbd, type="Tape", mode="XX")
    for sr in pool.database.tables["SR"]:
        pool.database.modify("SR", sr, type="punched cards", content_type="")
    scraped = await rig.scrape()
    assert scraped.warnings == []
    assert scraped.up("broken") == 1
    uuids = {dict(labels)["uuid"] for name, labels in whole.of("broken") if name == "xo_vm_info"}
    assert {
        dict(labels)["uuid"] for name, labels in scraped.of("broken") if name == "xo_vm_info"
    } == uuids
    states = {
        value
        for (name, labels), value in scraped.of("broken").items()
        if name == "xo_vm_power_state" and ("uuid", record["uuid"]) in labels
    }
    assert states <= {0.0}


EVENTS = (
    b'{"jsonrpc":"2.0","id":1,"result":{"token":"00000000000000000009,00000000000000000000",'
    b'"valid_ref_counts":{"spaceship":7,"vm":9999},"events":['
    b'{"id":"1","timestamp":"0.0","class":"spaceship","operation":"add","ref":"OpaqueRef:1",'
    b'"snapshot":{"warp":[[[1]]]}},'
    b'{"id":"1","timestamp":"0.0","class":"vm","operation":"explode","ref":"OpaqueRef:1",'
    b'"snapshot":{"uuid":"u"}}]}}'
)


async def test_unknown_classes_and_operations(rig: "Rig") -> None:
    """Events of classes and kinds that nobody knows are an answer like any other, and mend."""
    pool = rig.broken
    whole = await rig.scrape()
    pool.faults.add(Garbage(EVENTS, "application/json"), method="event.from", times=2)
    struck = await rig.scrape()
    assert struck.up("broken") == struck.up("sound") == 1
    assert struck.warnings == []
    after = await rig.scrape()
    assert after.names("broken") == whole.names("broken")
    assert rig.logins == 1


@pytest.mark.parametrize("jsonrpc", ["works", "missing"])
async def test_ill_formed_names(jsonrpc: Any, rig: "Rig") -> None:
    """An ill-formed byte or a lone surrogate in a name becomes U+FFFD and costs nothing else."""
    pool = rig.broken
    pool.faults.jsonrpc = jsonrpc
    ref, record = a_guest(pool)
    pool.database.modify("VM", ref, name_label="a\udcffb\ud800c", tags=["x\udcc3", "y"])
    names = {"host": "\udcfe", "SR": "\x01\x1b[31m", "VDI": '"\\\n{}#', "pool": "\udfff"}
    for cls, name in names.items():
        pool.database.modify(cls, next(iter(pool.database.tables[cls])), name_label=name)
    scraped = await rig.scrape()
    assert scraped.warnings == []
    assert scraped.up("broken") == scraped.up("sound") == 1
    labels = {
        dict(pairs)["name_label"]
        for name, pairs in scraped.of("broken")
        if ("uuid", record["uuid"]) in pairs
    }
    assert labels == {"a\ufffdb\ufffdc"}
    tags = {dict(pairs)["tag"] for name, pairs in scraped.of("broken") if name == "xo_vm_tag_info"}
    assert {"x\ufffd", "y"} <= tags


@pytest.mark.parametrize("size", [1_000_000])
async def test_a_very_long_name(size: int, rig: "Rig") -> None:
    """A name of a megabyte is a name; the scrape is in time."""
    ref, record = a_guest(rig.broken)
    rig.broken.database.modify("VM", ref, name_description="x" * size)
    scraped = await rig.scrape()
    assert scraped.warnings == []
    (info,) = [
        dict(labels)
        for name, labels in scraped.of("broken")
        if name == "xo_vm_info" and ("uuid", record["uuid"]) in labels
    ]
    assert len(info["name_description"]) == size


async def test_references_to_nothing(rig: "Rig") -> None:
    """References that lead nowhere, or to another class, leave no series about what isn't there."""
    pool = rig.broken
    hosts = {host["uuid"] for host in pool.database.tables["host"].values()}
    for cls, field in (("VBD", "VDI"), ("PBD", "SR"), ("VM", "resident_on"), ("VDI", "SR")):
        for number, ref in enumerate(pool.database.tables[cls]):
            nowhere = ["OpaqueRef:gone", "", "OpaqueRef:NULL", pool.master][number % 4]
            spoil(pool, cls, ref, **{field: nowhere})
    scraped = await rig.scrape()
    assert scraped.up("broken") == 1
    assert scraped.errors("broken") == {}
    known = {dict(labels).get("uuid") for _, labels in scraped.of("broken")}
    for name, labels in scraped.of("broken"):
        if name.endswith("_info"):
            pairs = dict(labels)
            for link in ("container_uuid", "host_uuid", "sr_uuid", "vm_uuid", "vdi_uuid"):
                assert pairs.get(link, "") in known | {""}, (name, pairs)
    assert hosts <= known

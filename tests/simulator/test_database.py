"""Tables of records: complete, cheap to print, and their sets in step with references."""

import json

import pytest

from xo_exporter.simulator import NULL, Database, schema


def small() -> Database:
    """Make one VM with a disk on an SR."""
    return Database.from_records(
        {
            "VM": {"vm": {"name_label": "one"}},
            "SR": {"sr": {}, "other": {}},
            "VDI": {"vdi": {"SR": "sr"}},
            "VBD": {"vbd": {"VM": "vm", "VDI": "vdi"}},
        }
    )


def test_records_are_completed() -> None:
    """A partial record gets every field of its class, a UUID of its own among them."""
    database = small()
    record = database.tables["VM"]["vm"]
    assert list(record) == list(schema.fields("VM", schema.XAPI_VERSION["g4"]))
    assert record["name_label"] == "one"
    assert record["power_state"] == "Halted"
    assert len(record["uuid"]) == 36
    assert record["uuid"] == small().tables["VM"]["vm"]["uuid"]
    assert record["uuid"] != database.tables["VDI"]["vdi"]["uuid"]


def test_sets_mirror_references() -> None:
    """VM.VBDs and its like follow from the references of the children."""
    database = small()
    assert database.tables["VM"]["vm"]["VBDs"] == ["vbd"]
    assert database.tables["SR"]["sr"]["VDIs"] == ["vdi"]
    before = database.clock
    database.modify("VDI", "vdi", SR="other")
    assert database.tables["SR"]["sr"]["VDIs"] == []
    assert database.tables["SR"]["other"]["VDIs"] == ["vdi"]
    assert set(database.changed_since("SR", before)[1]) == {"sr", "other"}
    database.delete("VBD", "vbd")
    assert database.tables["VM"]["vm"]["VBDs"] == []


def test_lists_can_be_kept_as_given() -> None:
    """A hand-written estate may contradict itself, and say so on the wire."""
    records: dict[str, dict[str, dict[str, object]]] = {
        "VM": {"vm": {"VBDs": ["gone", "vbd", "vbd"]}},
        "VBD": {"vbd": {"VM": "nowhere"}},
    }
    kept = Database.from_records(records, keep_lists=True)
    assert kept.tables["VM"]["vm"]["VBDs"] == ["gone", "vbd", "vbd"]
    kept.modify("VBD", "vbd", VM="vm", keep_lists=True)
    assert kept.tables["VM"]["vm"]["VBDs"] == ["gone", "vbd", "vbd"]
    assert Database.from_records(records).tables["VM"]["vm"]["VBDs"] == []


def test_records_given_are_not_changed() -> None:
    """What a test passes in is still the same afterwards."""
    given: dict[str, dict[str, dict[str, object]]] = {
        "SR": {"sr": {"VDIs": ["odd"]}},
        "VDI": {"vdi": {"SR": "sr"}},
    }
    database = Database.from_records(given)
    assert database.tables["SR"]["sr"]["VDIs"] == ["vdi"]
    assert given["SR"]["sr"]["VDIs"] == ["odd"]


def test_dangling_references_and_odd_sizes_stay() -> None:
    """Nothing is validated away."""
    database = Database.from_records({"VDI": {"vdi": {"SR": "nowhere", "virtual_size": "-1"}}})
    assert json.loads(database.json("VDI", "vdi"))["SR"] == "nowhere"
    assert json.loads(database.json("VDI", "vdi"))["virtual_size"] == "-1"


def test_a_record_is_printed_once_per_change() -> None:
    """The bytes of a record are the same object until it changes."""
    database = small()
    first = database.json("VM", "vm")
    assert database.json("VM", "vm") is first
    database.modify("VM", "vm", name_label="two")
    assert json.loads(database.json("VM", "vm"))["name_label"] == "two"
    assert b"<name>name_label</name><value>two</value>" in database.xml("VM", "vm")


def test_unknown_fields_are_refused_and_future_ones_left_out() -> None:
    """A mistyped field is an error; one that this generation lacks is not printed."""
    database = Database.from_records({"VM": {"vm": {}}}, generation="g1")
    with pytest.raises(KeyError):
        database.modify("VM", "vm", nome_label="x")
    database.modify("VM", "vm", groups=["group"])
    assert "groups" not in database.tables["VM"]["vm"]


def test_rows_of_every_table_are_counted() -> None:
    """The counts name every table in lower case, empty ones too, and no messages."""
    database = small()
    database.add("message", name="ALARM")
    counts = database.counts()
    assert counts["vbd"] == 1
    assert counts["sr"] == 2
    assert counts["role"] == 0
    assert "message" not in counts
    assert all(name == name.lower() for name in counts)


def test_a_reference_that_is_null_mirrors_nothing() -> None:
    """NULL belongs to no object."""
    database = small()
    ref = database.add("VBD", VM=NULL, VDI=NULL)
    assert ref not in database.tables["VM"]["vm"]["VBDs"]


def test_odd_text_and_numbers_are_printed_raw() -> None:
    """Raw bytes, lone surrogates, NaN and infinity go out as a broken pool would print them."""
    database = small()
    database.modify("VM", "vm", name_label="a\udcffb\ud800c", HVM_shadow_multiplier=float("nan"))
    printed = database.json("VM", "vm")
    assert b'"name_label":"a\xffb\\ud800c"' in printed
    assert b'"HVM_shadow_multiplier":NaN' in printed
    assert b"<value>a\xffb\xed\xa0\x80c</value>" in database.xml("VM", "vm")
    database.add("VM_metrics", ref="m", VCPUs_utilisation={"0": float("inf")})
    assert b'"VCPUs_utilisation":{"0":Infinity}' in database.json("VM_metrics", "m")


def test_xml_has_xapis_types() -> None:
    """Strings and ints are bare, booleans, doubles and times have elements of their own."""
    database = Database.from_records({"VM": {"vm": {"name_label": "<&>", "tags": ["a"]}}})
    printed = database.xml("VM", "vm")
    for expected in (
        b"<name>name_label</name><value>&lt;&amp;&gt;</value>",
        b"<name>memory_target</name><value>0</value>",
        b"<name>is_a_template</name><value><boolean>0</boolean></value>",
        b"<name>HVM_shadow_multiplier</name><value><double>1</double></value>",
        b"<dateTime.iso8601>19700101T00:00:00Z</dateTime.iso8601>",
        b"<name>tags</name><value><array><data><value>a</value></data></array></value>",
        b"<name>platform</name><value><struct></struct></value>",
    ):
        assert expected in printed

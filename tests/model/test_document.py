"""The object model as JSON."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from xo_exporter.model.document import TYPES, document
from xo_exporter.model.objects import PoolModel
from xo_exporter.model.totals import total, totals_of
from xo_exporter.rrd.values import HostRrd

Model = Callable[..., PoolModel]

FIELDS: Final[Mapping[str, set[str]]] = {
    "xo": {"pools", "$CPUs", "$running_VMs", "$vCPUs", "$memory"},
    "pool": {
        *("name_label", "name_description", "tags", "SRs", "default_SR", "HA_enabled", "hosts"),
        *("master", "VMs", "$running_hosts", "$running_VMs", "$VMs"),
    },
    "host": {
        *("name_label", "name_description", "tags", "address", "controller", "CPUs", "enabled"),
        *("hostname", "iSCSI_name", "memory", "power_state", "SRs", "VMs", "$PBDs", "$pool"),
        *("$running_VMs", "$vCPUs"),
    },
    "VM": {
        *("name_label", "name_description", "tags", "address", "memory", "power_state", "CPUs"),
        *("$CPU_usage", "$container", "$VBDs"),
    },
    "SR": {
        *("name_label", "name_description", "tags", "SR_type", "physical_usage", "usage", "size"),
        *("VDIs", "$container", "$PBDs"),
    },
    "PBD": {"attached", "host", "SR"},
    "VDI": {"name_label", "name_description", "usage", "size", "$SR", "$VBD"},
    "VBD": {"VDI", "VM"},
}
"""The fields of each type in the specification, beside `type` and `UUID`, which all have."""

FULL: Final[Mapping[str, Any]] = {
    "pool": {"p": {"name_label": "Main", "master": "h", "default_SR": "s", "ha_enabled": True}},
    "host": {"h": {"metrics": "m", "cpu_info": {"cpu_count": "2"}, "iscsi_iqn": "iqn.x"}},
    "host_metrics": {"m": {"live": True, "memory_total": "4096", "memory_free": "1024"}},
    "vm": {"v": {"power_state": "Running", "resident_on": "h", "VCPUs_at_startup": "1"}},
    "sr": {"s": {"type": "ext", "physical_size": "9"}},
    "pbd": {"b": {"host": "h", "SR": "s", "currently_attached": True}},
    "vdi": {"d": {"SR": "s"}},
    "vbd": {"x": {"VM": "v", "VDI": "d"}},
    "rrds": {"h": HostRrd.of({"h": {"cpu0": 0.25}}, {"v": {"cpu0": 0.5}}, 1.0)},
}


def dump(models: list[PoolModel], only: str | None = None) -> dict[str, Any]:
    """Give the document as a reader of the JSON text finds it."""
    found: dict[str, Any] = json.loads(
        json.dumps(document(total([totals_of(model) for model in models]), models, only))
    )
    return found


def test_every_field_of_the_specification(model: Model) -> None:
    """Each object has every field of the specification under its own name."""
    found = dump([model(**FULL)])
    for thing in (found["xo"], *found["objects"]):
        assert thing.keys() >= {"type", "UUID", *FIELDS[thing["type"]]}
    assert [thing["type"] for thing in found["objects"]] == [*FIELDS][1:] == list(TYPES)


def test_units_and_nesting(model: Model) -> None:
    """CPU usage is in percent, memory in bytes, and links are UUIDs."""
    found = dump([model(**FULL)])
    objects = {thing["type"]: thing for thing in found["objects"]}
    assert found["xo"]["pools"] == ["p"]
    assert found["xo"]["$memory"] == {"size": 4096, "usage": 3072}
    assert found["xo"]["UUID"] == "00000000-0000-0000-0000-000000000000"
    assert objects["host"]["CPUs"] == [{"usage": 25.0}, {"usage": None}]
    assert objects["host"]["$vCPUs"] == found["xo"]["$running_VMs"] == 1
    assert objects["host"]["$running_VMs"] == objects["pool"]["$running_VMs"] == ["v"]
    assert (objects["VM"]["CPUs"], objects["VM"]["$CPU_usage"]) == ([{"usage": 50.0}], 50.0)
    assert (objects["VM"]["$container"], objects["host"]["$pool"]) == ("h", "p")
    assert (objects["VDI"]["$SR"], objects["VDI"]["$VBD"], objects["VBD"]["VM"]) == ("s", "x", "v")


def test_unknown_is_null(model: Model) -> None:
    """What isn't known is null: no 0, no empty text, no missing key."""
    found = dump([model(host={"h": {}}, vm={"v": {}}, vdi={"d": {}}, pbd={"b": {}}, sr={"s": {}})])
    host, vm, sr, pbd, vdi = found["objects"][1:]
    for thing, names in (
        (host, ("address", "controller", "enabled", "hostname", "iSCSI_name", "power_state")),
        (vm, ("address", "power_state", "$CPU_usage")),
        (sr, ("physical_usage", "usage", "size")),
        (pbd, ("attached", "host", "SR")),
        (vdi, ("usage", "size", "$SR", "$VBD")),
    ):
        assert {thing[name] for name in names} == {None}
    assert host["memory"] == vm["memory"] == {"size": None, "usage": None}


@pytest.mark.parametrize("only", TYPES)
def test_one_type_alone(model: Model, only: str) -> None:
    """With a type the objects are those of this type; the singleton stays."""
    found = dump([model(**FULL)], only)
    assert [thing["type"] for thing in found["objects"]] == [only]
    assert found["xo"]["pools"] == ["p"]


def test_types_come_one_after_the_other_over_all_pools(model: Model) -> None:
    """The order is by type first, then by pool as configured, then by UUID."""
    second = model(pool={"2": {}}, vm={"v": {}, "u": {}})
    first = model(pool={"1": {}}, vm={"w": {}})
    found = dump([second, first])
    assert [thing["UUID"] for thing in found["objects"]] == ["2", "1", "u", "v", "w"]
    assert found["xo"]["pools"] == ["1", "2"]


def test_without_pools() -> None:
    """Where no pool could be read the document is there, its totals null."""
    found = dump([])
    assert found["objects"] == found["xo"]["pools"] == []
    assert found["xo"]["$memory"] == {"size": None, "usage": None}
    assert found["xo"]["$CPUs"] is None

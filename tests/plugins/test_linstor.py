"""The storage under an SR of XOSTOR, as `linstor-manager` tells it."""

import json
from typing import Any

import pytest

from xo_exporter.errors import BadAnswer
from xo_exporter.plugins.linstor import PLUGIN, parse
from xo_exporter.plugins.plugin import Target
from xo_exporter.plugins.values import StorageNode
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.records import CLASSES, Records
from xo_exporter.xapi.records.storage import PBDDeviceConfig

UNEXPECTED, UNREACHABLE = 0x2010000, 0x2010001
OFFLINE, LOW_SPACE, INVALID = 0x1020000, 0x1030002, 0x2040001


def replica(*states: str | None, diskful: bool = True, tie_breaker: bool = False) -> dict[str, Any]:
    """Make a replica whose volumes are in these states."""
    volumes = [{"number": 0} | ({"disk-state": state} if state else {}) for state in states]
    return {"volumes": volumes, "diskful": diskful, "tie-breaker": tie_breaker}


def health(**changes: Any) -> str:
    """Write the answer about two nodes, with changes."""
    whole: dict[str, Any] = {
        "controller-uri": "linstor://192.0.2.1",
        "nodes": {"a": "ONLINE", "b": "OFFLINE"},
        "storage-pools": {"a": [{"name": "p", "free-size": 40, "capacity": 100}]},
        "resources": {"r": {"nodes": {"a": replica("UpToDate")}, "uuid": "u"}},
        "errors": [],
    }
    return json.dumps(whole | changes)


def test_nodes() -> None:
    """Each node has its state, and the space of its storage pools where that is known."""
    xostor = parse(health())
    assert xostor.nodes == (
        StorageNode("a", "ONLINE", 100, 40),
        StorageNode("b", "OFFLINE", None, None),
    )
    assert xostor.nodes_by_state == {"ONLINE": 1, "OFFLINE": 1}


def test_a_size_that_linstor_does_not_know_is_unknown() -> None:
    """LINSTOR writes -1 for it; one such makes the sum unknown."""
    pools = [{"free-size": -1, "capacity": 100}, {"free-size": 3, "capacity": 100}]
    assert parse(health(**{"storage-pools": {"a": pools}})).nodes[0] == StorageNode(
        "a", "ONLINE", 200, None
    )


@pytest.mark.parametrize(
    ("made", "state"),
    [
        (replica("UpToDate"), "UpToDate"),
        (replica("UpToDate", "Inconsistent"), "Inconsistent"),
        (replica("SyncTarget(12.5%)"), "SyncTarget"),
        (replica(None), "Unknown"),
        (replica(), "Unknown"),
        (replica(diskful=False), "Diskless"),
        (replica(diskful=False, tie_breaker=True), "TieBreaker"),
        (replica("TieBreaker", diskful=False, tie_breaker=True), "TieBreaker"),
    ],
)
@pytest.mark.parametrize("nested", [True, False])
def test_replicas_are_counted_by_state(made: dict[str, Any], state: str, *, nested: bool) -> None:
    """A replica counts once, with the state of its worst volume, in both forms of the answer."""
    nodes = {"a": made, "b": replica("UpToDate")}
    xostor = parse(health(resources={"r": {"nodes": nodes, "uuid": "u"} if nested else nodes}))
    expected = {"UpToDate": 2} if state == "UpToDate" else {state: 1, "UpToDate": 1}
    assert xostor.replicas == expected
    assert xostor.resources == 1


def test_problems_are_counted_by_severity() -> None:
    """The bits of a problem's code say how grave it is."""
    errors = [{"code": code, "name": "x"} for code in (OFFLINE, LOW_SPACE, INVALID)]
    assert parse(health(errors=errors)).problems == {"warning": 2, "error": 1}
    assert parse(health()).problems == {"warning": 0, "error": 0}


def test_a_check_that_ended_halfway_knows_what_it_knows() -> None:
    """Where there are no resources it may not have come so far; the nodes are known."""
    errors = [{"code": UNEXPECTED, "message": "'disk-state'"}]
    broken = parse(health(errors=errors, resources={}))
    assert (broken.resources, broken.replicas) == (None, None)
    assert len(broken.nodes) == 2
    assert parse(health(errors=errors)).resources == 1


def test_nothing_is_known_when_linstor_can_not_be_reached() -> None:
    """An answer that says so is a failure, not a cluster without nodes."""
    errors = [{"code": UNREACHABLE, "message": "no controller"}]
    with pytest.raises(BadAnswer, match="LINSTOR"):
        parse(health(nodes={}, resources={}, errors=errors))


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "{}", "True", "False"),
        health(nodes=[]),
        health(nodes={"a": 1}),
        health(resources={"r": 1}),
        health(resources={"r": {"nodes": {"a": {"volumes": 7}}}}),
        health(errors=[{"code": "x"}]),
        health(nodes={f"n{number}": "ONLINE" for number in range(1001)}),
        health(nodes={"x" * 201: "ONLINE"}),
        health(resources={"r": {"nodes": {f"n{n}": replica(f"s{n}") for n in range(1001)}}}),
    ],
)
def test_what_is_no_answer_is_refused(text: str) -> None:
    """Anything else, and more of anything than there is, is a bad answer."""
    with pytest.raises(BadAnswer):
        parse(text)


def test_the_master_is_asked_about_srs_on_linstor() -> None:
    """Each by the group that its PBDs name; another kind of SR, or one without, is not."""
    tables: dict[str, Any] = {name: {} for name in CLASSES}
    group = PBDDeviceConfig(group_name="group/thin")
    tables |= {
        "pool": {"p": xapi.Pool("p", master="h")},
        "sr": {
            "s": xapi.SR("s-uuid", "XOSTOR", type="linstor"),
            "t": xapi.SR("t-uuid", "Local", type="ext"),
            "u": xapi.SR("u-uuid", "Forgotten", type="linstor"),
        },
        "pbd": {
            "b": xapi.PBD("b", SR="s", device_config=group),
            "c": xapi.PBD("c", SR="t", device_config=group),
        },
    }
    assert list(PLUGIN.targets(Records(**tables))) == [
        Target("s-uuid", "XOSTOR", "h", {"groupName": "group/thin"})
    ]

"""Which snapshots are whose, what they hold, and which have outlived their VM."""

from collections.abc import Callable

from xo_exporter.model.objects import PoolModel
from xo_exporter.model.snapshots import Snapshots

Model = Callable[..., PoolModel]


def test_what_snapshots_hold(model: Model) -> None:
    """A VM's snapshots hold the snapshots of its disks, and images of its memory, each once."""
    built = model(
        vm={
            "v": {},
            "w": {},
            "a": {"snapshot_of": "v", "is_a_snapshot": True},
            "b": {"snapshot_of": "v", "suspend_VDI": "memory"},
        },
        vdi={
            "disk": {"physical_utilisation": "100"},
            "one": {"is_a_snapshot": True, "physical_utilisation": "1"},
            "two": {"snapshot_of": "disk", "physical_utilisation": "2"},
            "negative": {"is_a_snapshot": True, "physical_utilisation": "-1"},
            "memory": {"physical_utilisation": "4"},
            "iso": {"physical_utilisation": "200"},
        },
        vbd={
            "1": {"VM": "a", "VDI": "one"},
            "2": {"VM": "a", "VDI": "two"},
            "3": {"VM": "b", "VDI": "two"},
            "4": {"VM": "b", "VDI": "negative"},
            "5": {"VM": "b", "VDI": "iso", "type": "CD"},
            "6": {"VM": "b", "VDI": "gone"},
            "7": {"VM": "v", "VDI": "disk"},
        },
    )
    found = {one.UUID: (one.count, one.usage) for one in built.part(Snapshots).of_vms}
    assert found == {"v": (2, 1 + 2 + 4), "w": (0, 0)}


def test_what_nobody_knows_is_unknown(model: Model) -> None:
    """Where no disk of a snapshot says what it takes, or no snapshot its time, that's unknown."""
    built = model(
        vm={"v": {}, "a": {"snapshot_of": "v", "snapshot_time": "19700101T00:00:00Z"}},
        vdi={"d": {"is_a_snapshot": True}},
        vbd={"1": {"VM": "a", "VDI": "d"}},
    )
    (found,) = built.part(Snapshots).of_vms
    assert (found.count, found.usage, found.oldest) == (1, None, None)


def test_the_oldest(model: Model) -> None:
    """The oldest snapshot is that of the earliest known time, in either form of a date."""
    built = model(
        vm={
            "v": {},
            "a": {"snapshot_of": "v", "snapshot_time": "20240131T10:11:13Z"},
            "b": {"snapshot_of": "v", "snapshot_time": "2024-01-31T10:11:12Z"},
            "c": {"snapshot_of": "v", "snapshot_time": ""},
        }
    )
    (found,) = built.part(Snapshots).of_vms
    assert found.oldest == 1706695872


def test_snapshots_of_no_vm(model: Model) -> None:
    """A snapshot is an orphan where its VM is gone; one of a template or of itself is none."""
    built = model(
        vm={
            "t": {"is_a_template": True},
            "of template": {"is_a_snapshot": True, "snapshot_of": "t"},
            "null": {"is_a_snapshot": True, "snapshot_of": "OpaqueRef:NULL"},
            "gone": {"is_a_snapshot": True, "snapshot_of": "OpaqueRef:gone"},
            "guest": {"snapshot_of": "OpaqueRef:gone"},
        },
        sr={"s": {}, "t": {}},
        vdi={
            "d": {"is_a_snapshot": True, "SR": "s", "physical_utilisation": "1"},
            "e": {"is_a_snapshot": True, "SR": "s", "physical_utilisation": "2"},
            "f": {"is_a_snapshot": True, "SR": "gone", "physical_utilisation": "4"},
            "g": {"is_a_snapshot": True, "SR": "t", "physical_utilisation": "8"},
        },
        vbd={
            "1": {"VM": "null", "VDI": "d"},
            "2": {"VM": "gone", "VDI": "e"},
            "3": {"VM": "gone", "VDI": "d"},
            "4": {"VM": "gone", "VDI": "f"},
            "5": {"VM": "of template", "VDI": "g"},
        },
    )
    part = built.part(Snapshots)
    assert part.orphans.count == 2
    assert [(one.UUID, one.disks, one.usage) for one in part.orphans_on_srs] == [("s", 2, 3)]
    assert [vm.UUID for vm in built.VMs] == ["guest"]

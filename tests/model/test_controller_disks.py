"""Which disks are attached to control domains."""

from collections.abc import Callable

from xo_exporter.model.controller_disks import ControllerDisks
from xo_exporter.model.objects import PoolModel

Model = Callable[..., PoolModel]


def test_attached_disks_alone(model: Model) -> None:
    """What is attached counts, a disk or a snapshot, for the host of the control domain."""
    built = model(
        host={"h": {"control_domain": "dom"}, "o": {}},
        vm={
            "dom": {"is_control_domain": True},
            "other": {"is_control_domain": True, "resident_on": "o"},
            "lost": {"is_control_domain": True, "resident_on": "gone"},
            "v": {"resident_on": "h"},
        },
        vdi={"d": {}, "e": {"is_a_snapshot": True}, "f": {"managed": False}},
        vbd={
            "1": {"VM": "dom", "VDI": "d", "currently_attached": True},
            "2": {"VM": "dom", "VDI": "e", "currently_attached": True},
            "3": {"VM": "dom", "VDI": "f", "currently_attached": False},
            "4": {"VM": "dom", "VDI": "f"},
            "5": {"VM": "dom", "VDI": "gone", "currently_attached": True},
            "6": {"VM": "dom", "type": "CD", "currently_attached": True},
            "7": {"VM": "other", "VDI": "d", "currently_attached": True},
            "8": {"VM": "lost", "VDI": "d", "currently_attached": True},
            "9": {"VM": "v", "VDI": "d", "currently_attached": True},
            "10": {"VM": "OpaqueRef:NULL", "VDI": "d", "currently_attached": True},
            "11": {"VM": "dom", "VDI": "d", "currently_attached": True},
        },
    )
    part = built.part(ControllerDisks)
    assert [(one.UUID, one.count) for one in part.of_hosts] == [("h", 2), ("o", 1)]
    assert [(disk.vdi_uuid, disk.host.UUID) for disk in part.disks] == [
        ("d", "h"),
        ("d", "o"),
        ("e", "h"),
    ]


def test_hosts_of_one_name(model: Model) -> None:
    """A disk that two hosts of one name have tells them apart."""
    built = model(
        host={
            "11111111-a": {"name_label": "Host", "control_domain": "a"},
            "22222222-b": {"name_label": "Host", "control_domain": "b"},
        },
        vm={"a": {"is_control_domain": True}, "b": {"is_control_domain": True}},
        vdi={"d": {}},
        vbd={
            "1": {"VM": "a", "VDI": "d", "currently_attached": True},
            "2": {"VM": "b", "VDI": "d", "currently_attached": True},
        },
    )
    uuids = [disk.host.UUID for disk in built.part(ControllerDisks).disks]
    assert uuids == ["11111111-a", "22222222-b"]


def test_names_are_bounded(model: Model) -> None:
    """Of very many disks all are counted, and the first hundred named."""
    built = model(
        host={"h": {"control_domain": "dom"}},
        vm={"dom": {"is_control_domain": True}},
        vdi={str(number): {} for number in range(150)},
        vbd={
            str(number): {"VM": "dom", "VDI": str(number), "currently_attached": True}
            for number in range(150)
        },
    )
    part = built.part(ControllerDisks)
    assert part.of_hosts[0].count == 150
    assert len(part.disks) == 100

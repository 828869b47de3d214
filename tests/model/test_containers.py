"""In which host or pool a VM and an SR is."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from xo_exporter.model.objects import PoolModel

Model = Callable[..., PoolModel]
Fields = Mapping[str, Any]

LOCAL = {
    "host": {"h1": {}, "h2": {}},
    "sr": {"s1": {}, "s2": {}, "nfs": {"shared": True}, "adrift": {}},
    "pbd": {
        "p1": {"host": "h1", "SR": "s1"},
        "p2": {"host": "h2", "SR": "s2"},
        "p3": {"host": "h1", "SR": "nfs"},
        "p4": {"host": "h2", "SR": "nfs"},
    },
    "vdi": {
        "d1": {"SR": "s1"},
        "d2": {"SR": "s2"},
        "dn": {"SR": "nfs"},
        "da": {"SR": "adrift"},
        "snapshot": {"SR": "s1", "is_a_snapshot": True},
    },
}


def vbd(vdi: str, userdevice: str, **more: str) -> Fields:
    """Make a VBD of the VM."""
    return {"VM": "v", "VDI": vdi, "userdevice": userdevice, "type": "Disk", **more}


@pytest.mark.parametrize(
    ("vm", "vbds", "container"),
    [
        ({"resident_on": "h2"}, [vbd("d1", "0")], "h2"),
        ({"resident_on": "gone"}, [vbd("d1", "0")], "h1"),
        ({}, [], "pool"),
        ({}, [vbd("dn", "0")], "pool"),
        ({}, [vbd("dn", "0"), vbd("d2", "1")], "h2"),
        ({}, [vbd("d1", "10"), vbd("d2", "2")], "h2"),
        ({}, [vbd("d1", "2"), vbd("d2", "10")], "h1"),
        ({}, [vbd("d1", "0"), vbd("d2", "0")], "h1"),
        ({}, [vbd("d1", ""), vbd("d2", "7")], "h2"),
        ({}, [vbd("d1", "9" * 5000), vbd("d2", "7")], "h2"),
        ({}, [vbd("d1", "0", type="CD")], "pool"),
        ({}, [vbd("d1", "0", type="CD"), vbd("d2", "1")], "h2"),
        ({}, [vbd("d1", "0", type="Floppy")], "h1"),
        ({}, [vbd("OpaqueRef:NULL", "0")], "pool"),
        ({}, [vbd("snapshot", "0")], "pool"),
        ({}, [vbd("da", "0")], "pool"),
        ({}, [vbd("da", "0"), vbd("d1", "1")], "pool"),
    ],
    ids=[
        "where it is on a host",
        "the host it is on is unknown",
        "no disk",
        "a shared disk",
        "a shared and a local disk",
        "10 comes after 2",
        "2 comes before 10",
        "the first UUID of two in one place",
        "a place that is no number comes last",
        "a place that is no sensible number comes last",
        "a CD of a local library",
        "a CD and a disk",
        "a floppy",
        "an empty drive",
        "a snapshot is no disk",
        "a local SR without a PBD",
        "the first SR that isn't shared decides",
    ],
)
def test_container_of_a_vm(model: Model, vm: Fields, vbds: list[Fields], container: str) -> None:
    """A VM is in the host it is on, else of its first local disk's SR's first PBD, else the pool.

    First is by `userdevice` as a number, then by UUID.
    """
    built = model(**LOCAL, vm={"v": vm}, vbd={f"x{n}": one for n, one in enumerate(vbds)})
    assert container == built.VMs[0].container.UUID


@pytest.mark.parametrize(
    ("sr", "pbds", "container"),
    [
        ({"shared": True}, {"p": "h1"}, "pool"),
        ({"shared": True}, {}, "pool"),
        ({"shared": False}, {}, "pool"),
        ({"shared": False}, {"p": "h2"}, "h2"),
        ({"shared": False}, {"p2": "h1", "p1": "h2"}, "h2"),
        ({"shared": False}, {"p": "gone"}, "pool"),
    ],
    ids=[
        "shared with one PBD",
        "shared without",
        "local without",
        "local",
        "first of several by UUID",
        "of a host that is gone",
    ],
)
def test_container_of_an_sr(
    model: Model, sr: Fields, pbds: Mapping[str, str], container: str
) -> None:
    """An SR is in the pool when it is shared or has no PBD, else in the host of its first PBD."""
    built = model(
        host={"h1": {}, "h2": {}},
        sr={"s": sr},
        pbd={ref: {"host": host, "SR": "s"} for ref, host in pbds.items()},
    )
    assert container == built.SRs[0].container.UUID


def test_halted_vm_follows_the_first_pbd_of_a_local_sr(model: Model) -> None:
    """A local SR with several PBDs ties its VMs to the host that it is in itself."""
    built = model(
        host={"h1": {}, "h2": {}},
        sr={"s": {}},
        pbd={"p2": {"host": "h1", "SR": "s"}, "p1": {"host": "h2", "SR": "s"}},
        vdi={"d": {"SR": "s"}},
        vm={"v": {}},
        vbd={"x": {"VM": "v", "VDI": "d"}},
    )
    assert built.VMs[0].container is built.SRs[0].container is built.hosts[1]

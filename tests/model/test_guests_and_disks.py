"""What is an object of the model, and what is none."""

from collections.abc import Callable

from xo_exporter.model.objects import PoolModel

Model = Callable[..., PoolModel]


def test_guests_alone_are_vms(model: Model) -> None:
    """A control domain, a snapshot and a template is no VM."""
    built = model(
        vm={
            "guest": {},
            "dom0": {"is_control_domain": True},
            "snapshot": {"is_a_snapshot": True, "is_a_template": True, "snapshot_of": "guest"},
            "template": {"is_a_template": True},
        }
    )
    assert [vm.UUID for vm in built.VMs] == ["guest"]


def test_snapshot_of_tells_a_snapshot(model: Model) -> None:
    """A VM or VDI whose `snapshot_of` resolves is a snapshot, flagged or not."""
    built = model(
        vm={"a": {}, "b": {"snapshot_of": "a"}, "c": {"snapshot_of": "gone"}},
        vdi={"a": {}, "b": {"snapshot_of": "a"}, "c": {"snapshot_of": "gone"}},
    )
    assert [vm.UUID for vm in built.VMs] == ["a", "c"]
    assert [vdi.UUID for vdi in built.VDIs] == ["a", "c"]


def test_disks_alone_are_vdis(model: Model) -> None:
    """A snapshot and an unmanaged VDI is no VDI, nor counted in its SR's list."""
    built = model(
        sr={"sr": {}},
        vdi={
            "disk": {"SR": "sr"},
            "snapshot": {"SR": "sr", "is_a_snapshot": True},
            "base": {"SR": "sr", "managed": False},
        },
    )
    assert [vdi.UUID for vdi in built.VDIs] == ["disk"]
    assert [vdi.UUID for vdi in built.SRs[0].VDIs] == ["disk"]


def test_vbds_are_those_of_vms(model: Model) -> None:
    """A VBD of a template, a control domain or of nothing is none, and attaches no disk."""
    built = model(
        vm={"v": {}, "t": {"is_a_template": True}, "dom0": {"is_control_domain": True}},
        vdi={"d": {}},
        vbd={
            "a": {"VM": "t", "VDI": "d", "currently_attached": True},
            "b": {"VM": "dom0", "VDI": "d", "currently_attached": True},
            "c": {"VM": "OpaqueRef:NULL", "VDI": "d", "currently_attached": True},
            "d": {"VM": "v", "VDI": "d", "currently_attached": False},
        },
    )
    assert [vbd.UUID for vbd in built.VBDs] == ["d"]
    assert built.VDIs[0].VBD is built.VBDs[0]


def test_dangling_references_are_null(model: Model) -> None:
    """`OpaqueRef:NULL`, an empty reference and one to nothing are null."""
    for ref in ("OpaqueRef:NULL", "", "OpaqueRef:gone"):
        built = model(
            pool={"p": {"master": ref, "default_SR": ref}},
            host={"h": {"metrics": ref, "control_domain": ref}},
            vm={"v": {"resident_on": ref, "metrics": ref, "guest_metrics": ref}},
            pbd={"b": {"host": ref, "SR": ref}},
            vdi={"d": {"SR": ref}},
            vbd={"x": {"VM": "v", "VDI": ref}},
        )
        pool, host, vm = built.pool, built.hosts[0], built.VMs[0]
        assert (pool.master, pool.default_SR, host.power_state, host.controller) == (None,) * 4
        assert (vm.container, vm.memory.size, vm.address) == (pool, None, None)
        pbd, vdi, vbd = built.PBDs[0], built.VDIs[0], built.VBDs[0]
        assert (pbd.host, pbd.SR, vdi.SR, vdi.VBD, vbd.VDI) == (None,) * 5


def test_links_lead_into_the_model(model: Model) -> None:
    """A VBD of a snapshot's or a base copy's disk has no VDI: neither is in the model."""
    built = model(
        vm={"v": {}},
        vdi={"snapshot": {"is_a_snapshot": True}, "base": {"managed": False}},
        vbd={"a": {"VM": "v", "VDI": "snapshot"}, "b": {"VM": "v", "VDI": "base"}},
    )
    assert [vbd.VDI for vbd in built.VBDs] == [None, None]


def test_a_uuid_is_there_once(model: Model) -> None:
    """Of two records of a class with one UUID one is left out, and one without a UUID."""
    built = model(
        sr={
            "ref-b": {"uuid": "same", "name_label": "b"},
            "ref-a": {"uuid": "same", "name_label": "a"},
            "ref-c": {"uuid": ""},
        },
        vdi={"d": {"SR": "ref-a"}, "e": {"SR": "ref-b"}},
    )
    assert [(sr.UUID, sr.name_label) for sr in built.SRs] == [("same", "a")]
    assert [vdi.SR for vdi in built.VDIs] == [built.SRs[0], None]


def test_what_is_no_object_takes_no_uuid(model: Model) -> None:
    """A template or snapshot with a guest's UUID does not push the guest out."""
    built = model(
        vm={"1": {"uuid": "u", "is_a_template": True}, "2": {"uuid": "u"}},
        vdi={"1": {"uuid": "u", "managed": False}, "2": {"uuid": "u"}},
    )
    assert [vm.UUID for vm in built.VMs] == ["u"]
    assert [vdi.UUID for vdi in built.VDIs] == ["u"]


def test_controller(model: Model) -> None:
    """A host's controller is its control domain, else a control domain that lies on it."""
    built = model(
        host={
            "a": {"control_domain": "dom0-a"},
            "b": {},
            "c": {"control_domain": "gone"},
        },
        vm={
            "dom0-a": {"is_control_domain": True, "resident_on": "a"},
            "driver": {"is_control_domain": True, "resident_on": "a", "uuid": "0"},
            "dom0-b2": {"is_control_domain": True, "resident_on": "b"},
            "dom0-b1": {"is_control_domain": True, "resident_on": "b"},
            "guest": {"resident_on": "c"},
        },
    )
    assert [host.controller for host in built.hosts] == ["dom0-a", "dom0-b1", None]

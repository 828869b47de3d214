"""What of a VM changes often is put into the model that is kept, which is not built anew."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from xo_exporter.model.kept import KeptModel
from xo_exporter.model.objects import VM
from xo_exporter.xapi.records import CLASSES, Records


def read(vm: Mapping[str, Any], metrics: Mapping[str, Any], guest: Mapping[str, Any]) -> Records:
    """Make records of one running VM."""
    tables: dict[str, Any] = {
        "pool": {"p": {"uuid": "p"}},
        "vm": {
            "v": {
                "uuid": "v",
                "power_state": "Running",
                "metrics": "m",
                "guest_metrics": "g",
                **vm,
            },
            "s": {"uuid": "s", "is_a_snapshot": True, **vm},
        },
        "vm_metrics": {"m": metrics},
        "vm_guest_metrics": {"g": guest},
    }
    return msgspec.convert({name: tables.get(name, {}) for name in CLASSES}, Records, strict=False)


def _kept(now: Records) -> VM:
    """Give the VM after a change to these records, in a model that is the same as before."""
    kept = KeptModel()
    before = read({}, {}, {})
    model, _ = kept.update(before, {})
    # Tables that did not change are the same object, as a reader gives them.
    same = {
        name: getattr(before, name)
        for name in CLASSES
        if getattr(before, name) == getattr(now, name)
    }
    same["vm"] = {
        ref: before.vm[ref] if before.vm[ref] == record else record
        for ref, record in now.vm.items()
    }
    after, changes = kept.update(msgspec.structs.replace(now, **same), {})
    assert after is model
    assert changes is not None
    assert "v" in changes.uuids
    return after.VMs[0]


def test_operations() -> None:
    """An operation that begins shows in the VM."""
    vm = _kept(read({"current_operations": {"OpaqueRef:task": "snapshot"}}, {}, {}))
    assert vm.current_operations == ("snapshot",)


def test_start() -> None:
    """A restart shows in the VM."""
    vm = _kept(read({}, {"start_time": "20240131T10:11:12Z"}, {}))
    assert vm.start_time == 1706695872


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("live", True),
        ("PV_drivers_detected", True),
        ("PV_drivers_up_to_date", False),
        ("PV_drivers_version", {"major": "7"}),
        ("networks", {"0/ip": "10.0.0.1"}),
    ],
)
def test_guest(field: str, value: Any) -> None:
    """Whatever else a guest agent says shows in the VM."""
    guest = _kept(read({}, {}, {field: value})).guest
    assert guest != _kept(read({}, {"memory_actual": "1"}, {})).guest

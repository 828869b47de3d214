"""Messages and tasks: how many there are of each kind, and the alarms by object."""

from collections.abc import Callable
from typing import Any

import msgspec

from xo_exporter.model.build import build
from xo_exporter.model.messages import MOST_KINDS, OTHER, Kind, Messages
from xo_exporter.model.objects import PoolModel
from xo_exporter.model.tasks import STATUSES, PoolTasks, Tasks
from xo_exporter.xapi.records import BASE, Records

Model = Callable[..., PoolModel]


def message(name: str = "ALARM", **fields: Any) -> dict[str, Any]:
    """Give the fields of a message."""
    return {"name": name, "priority": "3", "cls": "VM", **fields}


def counts(model: PoolModel) -> list[tuple[Kind, int]]:
    """Give how many messages there are of each kind."""
    (stored,) = model.part(Messages).pools
    return list(stored.counts)


def test_messages_are_counted_by_kind(model: Model) -> None:
    """Name, priority and class make a kind; the most urgent come first."""
    found = counts(
        model(
            message={
                "a": message("VM_STARTED", priority="5"),
                "b": message("VM_STARTED", priority="5"),
                "c": message("VM_STARTED", priority="5", cls="Host"),
                "d": message("HA_HOST_FAILED", priority="1", cls="Host"),
            }
        )
    )
    assert found == [
        (Kind("HA_HOST_FAILED", 1, "Host"), 1),
        (Kind("VM_STARTED", 5, "Host"), 1),
        (Kind("VM_STARTED", 5, "VM"), 2),
    ]


def test_kinds_are_bounded(model: Model) -> None:
    """Beyond so many kinds the least urgent are one, so that nobody makes series at will."""
    urgent = {f"u{n}": message(f"u{n}", priority="1") for n in range(MOST_KINDS)}
    rest = {f"r{n}": message(f"r{n}", priority="4") for n in range(30)}
    found = counts(model(message={**rest, **urgent}))
    assert len(found) == MOST_KINDS + 1
    assert {kind.priority for kind, _ in found[:-1]} == {1}
    assert found[-1] == (OTHER, 30)


def test_without_messages_there_are_none(model: Model) -> None:
    """A pool that stores no message has no kind of it."""
    assert counts(model()) == []


def test_messages_that_were_not_read_are_unknown() -> None:
    """That there are none is not said before they were read."""
    records = msgspec.convert(
        {**{name: {} for name in BASE}, "pool": {"p": {"uuid": "p"}}}, Records
    )
    assert records.message is None
    found = build(records, {}).part(Messages)
    assert (found.pools, found.hosts, found.vms, found.srs) == ([], [], [], [])


def test_alarms_by_object(model: Model) -> None:
    """An alarm belongs to the object that it names, one of a control domain to its host."""
    found = model(
        host={"h": {"control_domain": "dom"}, "quiet": {}},
        vm={"dom": {"is_control_domain": True}, "v": {}, "w": {}},
        sr={"s": {}},
        message={
            "a": message(obj_uuid="h", cls="Host", timestamp="20240131T10:11:12Z"),
            "b": message(obj_uuid="dom", timestamp="2024-02-01T10:11:12Z"),
            "c": message(obj_uuid="v", timestamp="20240131T10:11:12Z"),
            "d": message(obj_uuid="s", cls="SR", timestamp="never"),
            "e": message(obj_uuid="gone"),
            "f": message("VM_STARTED", obj_uuid="w"),
        },
    ).part(Messages)
    assert [(one.UUID, one.count, one.newest) for one in found.hosts] == [("h", 2, 1706782272)]
    assert [(one.UUID, one.count, one.newest) for one in found.vms] == [("v", 1, 1706695872)]
    assert [(one.UUID, one.count, one.newest) for one in found.srs] == [("s", 1, None)]


def tasks(model: PoolModel) -> PoolTasks:
    """Give what is known of the tasks."""
    (found,) = model.part(Tasks).pools
    return found


def test_tasks_are_counted_by_status(model: Model) -> None:
    """Each status has its count, also when that is 0; one that nobody knows is not counted."""
    found = tasks(
        model(
            task={
                "a": {"status": "failure"},
                "b": {"status": "failure"},
                "c": {"status": "pending"},
                "d": {"status": "stuck"},
            }
        )
    )
    assert found.counts == {**dict.fromkeys(STATUSES, 0), "failure": 2, "pending": 1}


def test_the_oldest_pending_task(model: Model) -> None:
    """Of those that are pending the one that was made first counts; without any it is unknown."""
    made = {"created": "20240131T10:11:12Z"}
    later = {"created": "20240201T10:11:12Z"}
    found = model(
        task={
            "a": {"status": "success", **made},
            "b": {"status": "pending", **later},
            "c": {"status": "pending"},
        }
    )
    assert tasks(found).oldest_pending == 1706782272
    assert tasks(model(task={"a": {"status": "success", **made}})).oldest_pending is None

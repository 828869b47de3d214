"""Messages, alarms and tasks: from XAPI's field to metric, labels and value."""

from typing import Any, Final

import msgspec
import pytest

from tests.metrics.families import pool_families
from xo_exporter.exposition import lines
from xo_exporter.metrics import arrivals
from xo_exporter.model.build import build
from xo_exporter.model.messages import OTHER, Kind
from xo_exporter.xapi.records import CLASSES, Records

ALARM: Final = {
    "name": "ALARM",
    "priority": "3",
    "obj_uuid": "x",
    "timestamp": "20240131T10:11:12Z",
    "body": 'value: 0.9 <name value="fs_usage"/> hunter2',
}
ABOUT: Final = {
    "host": {"h": {"uuid": "x", "name_label": "H"}},
    "vm": {"v": {"uuid": "x", "name_label": "V"}},
    "sr": {"s": {"uuid": "x", "name_label": "S", "shared": True}},
}


def exposed(**tables: Any) -> list[str]:
    """Give the lines that a pool of these records has."""
    pool = {"p": {"uuid": "p", "name_label": "P"}}
    whole = {**{name: {} for name in CLASSES}, "pool": pool, **tables}
    model = build(msgspec.convert(whole, Records, strict=False), {})
    families = pool_families(model, "P", {"message": True, "task": True})
    return [line for family in families for line in lines(family).splitlines()]


@pytest.mark.parametrize(
    ("message", "labels"),
    [
        ({"name": "VM_STARTED", "priority": "5", "cls": "VM"}, ("VM", "VM_STARTED", "5")),
        ({"name": "x" * 300, "priority": "1", "cls": "Pool"}, ("Pool", "x" * 100 + "…", "1")),
    ],
)
def test_stored_messages(message: dict[str, str], labels: tuple[str, str, str]) -> None:
    """Name, priority and class of a message are labels; the value is how many there are."""
    cls, name, priority = labels
    line = (
        f'xo_pool_messages{{class="{cls}",name="{name}",name_label="P",pool="P",'
        f'priority="{priority}",uuid="p"}} 2.0'
    )
    assert line in exposed(message={"a": message, "b": message})


def test_a_priority_that_is_none_is_left_out() -> None:
    """A message without a priority has no such label."""
    line = 'xo_pool_messages{class="VM",name="N",name_label="P",pool="P",uuid="p"} 1.0'
    assert line in exposed(message={"a": {"name": "N", "cls": "VM"}})


@pytest.mark.parametrize(("kind", "name"), [("host", "H"), ("vm", "V"), ("sr", "S")])
def test_alarms(kind: str, name: str) -> None:
    """An object that alarms are about has their number, and the time of the last."""
    found = exposed(**{kind: ABOUT[kind]}, message={"a": ALARM, "b": ALARM})
    labels = f'{{container="P",name_label="{name}",pool="P",uuid="x"}}'
    assert f"xo_{kind}_alarms{labels} 2.0" in found
    assert f"xo_{kind}_last_alarm_timestamp_seconds{labels} 1.706695872e+09" in found
    assert not any("hunter2" in line or "fs_usage" in line for line in found)


def test_objects_without_alarms_have_no_series() -> None:
    """Only what there are alarms about is exported."""
    assert not [line for line in exposed(**ABOUT) if "alarm" in line]


def test_tasks() -> None:
    """Tasks are counted by status; the age of the oldest that is pending can be worked out."""
    found = exposed(
        task={
            "a": {"status": "failure", "name_label": "VM.start", "error_info": ["hunter2"]},
            "b": {"status": "pending", "created": "20240131T10:11:12Z"},
        }
    )
    labels = 'name_label="P",pool="P"'
    for status, count in (("failure", 1), ("pending", 1), ("success", 0), ("cancelled", 0)):
        assert f'xo_pool_tasks{{{labels},status="{status}",uuid="p"}} {count}.0' in found
    oldest = "xo_pool_oldest_pending_task_timestamp_seconds"
    assert f'{oldest}{{{labels},uuid="p"}} 1.706695872e+09' in found


def test_what_came() -> None:
    """Counters have the pool, and what tells the kinds apart."""
    arrived = arrivals.Arrived({Kind("ALARM", 3, "Host"): 4, OTHER: 1}, {"VM.start": 2})
    found = [
        line
        for table in arrivals.TABLES
        for family in table.families([arrived], "P")
        for line in lines(family).splitlines()
    ]
    assert found == [
        'xo_messages_total{class="Host",name="ALARM",pool="P",priority="3"} 4.0',
        'xo_messages_total{name="other",pool="P"} 1.0',
        'xo_task_failures_total{name="VM.start",pool="P"} 2.0',
    ]

"""`event.from`: what is new since a token."""

import asyncio
import json
from typing import Any

import pytest

from xo_exporter.errors import ApiFailure
from xo_exporter.simulator import Database, events
from xo_exporter.simulator.database import DELETIONS_KEPT


@pytest.fixture
def database() -> Database:
    """Make two VMs on a host."""
    return Database.from_records(
        {
            "host": {"h": {}},
            "VM": {"a": {"resident_on": "h"}, "b": {}},
            "VM_metrics": {"m": {}},
            "session": {"s": {}},
        }
    )


def new(database: Database, classes: list[str], token: str = "") -> dict[str, Any]:
    """Ask what is new, at once, and decode the answer."""
    since = events.Token.parse(token)
    answer: dict[str, Any] = json.loads(
        events.collect(database, events.Subscription(classes), since).to_json()
    )
    return answer


def said(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Give class, operation and reference of each event."""
    return [(event["class"], event["operation"], event["ref"]) for event in answer["events"]]


def test_empty_token_gives_everything(database: Database) -> None:
    """The first batch adds every object of the classes, with full records."""
    answer = new(database, ["VM", "host"])
    assert sorted(said(answer)) == [("host", "add", "h"), ("vm", "add", "a"), ("vm", "add", "b")]
    for event in answer["events"]:
        assert event["snapshot"]["uuid"]
        assert event["timestamp"] == "0.0"
        assert event["id"].isdigit()
    assert answer["valid_ref_counts"]["vm_metrics"] == 1
    first, second = answer["token"].split(",")
    assert len(first) == len(second) == 20


def test_star_leaves_out_classes_without_events(database: Database) -> None:
    """Sessions send no events, though their rows are counted."""
    answer = new(database, ["*"])
    assert "session" not in {cls for cls, _, _ in said(answer)}
    assert answer["valid_ref_counts"]["session"] == 1


def test_changes_are_coalesced_in_order(database: Database) -> None:
    """One event per object with its latest state: adds, then mods, then dels."""
    token = new(database, ["*"])["token"]
    database.delete("VM", "b")
    database.modify("VM", "a", name_label="one")
    database.modify("VM", "a", name_label="two")
    database.add("VM", ref="c")
    database.add("VM", ref="short-lived")
    database.delete("VM", "short-lived")
    answer = new(database, ["vm"], token)
    assert said(answer) == [("vm", "add", "c"), ("vm", "mod", "a"), ("vm", "del", "b")]
    assert answer["events"][1]["snapshot"]["name_label"] == "two"
    assert "snapshot" not in answer["events"][2]
    assert new(database, ["vm"], answer["token"])["events"] == []


def test_a_childs_change_is_the_parents(database: Database) -> None:
    """A VM that starts on a host changes the host, too."""
    token = new(database, ["*"])["token"]
    database.modify("VM", "b", resident_on="h")
    assert set(said(new(database, ["*"], token))) == {("vm", "mod", "b"), ("host", "mod", "h")}


def test_the_token_follows_what_was_asked_for(database: Database) -> None:
    """Changes of other classes do not move it, and nothing of them is lost later."""
    token = new(database, ["VM"])["token"]
    database.modify("host", "h", name_label="other")
    assert new(database, ["VM"], token)["token"] == token
    assert ("host", "mod", "h") in said(new(database, ["host"], token))
    database.add("message", ref="msg", name="ALARM")
    answer = new(database, ["VM", "message"], token)
    assert said(answer) == [("message", "add", "msg")]
    assert answer["events"][0]["id"] == "0"
    assert new(database, ["VM", "message"], answer["token"])["events"] == []


def test_one_object_can_be_listened_to(database: Database) -> None:
    """A class and a reference, in any case, give only that object."""
    assert said(new(database, ["VM/A"])) == [("vm", "add", "a")]


def test_old_deletions_are_lost(database: Database) -> None:
    """Only so many deletions are kept: the counts alone tell of the others."""
    token = new(database, ["*"])["token"]
    for number in range(DELETIONS_KEPT + 10):
        database.add("VDI", ref=f"vdi{number}")
    middle = new(database, ["*"], token)["token"]
    for number in range(DELETIONS_KEPT + 10):
        database.delete("VDI", f"vdi{number}")
    answer = new(database, ["vdi"], middle)
    assert len(answer["events"]) == DELETIONS_KEPT
    assert answer["valid_ref_counts"]["vdi"] == 0
    database.forget_deletions()
    assert new(database, ["vdi"], middle)["events"] == []


@pytest.mark.parametrize("token", ["x", "1", "1,2,3", "-1,0", "1;2"])
def test_bad_token(database: Database, token: str) -> None:
    """What is no token is refused by name."""
    with pytest.raises(ApiFailure) as caught:
        new(database, ["vm"], token)
    assert caught.value.code == "EVENT_FROM_TOKEN_PARSE_FAILURE"
    assert caught.value.params == (token,)


@pytest.mark.parametrize("name", ["vmm", "vmm/ref", "", "*/ref"])
def test_unknown_class(database: Database, name: str) -> None:
    """A class that XAPI does not have is refused."""
    with pytest.raises(ApiFailure) as caught:
        new(database, [name])
    assert caught.value.code == "EVENT_SUBSCRIPTION_PARSE_FAILURE"


async def wait(database: Database, classes: list[str], token: str, seconds: float) -> events.Batch:
    """Wait for events without a pause before the answer."""
    return await events.wait_for_events(
        database, classes, token, seconds, delay_s=0.0, check=lambda: None
    )


async def test_waits_for_a_change(database: Database) -> None:
    """The answer comes with the change, not before; changes of other classes do not end it."""
    token = str(events.Token.now(database))
    waiting = asyncio.create_task(wait(database, ["vm"], token, 60.0))
    await asyncio.sleep(0)
    database.modify("host", "h", name_label="other")
    for _ in range(10):  # turns of the loop in which a wrong answer would have come
        await asyncio.sleep(0)
    assert not waiting.done()
    database.modify("VM", "a", name_label="new")
    batch = await asyncio.wait_for(waiting, 10)
    assert [event.ref for event in batch.events] == ["a"]


async def test_a_change_from_another_thread_is_seen(database: Database) -> None:
    """A thread that changes the database wakes who waits in the loop."""
    waiting = asyncio.create_task(wait(database, ["vm"], str(events.Token.now(database)), 60.0))
    await asyncio.sleep(0)
    await asyncio.to_thread(database.modify, "VM", "a", name_label="new")
    batch = await asyncio.wait_for(waiting, 10)
    assert batch.events[0].operation == "mod"


async def test_nothing_new_in_time(database: Database) -> None:
    """When the time is over the answer is empty and the token goes on."""
    token = str(events.Token.now(database))
    batch = await wait(database, ["vm"], token, 0.0)
    assert batch.events == []
    assert batch.token == token


def test_xml_counts_are_real_integers(database: Database) -> None:
    """In XML-RPC the counts are i4, all else strings."""
    printed = events.collect(database, events.Subscription(["vm"]), events.Token()).to_xml()
    assert b"<name>vm</name><value><i4>2</i4></value>" in printed
    assert b"<name>timestamp</name><value>0.0</value>" in printed

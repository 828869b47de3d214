"""Messages: read beside everything else, kept up to date, and never waited for long."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from xo_exporter.config import Url
from xo_exporter.errors import ApiFailure, BadAnswer
from xo_exporter.simulator import SimulatedPool
from xo_exporter.xapi import message_reader
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.events import RecordReader
from xo_exporter.xapi.records import BASE, CLASSES, Records
from xo_exporter.xapi.session import Session

Serve = Callable[..., Awaitable[str]]
Until = Callable[[Callable[[], object]], Awaitable[None]]
Answer = Callable[[str], Awaitable[dict[str, Any]]]
Scripted = Callable[..., Awaitable[RecordReader]]
WITH_MESSAGES = (*BASE, "message")


@pytest.fixture
async def reader(session: Session) -> AsyncIterator[RecordReader]:
    """Read the records of a simulated pool, its messages among them."""
    made = RecordReader(session, WITH_MESSAGES)
    yield made
    made.close()


@pytest.fixture
async def scripted(serve: Serve) -> AsyncIterator[Scripted]:
    """Read from a server that has no records; what it says of messages is told by a function.

    `objects` says the same of all else, for as long as it says anything.
    """
    made: list[tuple[Session, RecordReader]] = []

    async def start(
        answer: Answer, objects: Callable[[], dict[str, Any] | None] = lambda: None
    ) -> RecordReader:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            _, classes, token, _ = json.loads(await request.read())["params"]
            found: dict[str, Any] = {"events": [], "valid_ref_counts": {}, "token": "1,0"}
            if classes == ["message"]:
                found = await answer(token)
            else:
                found = objects() or found
            error = found.pop("error", None)
            return web.json_response({"result": None if error else found, "error": error, "id": 1})

        target = Target(Url.parse(await serve(handle)))
        session = Session(target, "OpaqueRef:1", context=None, certificate_name=None)
        made.append((session, RecordReader(session, WITH_MESSAGES)))
        return made[-1][1]

    yield start
    for session, reader in made:
        reader.close()
        await session.close()


def batch(token: str, *refs: str, operation: str = "add") -> dict[str, Any]:
    """Give an answer about these messages."""
    events = [
        {
            "class": "message",
            "operation": operation,
            "ref": ref,
            **({} if operation == "del" else {"snapshot": {"name": ref}}),
        }
        for ref in refs
    ]
    return {"events": events, "valid_ref_counts": {}, "token": token}


def names(records: Records) -> list[str]:
    """Give the names of the messages, which there must be."""
    assert records.message is not None
    return sorted(message.name for message in records.message.values())


async def test_messages_are_kept_up_to_date(pool: SimulatedPool, reader: RecordReader) -> None:
    """All that are stored come at first, and then what came and went."""
    stored = pool.database.tables["message"]
    assert names(await reader.update()) == sorted(record["name"] for record in stored.values())
    pool.database.delete("message", next(iter(stored)))
    pool.database.add("message", name="HA_HOST_FAILED", priority="1", cls="Host")
    found = await reader.update()
    assert names(found) == sorted(record["name"] for record in stored.values())
    assert found.message is not None
    assert found.message.keys() == stored.keys()
    assert (await reader.update()).message is found.message


async def test_nothing_of_a_body_is_kept(pool: SimulatedPool, reader: RecordReader) -> None:
    """A record has no field of the body, and names of a bounded length."""
    pool.database.add("message", name="x" * 500, cls="VM", obj_uuid="u", body="secret")
    found = (await reader.update()).message
    assert found is not None
    assert "secret" not in repr(found)
    assert max(len(message.name) for message in found.values()) == 101
    assert {message.obj_uuid for message in found.values() if message.name != "ALARM"} == {""}


async def test_without_messages_nobody_asks(pool: SimulatedPool, session: Session) -> None:
    """Where they are not wanted the class is not in any call."""
    asked = pool.calls["event.from"]
    records = await RecordReader(session, BASE).update()
    assert records.message is None
    with_messages = RecordReader(session, WITH_MESSAGES)
    without = pool.calls["event.from"] - asked
    await with_messages.update()
    assert pool.calls["event.from"] - asked == 2 * without + 1


async def test_messages_that_take_long_are_not_waited_for(
    scripted: Scripted, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other records come without them; they are there at the reading after they came."""
    monkeypatch.setattr(message_reader, "GRACE", 0.01)
    come = asyncio.Event()
    asked: list[str] = []

    async def answer(token: str) -> dict[str, Any]:
        asked.append(token)
        await come.wait()
        return batch("1,5", "a", "b") if not token else batch("1,5")

    reader = await scripted(answer)
    for _ in range(3):
        assert (await reader.update()).message is None
    assert asked == [""]
    come.set()
    await until(lambda: reader.records().message is not None)
    assert names(await reader.update()) == ["a", "b"]
    assert asked == ["", "1,5"]


@pytest.mark.parametrize(
    ("error", "kind", "token"),
    [
        (["INTERNAL_ERROR", "x"], ApiFailure, "1,5"),
        (["EVENT_FROM_TOKEN_PARSE_FAILURE", "1,5"], ApiFailure, ""),
        (7, BadAnswer, "1,5"),
    ],
)
async def test_a_failure_costs_the_messages_alone(
    scripted: Scripted,
    error: object,
    kind: type[Exception],
    token: str,
) -> None:
    """Until the next success messages are unknown; a token that is lost is given up."""
    answers: list[dict[str, Any]] = [batch("1,5", "a"), {"error": error}]
    asked: list[str] = []

    async def answer(token: str) -> dict[str, Any]:
        asked.append(token)
        if answers:
            return answers.pop(0)
        return batch("1,6", "b", "a") if not token else batch("1,6", "b")

    reader = await scripted(answer)
    found = [(await reader.update(), reader.message_failure) for _ in range(3)]
    assert [type(failure) for _, failure in found] == [type(None), kind, type(None)]
    assert names(found[0][0]) == ["a"]
    assert found[1][0].message is None
    assert names(found[2][0]) == ["a", "b"]
    assert asked == ["", "1,5", token]


async def test_what_nobody_expects_is_a_failure_of_the_messages(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of our own is told as any other, and no table of before is held to be the newest."""

    async def answer(_token: str) -> dict[str, Any]:
        return batch("1,5", "a")

    reader = await scripted(answer)
    assert names(await reader.update()) == ["a"]
    monkeypatch.setattr(message_reader, "_KEPT", None)
    records = await reader.update()
    assert records.message is None
    assert str(reader.message_failure) == "unexpected: TypeError"


async def test_what_was_asked_beside_a_failure_is_given_up(scripted: Scripted) -> None:
    """Where the other records fail, messages are asked for anew, and no old failure is told."""
    error = {"error": ["INTERNAL_ERROR", "x"]}
    failing: list[dict[str, Any]] = []
    asked: list[str] = []

    async def answer(token: str) -> dict[str, Any]:
        asked.append(token)
        if not failing:
            return batch("1,5", "a")
        await asyncio.sleep(0.1)  # it fails, too, but later
        return error

    reader = await scripted(answer, lambda: failing[0] if failing else None)
    await reader.update()
    failing.append(error)
    with pytest.raises(ApiFailure):
        await reader.update()
    failing.clear()
    assert names(await reader.update()) == ["a"]
    assert reader.message_failure is None
    assert asked == ["", "1,5", "1,5"]


async def test_an_answer_that_never_comes_is_given_up(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time a call is given up, and the next reading begins another."""
    monkeypatch.setattr(message_reader, "_LONGEST", 0.05)
    asked: list[str] = []

    async def answer(token: str) -> dict[str, Any]:
        asked.append(token)
        if len(asked) == 1:
            await asyncio.sleep(60)
        return batch("1,5", "a")

    reader = await scripted(answer)
    assert (await reader.update()).message is None
    assert names(await reader.update()) == ["a"]


async def test_deletions_that_were_not_told_do_not_pile_up(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond what XAPI keeps, and twice what there was at first, all are read anew."""
    monkeypatch.setattr(message_reader, "_KEPT", 3)
    asked: list[str] = []

    async def answer(token: str) -> dict[str, Any]:
        asked.append(token)
        return batch("1,5", "a", "b") if not token else batch("1,5", f"c{len(asked)}")

    reader = await scripted(answer)
    sizes = [len(names(await reader.update())) for _ in range(6)]
    assert sizes == [2, 3, 4, 5, 2, 3]
    assert [position for position, token in enumerate(asked) if not token] == [0, 4]


def test_message_is_known() -> None:
    """The class that is read apart is one of those that there are."""
    assert message_reader.CLASS in CLASSES

"""Large answers to event.from: read piece by piece, beside the event loop, in bounded memory."""

import asyncio
import json
import threading
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from xo_exporter.config import PoolConfig, Url
from xo_exporter.errors import BadAnswer, SessionInvalid, TooLate
from xo_exporter.simulator import SimulatedPool, make_estate
from xo_exporter.xapi import batch
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.events import RecordReader
from xo_exporter.xapi.large_json import LONGEST_OBJECT, take_apart
from xo_exporter.xapi.session import Session

ConfigOf = Callable[..., PoolConfig]
LogIn = Callable[..., Awaitable[Session]]
Serve = Callable[..., Awaitable[str]]
Until = Callable[[Callable[[], object]], Awaitable[None]]
Speak = Callable[[bytes], Awaitable[Session]]

_HEAD = b'{"jsonrpc":"2.0","id":1,"result":{"token":"1,1","events":['
_TAIL = b'],"valid_ref_counts":{"vm":1}}}'
_EVENT = b'{"ref":"OpaqueRef:%d","class":"VM","operation":"add","snapshot":{"uuid":"%d"%b}}'


def answer(count: int, more: bytes = b"") -> bytes:
    """Make an answer of so many VMs, each of which holds `more` besides."""
    return _HEAD + b",".join(_EVENT % (i, i, more) for i in range(count)) + _TAIL


def read(body: bytes) -> batch.Batch:
    """Read an answer that nobody gives up."""
    return batch.read(body, "the answer", lambda: False)


@pytest.fixture
async def speak(serve: Serve) -> AsyncIterator[Speak]:
    """Give a session with a server that answers every call with this body."""
    sessions: list[Session] = []

    async def start(body: bytes) -> Session:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            await request.read()
            return web.Response(body=body, content_type="application/json")

        target = Target(Url.parse(await serve(handle)))
        sessions.append(Session(target, "OpaqueRef:1", context=None, certificate_name=None))
        return sessions[-1]

    yield start
    for session in sessions:
        await session.close()


# --- taken apart


_TEXT = st.text() | st.sampled_from(['"events":[', "}", "{", "]", '\\"', "\\", "},{", "[NaN"])
_VALUE = st.recursive(
    st.none() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)


@given(
    objects=st.lists(st.dictionaries(_TEXT, _VALUE, max_size=4), max_size=6),
    before=_TEXT,
    after=_VALUE,
    indent=st.sampled_from([None, 1]),
)
def test_each_object_is_what_it_was(
    *, objects: list[dict[str, Any]], before: str, after: Any, indent: int | None
) -> None:
    """Object by object the same comes out as of the whole, and the rest is the rest."""
    whole = {"before": before, "result": {"events": objects, "after": after}}
    taken: list[Any] = []
    body = json.dumps(whole, indent=indent).encode()
    rest = take_apart(body, b"events", lambda element: taken.append(json.loads(element)))
    assert taken == objects
    assert json.loads(rest) == {"before": before, "result": {"events": [], "after": after}}


@pytest.mark.parametrize(
    "events",
    [
        b"7",
        b"{},7",
        b"{} {}",
        b"{},",
        b"{",
        b'{"a":"}',
        b'{"a":"\\"}',
        b"[{}]",
        b'{"a":' * 20 + b"1" + b"}" * 20,
        b"{" * 1_000_000,
        b'{"a":"' + b"x" * LONGEST_OBJECT + b'"}',
        b"{}," + b" " * 1_000_000 + b"{}",
    ],
    ids=lambda events: repr(events[:20]),
)
def test_what_is_no_array_of_objects_is_a_bad_answer(events: bytes) -> None:
    """Anything but objects in the array, too deep or too long ones too, is a BadAnswer."""
    with pytest.raises(BadAnswer):
        take_apart(_HEAD + events + _TAIL, b"events", lambda _: None)


# --- read


def test_a_large_answer_says_the_same_as_a_small_one() -> None:
    """Records, order, token and counts are the same whichever way an answer is read."""
    small = read(answer(20))
    large = read(answer(20, b',"more":"%b"' % (b"x" * 20_000)))
    assert large == small
    assert [change.ref for change in large.changes] == [f"OpaqueRef:{i}" for i in range(20)]
    assert large.counts == {"vm": 1}


@pytest.mark.parametrize("jsonrpc", ["works", "missing"])
async def test_ill_formed_names_in_a_large_pool_cost_nothing_else(
    jsonrpc: Any, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """In a large answer, too, what is ill-formed becomes U+FFFD, and all else is there."""
    estate = make_estate(hosts=2, vms=60, seed=5)
    names = ["raw \udcff byte", "lone \ud800 surrogate", "pair \U0001f600 é>", "NaN"]
    vms = estate.find("VM")
    assert len(vms) > 40
    for number, vm in enumerate(vms):
        estate.modify("VM", vm, name_label=names[number % 4], VCPUs_params={"x": "y" * 2000})
    async with SimulatedPool(estate, event_delay_s=0.0) as pool:
        pool.faults.jsonrpc = jsonrpc
        records = await RecordReader(await log_in_to(config_of(pool))).update()
    wanted = ["raw \ufffd byte", "lone \ufffd surrogate", "pair \U0001f600 é>", "NaN"]
    assert [records.vm[vm].name_label for vm in vms] == [
        wanted[number % 4] for number in range(len(vms))
    ]


_PADDING = b"x" * 70_000
_HOSTILE: dict[str, bytes] = {
    "a long text beside the events": _HEAD + b'],"x":"\\ud800' + b"a" * 4_000_000 + b'"}}',
    "ill-formed bytes": _HEAD + b'],"x":"\xff\\ud800' + b"a" * 4_000_000 + b'","y":[NaN]}}',
    "backslashes": _HEAD + b'],"x":"\\ud800' + b"\\\\" * 2_000_000 + b'","y":[NaN]}}',
    "empty texts": _HEAD + b'],"x":NaN,"y":[' + b'"",' * 1_000_000 + b'""]}}',
    "brackets": b'{"result":' + b"[" * 4_000_000,
    "braces": _HEAD + b'{"a":' * 1_000_000,
    "counts": _HEAD + b'],"valid_ref_counts":{' + b'"a":1,' * 600_000 + b'"a":1}}}',
    "a long reference": _HEAD + b'{"ref":"' + b"R" * 3_000_000
        + b'","class":"vm","operation":"add","snapshot":{"uuid":1}}' + _TAIL,
    "an ill-formed long name": answer(1, b',"name_label":"\xff%b"' % (b"x" * 5_000_000)),
    "no events": b'{"result":{"token":"1,1","list":[' + b"{}," * 1_000_000 + b"{}]}}",
    "a number that is long": _HEAD + b"1" * 4_000_000,
    "cut off": answer(1_000, b',"more":"%b"' % (b"x" * 2_000))[:-9_000],
    "an error that is long": b'{"error":["' + b"X" * 4_000_000 + b'"]}',
}  # fmt: skip


@pytest.mark.parametrize("body", _HOSTILE.values(), ids=_HOSTILE)
def test_a_hostile_body_is_refused_in_bounded_memory(body: bytes) -> None:
    """Whatever a large answer holds, it is a BadAnswer, and little is made of it before."""
    tracemalloc.start()
    try:
        with pytest.raises(BadAnswer) as caught:
            read(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(caught.value).startswith(("the answer ", "an event ", "the vm record "))
    assert len(str(caught.value)) < 600
    assert peak < 4 * len(body) + 1_000_000


def test_more_events_than_a_pool_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body of very many very small events is not read to its end."""
    monkeypatch.setattr(batch, "_MOST_EVENTS", 4_000)
    small = b'{"ref":"","class":"x"}'
    assert read(_HEAD + (small + b",") * 3_999 + small + _TAIL).changes == []
    with pytest.raises(BadAnswer, match="more than 4000 events"):
        read(_HEAD + (small + b",") * 4_000 + small + _TAIL)


def test_a_large_error_is_an_error() -> None:
    """An error that is padded is still what XAPI answered."""
    body = b'{"error":["SESSION_INVALID","x"],' + b" " * 60_000 + b'"id":1}'
    with pytest.raises(SessionInvalid):
        read(body)


# --- beside the event loop


async def test_the_event_loop_goes_on_while_a_large_answer_is_read(speak: Speak) -> None:
    """Others are served between the pieces of an answer."""
    session = await speak(answer(40_000, b',"tags":["a","b"]'))
    reading = asyncio.create_task(session.event_from(["vm"], ""))
    threads = 0
    while not reading.done():
        threads += any(thread.name == "xapi-call" for thread in threading.enumerate())
        await asyncio.sleep(0)
    assert len((await reading).changes) == 40_000
    assert threads > 1


async def test_an_answer_that_nobody_waits_for_is_read_no_further(
    speak: Speak, until: Until
) -> None:
    """Who is cancelled is answered at once, and leaves no thread at work."""

    def at_work() -> bool:
        return any(thread.name == "xapi-call" for thread in threading.enumerate())

    session = await speak(answer(400_000))
    reading = asyncio.create_task(session.event_from(["vm"], ""))
    await until(at_work)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await until(lambda: not at_work())


def test_reading_ends_when_it_is_given_up() -> None:
    """In the middle of an answer, not after it."""
    asked = 0

    def given_up() -> bool:
        nonlocal asked
        asked += 1
        return asked > 10

    with pytest.raises(TooLate):
        batch.read(answer(5_000), "the answer", given_up)
    assert asked == 11

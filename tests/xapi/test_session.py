"""Calls over JSON-RPC and XML-RPC: what is an answer, what is an error, what is neither."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web

from xo_exporter.config import PoolConfig, Url
from xo_exporter.errors import (
    ApiFailure,
    BadAnswer,
    HostIsSlave,
    LoginRefused,
    PoolError,
    SessionInvalid,
    Unreachable,
)
from xo_exporter.simulator import SimulatedPool, Slow
from xo_exporter.simulator.faults import (
    Disconnect,
    Endless,
    Failure,
    Fault,
    Garbage,
    Status,
    Truncated,
)
from xo_exporter.xapi import transport
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.events import RecordReader
from xo_exporter.xapi.session import Session

ConfigOf = Callable[..., PoolConfig]
LogIn = Callable[..., Awaitable[Session]]
Serve = Callable[..., Awaitable[str]]
Speak = Callable[[bytes], Awaitable[Session]]

_STRINGS = msgspec.json.Decoder(list[str])
_TEXT = msgspec.json.Decoder(str)
_DEEP = b"[" * 200_000
_JSON = "application/json"


@pytest.fixture
async def speak(serve: Serve) -> AsyncIterator[Speak]:
    """Give a session with a server that answers every JSON-RPC call with this body."""
    sessions: list[Session] = []

    async def start(body: bytes) -> Session:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            await request.read()
            return web.Response(body=body, content_type=_JSON)

        target = Target(Url.parse(await serve(handle)))
        session = Session(target, "OpaqueRef:1", context=None, certificate_name=None)
        sessions.append(session)
        return session

    yield start
    for session in sessions:
        await session.close()


# --- JSON-RPC


@pytest.mark.parametrize(
    "reply",
    [
        {"result": ["a"], "error": None, "id": 1},
        {"jsonrpc": "2.0", "result": ["a"], "id": 1},
        {"jsonrpc": "2.0", "result": ["a"], "id": 0},
        {"result": ["a"]},
        {"more": {"x": [1]}, "result": ["a"]},
    ],
    ids=repr,
)
async def test_results_of_either_version_are_read(reply: Any, speak: Speak) -> None:
    """The result of a JSON-RPC answer, 1.0 or 2.0 and whatever its id, is the call's result."""
    session = await speak(json.dumps(reply).encode())
    assert await session.call(_STRINGS, "pool.get_all") == ["a"]


@pytest.mark.parametrize(
    "reply",
    [
        {"result": None, "error": ["HANDLE_INVALID", "VM", "OpaqueRef:2"], "id": 1},
        {
            "jsonrpc": "2.0",
            "error": {"code": 1, "message": "HANDLE_INVALID", "data": ["VM", "OpaqueRef:2"]},
            "id": 1,
        },
        {"jsonrpc": "2.0", "error": ["HANDLE_INVALID", "VM", "OpaqueRef:2"], "id": 0},
    ],
    ids=["1.0", "2.0", "before dispatch"],
)
async def test_errors_of_either_shape_are_understood(reply: Any, speak: Speak) -> None:
    """A list, or an object with message and data: either is XAPI's code with its parameters."""
    session = await speak(json.dumps(reply).encode())
    with pytest.raises(ApiFailure) as caught:
        await session.call(_STRINGS, "VM.get_record", "OpaqueRef:2")
    assert (caught.value.code, caught.value.params) == ("HANDLE_INVALID", ("VM", "OpaqueRef:2"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (["HOST_IS_SLAVE", "10.0.0.1"], HostIsSlave),
        ({"message": "HOST_IS_SLAVE", "data": ["10.0.0.1"]}, HostIsSlave),
        (["SESSION_INVALID", "OpaqueRef:1"], SessionInvalid),
        (["RBAC_PERMISSION_DENIED", "x", "y"], LoginRefused),
        ([], ApiFailure),
        ({}, ApiFailure),
        ({"message": "X"}, ApiFailure),
    ],
    ids=repr,
)
async def test_errors_are_of_their_kind(error: Any, kind: type[PoolError], speak: Speak) -> None:
    """XAPI's code decides which error of ours it is; a session's reference is not kept in it."""
    session = await speak(json.dumps({"error": error}).encode())
    with pytest.raises(kind) as caught:
        await session.call(_STRINGS, "pool.get_all")
    assert "OpaqueRef:1" not in f"{caught.value!r}{vars(caught.value)}"
    assert not str(caught.value).endswith(" ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"7",
        b"[]",
        b"<html></html>",
        b'{"result": ["a"',
        b'{"result": {"a": 1}}',
        b'{"result": [1]}',
        b'{"result": null}',
        b"{}",
        b'{"error": 7}',
        b'{"error": [7]}',
        b'{"error": {"message": 7}}',
        b'{"error": {"message": "X", "data": "y"}}',
        b"\xff\xfe\x00",
        b"\x1f\x8b\x08\x00",
        _DEEP,
        b'{"result": ' + _DEEP,
        b'{"result": ' + _DEEP + b"]" * len(_DEEP) + b"}",
        b'{"error": ' + _DEEP,
        b'{"more": ' + b'{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:30]),
)
async def test_bodies_of_another_form_are_bad_answers(body: bytes, speak: Speak) -> None:
    """Whatever body comes as JSON and is none of XAPI's is a BadAnswer, no other exception."""
    session = await speak(body)
    with pytest.raises(BadAnswer):
        await session.call(_STRINGS, "pool.get_all")


async def test_ill_formed_names_cost_nothing_else(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """Ill-formed bytes and lone surrogates become U+FFFD in both protocols, all else is there."""
    vms = pool.database.find("VM")[:4]
    names = ["raw \udcff byte", "lone \ud800 surrogate", "control \x01 \x7f", "NaN \U0001f600 é"]
    mended = ["raw \ufffd byte", "lone \ufffd surrogate", "control \x01 \x7f", "NaN \U0001f600 é"]
    for vm, name in zip(vms, names, strict=True):
        pool.database.modify("VM", vm, name_label=name)
    for jsonrpc in ("works", "missing"):
        pool.faults.jsonrpc = jsonrpc
        records = await RecordReader(await log_in_to(config_of(pool))).update()
        got = [records.vm[vm].name_label for vm in vms]
        # XML has no way to write a control character.
        assert [name.replace("\ufffd \x7f", "\x01 \x7f") for name in got] == mended
        assert records.vm.keys() == pool.database.tables["VM"].keys()


async def test_numbers_that_json_lacks_are_unknown(pool: SimulatedPool, session: Session) -> None:
    """A bare NaN in a record, as XAPI prints it, keeps nothing from being read."""
    metrics = pool.database.find("VM_metrics")[0]
    pool.database.modify("VM_metrics", metrics, VCPUs_utilisation={"0": float("nan")})
    records = await RecordReader(session).update()
    assert records.vm_metrics.keys() == pool.database.tables["VM_metrics"].keys()


# --- XML-RPC where there is no JSON-RPC


@pytest.mark.parametrize("jsonrpc", ["missing", "html"])
async def test_a_server_without_json_rpc_is_asked_by_xml_rpc(
    jsonrpc: str, pool: SimulatedPool, session: Session
) -> None:
    """Where /jsonrpc is 404, or a web page, all calls go by XML-RPC, and it isn't tried again."""
    pool.faults.jsonrpc = jsonrpc  # type: ignore[assignment]  # one of its literals
    for _ in range(3):
        assert await session.call(_STRINGS, "pool.get_all") == list(pool.database.tables["pool"])
    assert pool.calls["/jsonrpc"] == 1
    time = await session.call(_TEXT, "host.get_servertime", pool.master)
    assert len(time) == len("20240131T10:11:12Z")


async def test_a_passing_fault_of_json_rpc_does_not_put_it_off(
    pool: SimulatedPool, session: Session
) -> None:
    """Where JSON-RPC fails once, that call goes by XML-RPC and the next by JSON-RPC again."""
    pool.faults.add(Status(500), path="/jsonrpc", times=1)
    assert await session.call(_STRINGS, "pool.get_all")
    pool.faults.add(Status(500), path="/RPC2")
    assert await session.call(_STRINGS, "pool.get_all")


@pytest.mark.parametrize(
    "code", ["HANDLE_INVALID", "HOST_IS_SLAVE", "SESSION_INVALID", "RBAC_PERMISSION_DENIED"]
)
async def test_errors_are_the_same_in_both_protocols(
    code: str, pool: SimulatedPool, session: Session
) -> None:
    """XAPI's error is the same error of ours, whether it came as JSON or as XML."""
    caught: list[ApiFailure] = []
    pool.faults.add(Failure(code, ("127.0.0.1", "OpaqueRef:2")), method="VM.get_record")
    for jsonrpc in ("works", "missing"):
        pool.faults.jsonrpc = jsonrpc
        with pytest.raises(ApiFailure) as info:
            await session.call(_TEXT, "VM.get_record", "OpaqueRef:2")
        caught.append(info.value)
    one, other = caught
    assert type(one) is type(other)
    assert (one.code, one.params, str(one)) == (other.code, other.params, str(other))


def _xml(value: str) -> Garbage:
    head = "<?xml version='1.0'?><methodResponse><params><param><value>"
    return Garbage(f"{head}{value}</value></param></params></methodResponse>".encode(), "text/xml")


def _success(value: str) -> Garbage:
    return _xml(
        "<struct><member><name>Status</name><value>Success</value></member>"
        f"<member><name>Value</name><value>{value}</value></member></struct>"
    )


@pytest.mark.parametrize(
    "fault",
    [
        Garbage(),
        Garbage(b"", "text/xml"),
        Garbage(b"\xff\x00", "text/xml"),
        Garbage(b"<a>" * 100_000, "text/xml"),
        Garbage(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "text/xml"),
        Status(500),
        Status(301, headers=(("Location", "http://127.0.0.9/"),)),
        Truncated(),
        _xml("text"),
        _xml("<struct></struct>"),
        _xml("<i4>text</i4>"),
        _success("<i4>7</i4>"),
        _success("<struct></struct>"),
        _success("<i4>99999999999999999999999999</i4>"),
        _success("<array><data><value>" * 5000 + "</value></data></array>" * 5000),
        _success("<base64>eA==</base64>"),
    ],
    ids=lambda fault: repr(fault)[:60],
)
async def test_xml_of_another_form_is_a_bad_answer(
    fault: Fault, pool: SimulatedPool, session: Session
) -> None:
    """Whatever comes in place of an answer in XML-RPC is a BadAnswer, no other exception."""
    pool.faults.jsonrpc = "missing"
    pool.faults.add(fault, path="/RPC2")
    with pytest.raises(BadAnswer):
        await session.call(_STRINGS, "pool.get_all")


# --- connections


@pytest.mark.parametrize("jsonrpc", ["works", "missing"])
@pytest.mark.parametrize("fault", [Disconnect(), Truncated(announced=True)], ids=repr)
async def test_a_connection_that_is_cut_is_an_error_of_ours(
    fault: Fault, jsonrpc: str, pool: SimulatedPool, session: Session
) -> None:
    """An answer that breaks off is Unreachable or a BadAnswer, never half a result."""
    pool.faults.jsonrpc = jsonrpc  # type: ignore[assignment]  # one of its literals
    pool.faults.add(fault, method="pool.get_all")
    with pytest.raises((Unreachable, BadAnswer)):
        await session.call(_STRINGS, "pool.get_all")


async def test_a_kept_connection_that_has_gone_is_opened_anew(
    pool: SimulatedPool, session: Session
) -> None:
    """A server may close a kept connection whenever it likes; the call is sent once more."""
    assert await session.call(_STRINGS, "pool.get_all")
    pool.faults.add(Disconnect(), method="pool.get_all", times=1)
    assert await session.call(_STRINGS, "pool.get_all")


async def test_a_dead_host_is_unreachable(pool: SimulatedPool, session: Session) -> None:
    """Where nothing listens any more, the error says where and why."""
    url = pool.url
    await pool.stop_host(pool.master)
    with pytest.raises(Unreachable, match="refused") as caught:
        await session.call(_STRINGS, "pool.get_all")
    assert url in str(caught.value)


@pytest.mark.parametrize("jsonrpc", ["works", "missing"])
async def test_an_endless_answer_is_cut_off(
    jsonrpc: str, pool: SimulatedPool, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that never ends is given up at a limit, in either protocol."""
    monkeypatch.setattr(transport, "SHORT_BODY", 1_000_000)
    pool.faults.jsonrpc = jsonrpc  # type: ignore[assignment]  # one of its literals
    pool.faults.add(Endless(), method="pool.get_all")
    with pytest.raises(BadAnswer, match=r"than [12]000000 bytes"):
        await session.call(_STRINGS, "pool.get_all")


@pytest.mark.parametrize("jsonrpc", ["works", "missing"])
async def test_a_call_that_is_cancelled_leaves_the_session_usable(
    jsonrpc: str, pool: SimulatedPool, session: Session
) -> None:
    """Giving up a slow call disturbs neither the calls beside it nor those after it."""
    pool.faults.jsonrpc = jsonrpc  # type: ignore[assignment]  # one of its literals
    slow = pool.faults.add(Slow(delay=0.3), method="host.get_all")
    beside = asyncio.create_task(session.call(_STRINGS, "host.get_all"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await session.call(_STRINGS, "host.get_all")
    hosts = list(pool.database.tables["host"])
    assert await beside == hosts
    pool.faults.remove(slow)
    assert await session.call(_STRINGS, "host.get_all") == hosts


# --- RRDs


async def test_rrds_are_asked_for_with_the_session_in_a_cookie(
    serve: Serve, pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """The session's reference never stands in a URL; XML is asked for; no connection is kept."""
    seen: list[web.BaseRequest] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request)
        return web.Response(text="<xport/>")

    session = await log_in_to(config_of(pool))
    target = Target(Url.parse(await serve(handle)))
    query = {"start": "7", "host": "true"}
    assert await session.fetch_rrd(target, query, limit=100) == b"<xport/>"
    (request,) = seen
    assert request.path_qs == "/rrd_updates?start=7&host=true"
    assert request.headers["Cookie"] == f"session_id={pool.sessions.open[0]}"
    assert request.headers["Accept"] == "text/xml"
    assert request.headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Status(401), SessionInvalid),
        (Status(403), LoginRefused),
        (Status(500), BadAnswer),
        (Status(302, headers=(("Location", "http://127.0.0.9:1/rrd_updates"),)), BadAnswer),
        (Endless(), BadAnswer),
        (Disconnect(), Unreachable),
        (Truncated(announced=True), Unreachable),
    ],
    ids=repr,
)
async def test_what_is_no_rrd_is_an_error_of_its_kind(
    fault: Fault, kind: type[PoolError], pool: SimulatedPool, session: Session
) -> None:
    """Each failure of /rrd_updates is an error of ours; no redirect takes the session elsewhere."""
    pool.faults.add(fault, path="/rrd_updates")
    with pytest.raises(kind) as caught:
        await session.fetch_rrd(session.target, {"start": "-10", "host": "true"}, limit=1_000_000)
    assert "OpaqueRef" not in str(caught.value)


async def test_compressed_answers_are_not_unpacked(speak: Speak) -> None:
    """Nothing is asked for compressed, and what comes so is not let grow: it is a bad answer."""
    session = await speak(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03")
    with pytest.raises(BadAnswer):
        await session.call(_STRINGS, "pool.get_all")


async def test_a_session_that_was_closed_is_unreachable(
    pool: SimulatedPool, session: Session
) -> None:
    """Who still has it is told so, as of a connection that is gone, and begins another one."""
    await session.close()
    with pytest.raises(Unreachable, match="closed meanwhile"):
        await session.call(_STRINGS, "pool.get_all")
    assert not pool.calls["pool.get_all"]

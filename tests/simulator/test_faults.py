"""What can go wrong with a pool, as a client sees it."""

import asyncio
import base64
import json
from typing import Any

import aiohttp
import pytest

from xo_exporter.simulator import (
    Database,
    Disconnect,
    Endless,
    Failure,
    Garbage,
    Hang,
    SimulatedPool,
    Slow,
    Status,
    Truncated,
)

LOGIN = "session.login_with_password"
SHORT = aiohttp.ClientTimeout(total=0.3)


async def ask(
    http: aiohttp.ClientSession, pool: SimulatedPool, method: str = "system.listMethods"
) -> Any:
    """Call by JSON-RPC without a session, and decode the answer."""
    body = {"jsonrpc": "2.0", "method": method, "params": [], "id": 1}
    async with http.post(f"{pool.url}/jsonrpc", json=body) as response:
        return json.loads(await response.text())


async def get_rrd(
    http: aiohttp.ClientSession, pool: SimulatedPool, host: str, **options: Any
) -> tuple[int, bytes]:
    """Read a host's RRDs and give status and body."""
    headers = {"Authorization": basic_auth(pool.username, pool.password)}
    url = f"{pool.url_of(host)}/rrd_updates?start=-5"
    async with http.get(url, headers=headers, **options) as response:
        return response.status, await response.read()


def basic_auth(user: str, password: str) -> str:
    """Write the header Authorization."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def member(pool: SimulatedPool) -> str:
    """Give the reference of a host that is not the master."""
    return list(pool.database.tables["host"])[1]


async def test_a_fault_strikes_where_it_is_told(
    pool: SimulatedPool, http: aiohttp.ClientSession
) -> None:
    """By host and path: the others answer as ever; once cleared so does this one."""
    host = member(pool)
    pool.faults.add(Status(503), host=host, path="/rrd_updates")
    assert (await get_rrd(http, pool, host))[0] == 503
    assert (await get_rrd(http, pool, pool.master))[0] == 200
    assert "result" in await ask(http, pool)
    pool.faults.clear()
    assert (await get_rrd(http, pool, host))[0] == 200


async def test_a_fault_for_one_method_and_a_few_times(
    pool: SimulatedPool, http: aiohttp.ClientSession
) -> None:
    """By method, and no more often than told."""
    pool.faults.add(Failure("INTERNAL_ERROR", ("x",)), method="system.listMethods", times=2)
    answers = [await ask(http, pool) for _ in range(3)]
    assert ["error" in answer for answer in answers] == [True, True, False]
    assert answers[0]["error"] == {"code": 1, "message": "INTERNAL_ERROR", "data": ["x"]}


async def test_a_dead_host(pool: SimulatedPool, http: aiohttp.ClientSession) -> None:
    """Connections are refused while it is down, the others live, and it comes back."""
    host = member(pool)
    await pool.stop_host(host)
    with pytest.raises(aiohttp.ClientConnectorError):
        await get_rrd(http, pool, host)
    assert (await get_rrd(http, pool, pool.master))[0] == 200
    await pool.start_host(host)
    assert (await get_rrd(http, pool, host))[0] == 200


async def test_a_dead_host_cuts_what_is_open(
    pool: SimulatedPool, http: aiohttp.ClientSession
) -> None:
    """A request that waits on a host that dies ends at once."""
    host = member(pool)
    pool.faults.add(Hang(), host=host)
    waiting = asyncio.create_task(get_rrd(http, pool, host))
    while not pool.calls["/rrd_updates"]:  # noqa: ASYNC110 - counted, not signalled
        await asyncio.sleep(0)
    await pool.stop_host(host)
    with pytest.raises(aiohttp.ClientError):
        await asyncio.wait_for(waiting, 30)


async def test_a_hung_host(pool: SimulatedPool, http: aiohttp.ClientSession) -> None:
    """The request is accepted and never answered; the others are."""
    host = member(pool)
    with pool.faults.active(Hang(), host=host):
        with pytest.raises(TimeoutError):
            await get_rrd(http, pool, host, timeout=SHORT)
        assert (await get_rrd(http, pool, pool.master))[0] == 200
    assert (await get_rrd(http, pool, host))[0] == 200


async def test_a_slow_host_answers_in_the_end(
    pool: SimulatedPool, http: aiohttp.ClientSession
) -> None:
    """A delayed and dripping body is the same body."""
    pool.clock = lambda: 1_700_000_000.0
    host = member(pool)
    whole = await get_rrd(http, pool, host)
    pool.faults.add(Slow(delay=0.01, drip=len(whole[1]) // 3, pause=0.0))
    assert await get_rrd(http, pool, host) == whole
    pool.faults.clear()
    pool.faults.add(Slow(drip=1, pause=0.05))
    with pytest.raises(TimeoutError):
        await get_rrd(http, pool, host, timeout=SHORT)


async def test_bodies_that_are_wrong(pool: SimulatedPool, http: aiohttp.ClientSession) -> None:
    """Another body, half a body, a body cut off, none at all."""
    pool.clock = lambda: 1_700_000_000.0
    host = pool.master
    _, whole = await get_rrd(http, pool, host)
    with pool.faults.active(Garbage(b"\x00\xff", "application/json")):
        assert await get_rrd(http, pool, host) == (200, b"\x00\xff")
    with pool.faults.active(Garbage(b"")):
        assert await get_rrd(http, pool, host) == (200, b"")
    with pool.faults.active(Truncated(0.5)):
        assert (await get_rrd(http, pool, host))[1] == whole[: len(whole) // 2]
    with pool.faults.active(Truncated(100, announced=True)), pytest.raises(aiohttp.ClientError):
        await get_rrd(http, pool, host)
    with pool.faults.active(Disconnect()), pytest.raises(aiohttp.ClientError):
        await get_rrd(http, pool, host)


async def test_an_endless_body(pool: SimulatedPool, http: aiohttp.ClientSession) -> None:
    """A body that never ends goes on until the client leaves."""
    with pool.faults.active(Endless(b"x" * 1000), path="/rrd_updates"):
        async with http.get(f"{pool.url}/rrd_updates") as response:
            read = 0
            async for chunk in response.content.iter_any():
                read += len(chunk)
                if read > 1_000_000:
                    break
        assert read > 1_000_000
    assert "result" in await ask(http, pool)


async def test_json_rpc_can_be_missing(pool: SimulatedPool, http: aiohttp.ClientSession) -> None:
    """As on old hosts: 404, or a page that is no JSON; XML-RPC works all the same."""
    url = f"{pool.url}/jsonrpc"
    pool.faults.jsonrpc = "missing"
    async with http.post(url, json={}) as response:
        assert response.status == 404
    pool.faults.jsonrpc = "html"
    async with http.post(url, json={}) as response:
        assert response.status == 200
        assert response.content_type == "text/html"
    call = b"<methodCall><methodName>system.listMethods</methodName></methodCall>"
    async with http.post(f"{pool.url}/RPC2", data=call) as response:
        assert b"Success" in await response.read()


async def test_a_pool_that_still_boots(pool: SimulatedPool, http: aiohttp.ClientSession) -> None:
    """The error comes in version 2.0 with a list and id 0, whatever was asked for."""
    pool.faults.booting = True
    body = {"method": LOGIN, "params": ["root", "x"], "id": 7}
    async with http.post(f"{pool.url}/jsonrpc", json=body) as response:
        expected = {"jsonrpc": "2.0", "error": ["HOST_STILL_BOOTING"], "id": 0}
        assert await response.json() == expected
    pool.faults.clear()
    pool.faults.add(Failure("HOST_STILL_BOOTING", early=True), path="/jsonrpc")
    assert (await ask(http, pool))["error"] == ["HOST_STILL_BOOTING"]


async def test_names_that_are_not_utf8(estate: Database, http: aiohttp.ClientSession) -> None:
    """Ill-formed bytes, lone surrogates and NaN reach the wire as they are."""
    ref = estate.find("VM", power_state="Running", is_control_domain=False)[0]
    estate.modify("VM", ref, name_label="a\udcff\ud800", HVM_shadow_multiplier=float("nan"))
    async with SimulatedPool(estate) as pool:
        call = {"method": LOGIN, "params": [pool.username, pool.password], "id": 1}
        async with http.post(f"{pool.url}/jsonrpc", json=call) as response:
            session = (await response.json())["result"]
        call = {"method": "VM.get_record", "params": [session, ref], "id": 1}
        async with http.post(f"{pool.url}/jsonrpc", json=call) as response:
            body = await response.read()
    assert b'"name_label":"a\xff\\ud800"' in body
    assert b'"HVM_shadow_multiplier":NaN' in body

"""/rrd_updates over sockets: who may read, and how the answer is sent."""

import asyncio
import base64
from typing import Any

import aiohttp
import pytest

from xo_exporter.simulator import SimulatedPool

LOGIN = "session.login_with_password"


def basic_auth(user: str, password: str) -> str:
    """Write the header Authorization."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def members(pool: SimulatedPool) -> list[str]:
    """Give the references of the hosts but the master."""
    return [host for host in pool.database.tables["host"] if host != pool.master]


class TestRrdAccess:
    """Who may read RRDs, and how they are sent."""

    async def status(
        self,
        http: aiohttp.ClientSession,
        pool: SimulatedPool,
        query: str = "",
        **headers: str,
    ) -> int:
        """Ask a member and give the status."""
        url = f"{pool.url_of(members(pool)[0])}/rrd_updates?start=-5{query}"
        async with http.get(url, headers=headers) as response:
            if response.status == 401:
                wanted = 'Basic realm="get_rrd_updates"'
                assert response.headers["WWW-Authenticate"] == wanted
            return response.status

    async def test_ways_to_prove_oneself(
        self, pool: SimulatedPool, xapi: Any, http: aiohttp.ClientSession
    ) -> None:
        """A session in a cookie or the query, or user and password, on any host of the pool."""
        session = await xapi.login(pool)
        assert await self.status(http, pool) == 401
        assert await self.status(http, pool, Cookie=f"a=b; session_id={session}") == 200
        assert await self.status(http, pool, f"&session_id={session}") == 200
        basic = basic_auth(pool.username, pool.password)
        assert await self.status(http, pool, Authorization=basic) == 200
        wrong = basic_auth(pool.username, "no")
        assert await self.status(http, pool, Authorization=wrong) == 401
        assert await self.status(http, pool, Authorization="Basic ?") == 401
        assert await self.status(http, pool, Authorization="Bearer x") == 401

    async def test_the_cookie_comes_first(
        self, pool: SimulatedPool, xapi: Any, http: aiohttp.ClientSession
    ) -> None:
        """A void session in the cookie is not made good by one in the query."""
        session = await xapi.login(pool)
        assert await self.status(http, pool, f"&session_id={session}", Cookie="session_id=x") == 401
        pool.sessions.expire()
        assert await self.status(http, pool, f"&session_id={session}") == 401

    async def test_each_answer_is_the_last_on_its_connection(
        self, pool: SimulatedPool, xapi: Any
    ) -> None:
        """The header promises keep-alive and the connection is closed all the same."""
        session = await xapi.login(pool)
        reader, writer = await asyncio.open_connection("127.0.0.1", pool.port)
        request = f"GET /rrd_updates?start=-5&session_id={session} HTTP/1.1\r\nHost: x\r\n\r\n"
        writer.write(request.encode())
        answer = await asyncio.wait_for(reader.read(), 30)  # until the other side closes
        writer.close()
        await writer.wait_closed()
        head, _, body = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        assert headers[b"Connection"] == b"keep-alive"
        assert headers[b"Access-Control-Allow-Origin"] == b"*"
        assert headers[b"Content-Type"] == b"text/xml"
        assert int(headers[b"Content-Length"]) == len(body)
        assert b"Content-Encoding" not in headers

    async def test_values_are_the_truth(
        self, pool: SimulatedPool, xapi: Any, http: aiohttp.ClientSession
    ) -> None:
        """What is printed of a host is what `pool.rrd.value` says, by the host's own clock."""
        host = members(pool)[0]
        uuid = pool.database.tables["host"][host]["uuid"]
        pool.clock = lambda: 1_700_000_000.0
        pool.faults.clock_offset[host] = 7200.0
        session = await xapi.login(pool)
        url = f"{pool.url_of(host)}/rrd_updates?start=-5&host=true&session_id={session}"
        async with http.get(url) as response:
            answer = await response.json()
        row = answer["data"][0]
        assert row["t"] == "1700007200"
        index = answer["meta"]["legend"].index(f"AVERAGE:host:{uuid}:cpu0")
        truth = pool.rrd.value(uuid, "cpu0", 1700007200)
        assert float(row["values"][index]) == pytest.approx(truth, rel=1e-12)

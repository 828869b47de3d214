"""What the tests of the simulated pool share."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from xo_exporter.simulator import Database, SimulatedPool, make_estate

NOW = 1_700_000_000.0


@pytest.fixture
def estate() -> Database:
    """Make a pool of three hosts and twenty VMs, the same each time."""
    return make_estate(hosts=3, vms=20, seed=7, now=NOW)


@pytest.fixture
async def pool(estate: Database) -> AsyncIterator[SimulatedPool]:
    """Run the estate in the test's event loop, without the pause that gathers events."""
    async with SimulatedPool(estate, event_delay_s=0.0) as running:
        yield running


@pytest.fixture
def threaded_pool(estate: Database) -> Iterator[SimulatedPool]:
    """Run the estate in a thread of its own, for clients that block."""
    with SimulatedPool(estate).run_in_thread() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """Give an HTTP client without cookies, and one connection a request.

    After an answer from /rrd_updates the pool closes the connection unannounced.
    """
    connector = aiohttp.TCPConnector(force_close=True)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as session:
        yield session


class JsonRpc:
    """Speaks JSON-RPC with a pool."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def call(self, url: str, method: str, *params: Any, version: str = "2.0") -> Any:
        """Call by JSON-RPC and give the whole answer, decoded."""
        question: dict[str, Any] = {"method": method, "params": params, "id": "x1"}
        if version == "2.0":
            question["jsonrpc"] = "2.0"
        async with self._http.post(f"{url}/jsonrpc", json=question) as response:
            assert response.status == 200
            assert response.headers["Content-Type"] == "application/json"
            return json.loads(await response.text())

    async def login(self, pool: SimulatedPool) -> str:
        """Log in to the master and give the session."""
        given = (pool.username, pool.password, "1.0", "tests")
        answer = await self.call(pool.url, "session.login_with_password", *given)
        session = answer["result"]
        assert isinstance(session, str)
        return session


@pytest.fixture
def xapi(http: aiohttp.ClientSession) -> JsonRpc:
    """Give a client of XAPI."""
    return JsonRpc(http)

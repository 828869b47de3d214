"""The pool over sockets: who answers where, in which dialect, and who may ask."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import freezegun
import pytest
import XenAPI

from xo_exporter.simulator import AddressTaken, Database, SimulatedPool, make_estate

LOGIN = "session.login_with_password"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """Give an HTTP client that keeps no cookies."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def rpc(
    http: aiohttp.ClientSession, url: str, method: str, *params: Any, version: str = "2.0"
) -> Any:
    """Call by JSON-RPC and give the whole answer."""
    question: dict[str, Any] = {"method": method, "params": params, "id": "x1"}
    if version == "2.0":
        question["jsonrpc"] = "2.0"
    async with http.post(f"{url}/jsonrpc", json=question) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/json"
        return json.loads(await response.text())


async def login(http: aiohttp.ClientSession, pool: SimulatedPool) -> str:
    """Log in and give the session."""
    answer = await rpc(http, pool.url, LOGIN, pool.username, pool.password, "1.0", "tests")
    session = answer["result"]
    assert isinstance(session, str)
    return session


def basic_auth(user: str, password: str) -> str:
    """Write the header Authorization."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def members(pool: SimulatedPool) -> list[str]:
    """Give the references of the hosts but the master."""
    return [host for host in pool.database.tables["host"] if host != pool.master]


class TestAddresses:
    """Where hosts listen, and what they say of it."""

    async def test_each_host_has_an_address_of_its_own(self, pool: SimulatedPool) -> None:
        """Loopback addresses that follow one another, at one port; host.address says so."""
        hosts = pool.database.tables["host"]
        urls = [urlsplit(pool.url_of(host)) for host in hosts]
        assert [url.hostname for url in urls] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
        assert {url.port for url in urls} == {pool.port}
        assert [record["address"] for record in hosts.values()] == [url.hostname for url in urls]
        assert pool.url == f"http://127.0.0.1:{pool.port}"

    async def test_all_at_one_address(self, estate: Database, http: aiohttp.ClientSession) -> None:
        """Advertised, every host has that address, and one listener answers for all of them."""
        async with SimulatedPool(estate, advertise="192.0.2.80") as pool:
            hosts = estate.tables["host"].values()
            assert {record["address"] for record in hosts} == {"192.0.2.80"}
            session = await login(http, pool)
            url = f"{pool.url}/rrd_updates?start=-5&host=true"
            async with http.get(url, headers={"Cookie": f"session_id={session}"}) as response:
                legend = (await response.json())["meta"]["legend"]
            owners = {entry.split(":")[2] for entry in legend if ":host:" in entry}
            assert owners == {record["uuid"] for record in hosts}

    async def test_everywhere(self, estate: Database, http: aiohttp.ClientSession) -> None:
        """At the wildcard address a pool needs one to advertise, which its URL then shows."""
        with pytest.raises(AddressTaken, match="advertise"):
            await SimulatedPool(estate, listen="0.0.0.0").start()
        async with SimulatedPool(estate, listen="0.0.0.0", advertise="localhost") as pool:
            assert pool.url == f"http://localhost:{pool.port}"
            assert await login(http, pool)

    async def test_addresses_can_lie(self, estate: Database) -> None:
        """`addresses` says what host.address holds, reachable or not."""
        host = next(iter(estate.tables["host"]))
        async with SimulatedPool(estate, addresses={host: "2001:db8::1"}) as pool:
            assert estate.tables["host"][host]["address"] == "2001:db8::1"
            assert pool.url_of(host).startswith("http://127.0.0.1:")

    async def test_ipv6(self, http: aiohttp.ClientSession) -> None:
        """A pool can listen at an IPv6 address, in brackets in its URL."""
        async with SimulatedPool(make_estate(hosts=1, vms=1), listen="::1") as pool:
            assert pool.url == f"http://[::1]:{pool.port}"
            assert await login(http, pool)

    async def test_a_port_that_is_taken(self, pool: SimulatedPool) -> None:
        """A wanted port that somebody has is an error that names it."""
        other = SimulatedPool(make_estate(hosts=1, vms=1), port=pool.port)
        with pytest.raises(AddressTaken, match=str(pool.port)):
            await other.start()


class TestSessions:
    """Logging in and out."""

    async def test_wrong_password(self, pool: SimulatedPool, http: aiohttp.ClientSession) -> None:
        """The error names the user; nobody is logged in."""
        answer = await rpc(http, pool.url, LOGIN, "root", "no", "1.0", "tests")
        assert answer["error"]["message"] == "SESSION_AUTHENTICATION_FAILED"
        assert answer["error"]["data"][0] == "root"
        assert pool.sessions.open == []
        assert (pool.sessions.logins, pool.sessions.refused) == (0, 1)

    async def test_member_names_its_master(
        self, pool: SimulatedPool, http: aiohttp.ClientSession
    ) -> None:
        """A member answers every call with the master's address."""
        for method, params in ((LOGIN, ["root", "no"]), ("pool.get_all", ["any"])):
            answer = await rpc(http, pool.url_of(members(pool)[0]), method, *params)
            assert answer["error"]["message"] == "HOST_IS_SLAVE"
            assert answer["error"]["data"] == ["127.0.0.1"]

    async def test_the_master_moves(self, pool: SimulatedPool, http: aiohttp.ClientSession) -> None:
        """The old master names the new one, and the old session is void there."""
        session = await login(http, pool)
        old = pool.url
        pool.move_master(members(pool)[1])
        answer = await rpc(http, old, "pool.get_all", session)
        assert answer["error"] == {"code": 1, "message": "HOST_IS_SLAVE", "data": ["127.0.0.3"]}
        answer = await rpc(http, pool.url, "pool.get_all", session)
        assert answer["error"]["message"] == "SESSION_INVALID"

    async def test_a_session_is_a_record(
        self, pool: SimulatedPool, http: aiohttp.ClientSession
    ) -> None:
        """Who is logged in can be read, with the originator; after log-out it is void."""
        session = await login(http, pool)
        answer = await rpc(http, pool.url, "session.get_originator", session, session)
        assert answer["result"] == "tests"
        answer = await rpc(http, pool.url, "session.get_this_host", session, session)
        assert answer["result"] == pool.master
        answer = await rpc(http, pool.url, "session.get_is_local_superuser", session, session)
        assert answer["result"] is True
        await rpc(http, pool.url, "session.logout", session)
        answer = await rpc(http, pool.url, "pool.get_all", session)
        assert answer["error"]["data"] == [session]
        assert pool.sessions.open == []

    async def test_sessions_end_after_some_calls(
        self, pool: SimulatedPool, http: aiohttp.ClientSession
    ) -> None:
        """`calls_left` lets so many calls pass, then every session ends once."""
        session = await login(http, pool)
        pool.sessions.calls_left = 2
        seen = [await rpc(http, pool.url, "pool.get_all", session) for _ in range(3)]
        assert ["error" in answer for answer in seen] == [False, False, True]
        session = await login(http, pool)
        assert "result" in await rpc(http, pool.url, "pool.get_all", session)

    async def test_waiting_ends_with_the_session(
        self, pool: SimulatedPool, http: aiohttp.ClientSession
    ) -> None:
        """A call that waits for events fails as soon as its session ends."""
        session = await login(http, pool)
        token = (await rpc(http, pool.url, "event.from", session, ["vm"], "", 0.0))["result"]
        waiting = asyncio.create_task(
            rpc(http, pool.url, "event.from", session, ["vm"], token["token"], 60.0)
        )
        while pool.calls["event.from"] < 2:  # noqa: ASYNC110 - counted, not signalled
            await asyncio.sleep(0)
        pool.sessions.expire()
        answer = await waiting
        assert answer["error"]["message"] == "SESSION_INVALID"


class TestCalls:
    """What calls answer, and how they fail."""

    async def test_getters(self, pool: SimulatedPool, http: aiohttp.ClientSession) -> None:
        """Every way to read an object gives what the database holds."""
        session = await login(http, pool)
        ref, record = next(iter(pool.database.tables["SR"].items()))
        wanted: tuple[tuple[str, list[str], object], ...] = (
            ("SR.get_record", [ref], record),
            ("SR.get_all", [], list(pool.database.tables["SR"])),
            ("SR.get_all_records", [], pool.database.tables["SR"]),
            ("SR.get_by_uuid", [record["uuid"]], ref),
            ("SR.get_by_name_label", [record["name_label"]], None),
            ("SR.get_physical_size", [ref], record["physical_size"]),
            ("SR.get_shared", [ref], record["shared"]),
            ("VLAN.get_all_records", [], {}),
        )
        for method, params, expected in wanted:
            answer = await rpc(http, pool.url, method, session, *params)
            if expected is None:
                assert ref in answer["result"]
            else:
                assert answer["result"] == expected

    @pytest.mark.parametrize(
        ("method", "params", "code", "data"),
        [
            ("VM.get_record", ["OpaqueRef:no"], "HANDLE_INVALID", ["VM", "OpaqueRef:no"]),
            ("VM.get_by_uuid", ["no"], "UUID_INVALID", ["VM", "no"]),
            ("VM.fly", [], "MESSAGE_METHOD_UNKNOWN", ["VM.fly"]),
            ("VM.get_wings", ["r"], "MESSAGE_METHOD_UNKNOWN", ["VM.get_wings"]),
            ("event.get_all_records", [], "MESSAGE_METHOD_UNKNOWN", ["event.get_all_records"]),
            ("VM.start", ["r", False, False], "MESSAGE_METHOD_UNKNOWN", ["VM.start"]),
            (
                "VM.get_all",
                ["more"],
                "MESSAGE_PARAMETER_COUNT_MISMATCH",
                ["VM.get_all", "1", "2"],
            ),
            ("event.from", [["vm"], "", 0], "FIELD_TYPE_ERROR", ["timeout"]),
            ("event.from", [["vm"], "?", 0.0], "EVENT_FROM_TOKEN_PARSE_FAILURE", ["?"]),
            ("event.from", [["vmm"], "", 0.0], "EVENT_SUBSCRIPTION_PARSE_FAILURE", ["vmm"]),
        ],
    )
    async def test_failures(
        self,
        pool: SimulatedPool,
        http: aiohttp.ClientSession,
        method: str,
        params: list[Any],
        code: str,
        data: list[str],
    ) -> None:
        """Errors have XAPI's codes and parameters, in the shape of the version asked for."""
        session = await login(http, pool)
        answer = await rpc(http, pool.url, method, session, *params)
        assert answer["error"] == {"code": 1, "message": code, "data": data}
        assert answer["id"] == "x1"
        answer = await rpc(http, pool.url, method, session, *params, version="1.0")
        assert answer == {"result": None, "error": [code, *data], "id": "x1"}

    async def test_first_version_of_json_rpc(
        self, pool: SimulatedPool, http: aiohttp.ClientSession
    ) -> None:
        """Without a version the answer has all three members."""
        answer = await rpc(http, pool.url, LOGIN, pool.username, pool.password, version="1.0")
        assert list(answer) == ["result", "error", "id"]
        assert answer["error"] is None

    async def test_inject(self, pool: SimulatedPool, http: aiohttp.ClientSession) -> None:
        """event.inject gives a token from which the object itself is news."""
        session = await login(http, pool)
        ref = pool.database.only("pool")[0]
        token = (await rpc(http, pool.url, "event.inject", session, "pool", ref))["result"]
        answer = await rpc(http, pool.url, "event.from", session, ["*"], token, 30.0)
        assert [event["ref"] for event in answer["result"]["events"]] == [ref]

    async def test_server_time(self, pool: SimulatedPool, http: aiohttp.ClientSession) -> None:
        """Each host has a clock of its own."""
        pool.clock = lambda: 1_700_000_000.0
        first, second = list(pool.database.tables["host"])[:2]
        pool.faults.clock_offset[second] = -3600.0
        session = await login(http, pool)
        times = [
            (await rpc(http, pool.url, "host.get_servertime", session, host))["result"]
            for host in (first, second)
        ]
        assert times == ["20231114T22:13:20Z", "20231114T21:13:20Z"]

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/jsonrpc", b"{"),
            ("/jsonrpc", b"[]"),
            ("/jsonrpc", b'{"method": "pool.get_all", "params": [], "id": null}'),
            ("/jsonrpc", b'{"method": 1, "params": [], "id": 1}'),
            ("/RPC2", b"<methodCall>"),
            ("/", b"\xff"),
            ("/xmlrpc", b"<methodResponse><params></params></methodResponse>"),
        ],
    )
    async def test_malformed(
        self, pool: SimulatedPool, http: aiohttp.ClientSession, path: str, body: bytes
    ) -> None:
        """What is no call is an error of HTTP."""
        async with http.post(pool.url + path, data=body) as response:
            assert response.status == 500

    async def test_xml_at_every_path(
        self, pool: SimulatedPool, http: aiohttp.ClientSession
    ) -> None:
        """XML-RPC is spoken at three paths, as text/xml, to the byte."""
        body = (
            b"<?xml version='1.0'?><methodCall><methodName>pool.get_all</methodName><params>"
            b"<param><value><string>nobody</string></value></param></params></methodCall>"
        )
        for path in ("/", "/RPC2", "/xmlrpc"):
            async with http.post(pool.url + path, data=body) as response:
                assert response.headers["Content-Type"] == "text/xml"
                assert await response.read() == (
                    b'<?xml version="1.0"?><methodResponse><params><param><value><struct>'
                    b"<member><name>Status</name><value>Failure</value></member>"
                    b"<member><name>ErrorDescription</name><value><array><data>"
                    b"<value>SESSION_INVALID</value><value>nobody</value>"
                    b"</data></array></value></member></struct></value></param></params>"
                    b"</methodResponse>"
                )

    async def test_other_paths_are_forbidden(
        self, pool: SimulatedPool, http: aiohttp.ClientSession
    ) -> None:
        """An unknown path is 403, as the default of XAPI's server is; the root is a page."""
        async with http.get(f"{pool.url}/nothing") as response:
            assert response.status == 403
        async with http.get(f"{pool.url}/") as response:
            assert response.status == 200
            assert "html" in response.headers["Content-Type"]

    async def test_traffic_is_counted(
        self, pool: SimulatedPool, http: aiohttp.ClientSession
    ) -> None:
        """Calls and bytes are counted by method, and calls by host, too."""
        session = await login(http, pool)
        await rpc(http, pool.url, "VM.get_all_records", session)
        await rpc(http, pool.url, "VM.get_all_records", session)
        assert pool.calls == {LOGIN: 1, "VM.get_all_records": 2}
        assert pool.traffic.by_host[pool.master]["VM.get_all_records"] == 2
        assert pool.traffic.bytes_sent["VM.get_all_records"] > 100_000
        assert pool.sessions.logins == 1


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
        self, pool: SimulatedPool, http: aiohttp.ClientSession
    ) -> None:
        """A session in a cookie or the query, or user and password, on any host of the pool."""
        session = await login(http, pool)
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
        self, pool: SimulatedPool, http: aiohttp.ClientSession
    ) -> None:
        """A void session in the cookie is not made good by one in the query."""
        session = await login(http, pool)
        assert await self.status(http, pool, f"&session_id={session}", Cookie="session_id=x") == 401
        pool.sessions.expire()
        assert await self.status(http, pool, f"&session_id={session}") == 401

    async def test_each_answer_is_the_last_on_its_connection(
        self, pool: SimulatedPool, http: aiohttp.ClientSession
    ) -> None:
        """The header promises keep-alive and the connection is closed all the same."""
        session = await login(http, pool)
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
        self, pool: SimulatedPool, http: aiohttp.ClientSession
    ) -> None:
        """What is printed of a host is what `pool.rrd.value` says, by the host's own clock."""
        host = members(pool)[0]
        uuid = pool.database.tables["host"][host]["uuid"]
        pool.clock = lambda: 1_700_000_000.0
        pool.faults.clock_offset[host] = 7200.0
        session = await login(http, pool)
        url = f"{pool.url_of(host)}/rrd_updates?start=-5&host=true&session_id={session}"
        async with http.get(url) as response:
            answer = await response.json()
        row = answer["data"][0]
        assert row["t"] == "1700007200"
        index = answer["meta"]["legend"].index(f"AVERAGE:host:{uuid}:cpu0")
        truth = pool.rrd.value(uuid, "cpu0", 1700007200)
        assert float(row["values"][index]) == pytest.approx(truth, rel=1e-12)


class TestTls:
    """HTTPS."""

    async def test_own_certificate(self, estate: Database, http: aiohttp.ClientSession) -> None:
        """The certificate is valid for the hosts' addresses with the fingerprint that is told."""
        async with SimulatedPool(estate, tls=True) as pool:
            context = ssl.create_default_context(cadata=pool.certificate.decode())
            for host in estate.tables["host"]:
                url = pool.url_of(host)
                assert url.startswith("https://")
                async with http.get(f"{url}/", ssl=context) as response:
                    assert response.status == 200
                pin = aiohttp.Fingerprint(bytes.fromhex(pool.fingerprint.replace(":", "")))
                async with http.get(f"{url}/", ssl=pin) as response:
                    assert response.status == 200

    async def test_contexts_by_host(self, http: aiohttp.ClientSession) -> None:
        """Given contexts are used, each for its host."""
        estate = make_estate(hosts=1, vms=1)
        async with SimulatedPool(make_estate(hosts=1, vms=1), tls=True) as other:
            identity = other._identity
            assert identity is not None
            host = next(iter(estate.tables["host"]))
            async with SimulatedPool(estate, ssl_contexts={host: identity.context}) as pool:
                pin = aiohttp.Fingerprint(bytes.fromhex(other.fingerprint.replace(":", "")))
                async with http.get(f"{pool.url}/", ssl=pin) as response:
                    assert response.status == 200


def test_in_a_thread(threaded_pool: SimulatedPool) -> None:
    """A caller that blocks can talk to the pool and change it from its own thread."""
    session = XenAPI.Session(threaded_pool.url)
    session.login_with_password(threaded_pool.username, threaded_pool.password, "1.0", "tests")
    ref = session.xenapi.pool.get_all()[0]
    threaded_pool.do(lambda: threaded_pool.database.modify("pool", ref, name_label="other"))
    assert session.xenapi.pool.get_name_label(ref) == "other"
    session.xenapi.session.logout()
    session("close")()


def test_a_thread_that_cannot_start(threaded_pool: SimulatedPool) -> None:
    """What keeps a pool from starting is raised where it was asked for."""
    other = SimulatedPool(make_estate(hosts=1, vms=1), port=threaded_pool.port)
    with pytest.raises(AddressTaken), other.run_in_thread():
        pass


class TestOddEstates:
    """Estates that no installer makes."""

    async def test_a_master_that_is_no_host(self, http: aiohttp.ClientSession) -> None:
        """Where the pool's master dangles, the first host answers."""
        estate = Database.from_records({"pool": {"p": {"master": "gone"}}, "host": {"h": {}}})
        async with SimulatedPool(estate) as pool:
            session = await login(http, pool)
            answer = await rpc(http, pool.url, "pool.get_master", session, "p")
            assert answer["result"] == "gone"

    async def test_a_pool_without_hosts(self, http: aiohttp.ClientSession) -> None:
        """Somebody answers, and there are no RRDs."""
        async with SimulatedPool(Database.from_records({"pool": {"p": {}}})) as pool:
            session = await login(http, pool)
            assert (await rpc(http, pool.url, "host.get_all", session))["result"] == []
            url = f"{pool.url}/rrd_updates?start=-5&host=true&session_id={session}"
            async with http.get(url) as response:
                assert response.status == 500

    async def test_a_host_that_is_gone_from_the_database(
        self, pool: SimulatedPool, http: aiohttp.ClientSession
    ) -> None:
        """An ejected host has no RRDs to show."""
        host = members(pool)[0]
        url = pool.url_of(host)
        session = await login(http, pool)
        pool.database.delete("host", host)
        async with http.get(f"{url}/rrd_updates?start=-5&session_id={session}") as response:
            assert response.status == 500


async def test_the_clock_can_be_frozen(http: aiohttp.ClientSession) -> None:
    """The pool's own clock is the system's, frozen or not."""
    async with SimulatedPool(make_estate(hosts=1, vms=1)) as pool:
        with freezegun.freeze_time("2024-05-06 07:08:09", tick=True, ignore=["asyncio"]):
            session = await login(http, pool)
            host = pool.master
            answer = await rpc(http, pool.url, "host.get_servertime", session, host)
        assert answer["result"].startswith("20240506T07:08:")

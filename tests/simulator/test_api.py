"""The calls of XAPI over both dialects: who may call, what is answered, how calls fail."""

import asyncio
from typing import Any

import aiohttp
import pytest

from xo_exporter.simulator import SimulatedPool

LOGIN = "session.login_with_password"


def members(pool: SimulatedPool) -> list[str]:
    """Give the references of the hosts but the master."""
    return [host for host in pool.database.tables["host"] if host != pool.master]


class TestSessions:
    """Logging in and out."""

    async def test_wrong_password(self, pool: SimulatedPool, xapi: Any) -> None:
        """The error names the user; nobody is logged in."""
        answer = await xapi.call(pool.url, LOGIN, "root", "no", "1.0", "tests")
        assert answer["error"]["message"] == "SESSION_AUTHENTICATION_FAILED"
        assert answer["error"]["data"][0] == "root"
        assert pool.sessions.open == []
        assert (pool.sessions.logins, pool.sessions.refused) == (0, 1)

    async def test_member_names_its_master(self, pool: SimulatedPool, xapi: Any) -> None:
        """A member answers every call with the master's address."""
        for method, params in ((LOGIN, ["root", "no"]), ("pool.get_all", ["any"])):
            answer = await xapi.call(pool.url_of(members(pool)[0]), method, *params)
            assert answer["error"]["message"] == "HOST_IS_SLAVE"
            assert answer["error"]["data"] == ["127.0.0.1"]

    async def test_the_master_moves(self, pool: SimulatedPool, xapi: Any) -> None:
        """The old master names the new one, and the old session is void there."""
        session = await xapi.login(pool)
        old = pool.url
        pool.move_master(members(pool)[1])
        answer = await xapi.call(old, "pool.get_all", session)
        assert answer["error"] == {"code": 1, "message": "HOST_IS_SLAVE", "data": ["127.0.0.3"]}
        answer = await xapi.call(pool.url, "pool.get_all", session)
        assert answer["error"]["message"] == "SESSION_INVALID"

    async def test_a_session_is_a_record(self, pool: SimulatedPool, xapi: Any) -> None:
        """Who is logged in can be read, with the originator; after log-out it is void."""
        session = await xapi.login(pool)
        answer = await xapi.call(pool.url, "session.get_originator", session, session)
        assert answer["result"] == "tests"
        answer = await xapi.call(pool.url, "session.get_this_host", session, session)
        assert answer["result"] == pool.master
        answer = await xapi.call(pool.url, "session.get_is_local_superuser", session, session)
        assert answer["result"] is True
        await xapi.call(pool.url, "session.logout", session)
        answer = await xapi.call(pool.url, "pool.get_all", session)
        assert answer["error"]["data"] == [session]
        assert pool.sessions.open == []

    async def test_sessions_end_after_some_calls(self, pool: SimulatedPool, xapi: Any) -> None:
        """`calls_left` lets so many calls pass, then every session ends once."""
        session = await xapi.login(pool)
        pool.sessions.calls_left = 2
        seen = [await xapi.call(pool.url, "pool.get_all", session) for _ in range(3)]
        assert ["error" in answer for answer in seen] == [False, False, True]
        session = await xapi.login(pool)
        assert "result" in await xapi.call(pool.url, "pool.get_all", session)

    async def test_waiting_ends_with_the_session(self, pool: SimulatedPool, xapi: Any) -> None:
        """A call that waits for events fails as soon as its session ends."""
        session = await xapi.login(pool)
        token = (await xapi.call(pool.url, "event.from", session, ["vm"], "", 0.0))["result"]
        waiting = asyncio.create_task(
            xapi.call(pool.url, "event.from", session, ["vm"], token["token"], 60.0)
        )
        while pool.calls["event.from"] < 2:  # noqa: ASYNC110 - counted, not signalled
            await asyncio.sleep(0)
        pool.sessions.expire()
        answer = await waiting
        assert answer["error"]["message"] == "SESSION_INVALID"


class TestCalls:
    """What calls answer, and how they fail."""

    async def test_getters(self, pool: SimulatedPool, xapi: Any) -> None:
        """Every way to read an object gives what the database holds."""
        session = await xapi.login(pool)
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
            answer = await xapi.call(pool.url, method, session, *params)
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
        xapi: Any,
        method: str,
        params: list[Any],
        code: str,
        data: list[str],
    ) -> None:
        """Errors have XAPI's codes and parameters, in the shape of the version asked for."""
        session = await xapi.login(pool)
        answer = await xapi.call(pool.url, method, session, *params)
        assert answer["error"] == {"code": 1, "message": code, "data": data}
        assert answer["id"] == "x1"
        answer = await xapi.call(pool.url, method, session, *params, version="1.0")
        assert answer == {"result": None, "error": [code, *data], "id": "x1"}

    async def test_first_version_of_json_rpc(self, pool: SimulatedPool, xapi: Any) -> None:
        """Without a version the answer has all three members."""
        answer = await xapi.call(pool.url, LOGIN, pool.username, pool.password, version="1.0")
        assert list(answer) == ["result", "error", "id"]
        assert answer["error"] is None

    async def test_inject(self, pool: SimulatedPool, xapi: Any) -> None:
        """event.inject gives a token from which the object itself is news."""
        session = await xapi.login(pool)
        ref = pool.database.only("pool")[0]
        token = (await xapi.call(pool.url, "event.inject", session, "pool", ref))["result"]
        answer = await xapi.call(pool.url, "event.from", session, ["*"], token, 30.0)
        assert [event["ref"] for event in answer["result"]["events"]] == [ref]

    async def test_server_time(self, pool: SimulatedPool, xapi: Any) -> None:
        """Each host has a clock of its own."""
        pool.clock = lambda: 1_700_000_000.0
        first, second = list(pool.database.tables["host"])[:2]
        pool.faults.clock_offset[second] = -3600.0
        session = await xapi.login(pool)
        times = [
            (await xapi.call(pool.url, "host.get_servertime", session, host))["result"]
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

    async def test_traffic_is_counted(self, pool: SimulatedPool, xapi: Any) -> None:
        """Calls and bytes are counted by method, and calls by host, too."""
        session = await xapi.login(pool)
        await xapi.call(pool.url, "VM.get_all_records", session)
        await xapi.call(pool.url, "VM.get_all_records", session)
        assert pool.calls == {LOGIN: 1, "VM.get_all_records": 2}
        assert pool.traffic.by_host[pool.master]["VM.get_all_records"] == 2
        assert pool.traffic.bytes_sent["VM.get_all_records"] > 100_000
        assert pool.sessions.logins == 1

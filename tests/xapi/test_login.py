"""Logging in: the right host, once, and without a trace of the password."""

import socket
import traceback
import xmlrpc.client
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.programs import free_port
from xo_exporter import __version__
from xo_exporter.config import PoolConfig, Secret, Url
from xo_exporter.errors import (
    ApiFailure,
    BadAnswer,
    ConfigError,
    LoginRefused,
    PoolError,
    TooLate,
    Unreachable,
)
from xo_exporter.simulator import Garbage, Hang, SimulatedPool, Slow, Status, make_estate
from xo_exporter.simulator.faults import Disconnect, Endless, Failure, Fault, Truncated
from xo_exporter.xapi import transport
from xo_exporter.xapi.session import Session

ConfigOf = Callable[..., PoolConfig]
LogIn = Callable[..., Awaitable[Session]]
Serve = Callable[..., Awaitable[str]]
Until = Callable[[Callable[[], object]], Awaitable[None]]
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_LOG_IN = "session.login_with_password"


@pytest.fixture
def members(pool: SimulatedPool) -> list[str]:
    """Give the references of the hosts that are not the master."""
    return [host for host in pool.database.tables["host"] if host != pool.master]


def answering(answer: Any) -> Handler:
    """Answer every XML-RPC call like this."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        body = xmlrpc.client.dumps((answer,), methodresponse=True)
        return web.Response(text=body, content_type="text/xml")

    return handle


def a_member_of(master: str) -> Handler:
    """Answer as a member that knows its master at this address."""
    return answering({"Status": "Failure", "ErrorDescription": ["HOST_IS_SLAVE", master]})


# --- the master


async def test_the_master_that_a_member_names_is_logged_in_at(
    pool: SimulatedPool, members: list[str], config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """HOST_IS_SLAVE is followed, and the master logged in at once."""
    session = await log_in_to(config_of(pool, url=pool.url_of(members[0])))
    assert str(session.target.url) == pool.url
    assert pool.sessions.logins == 1


async def test_a_member_among_several_addresses_never_sees_the_password(
    pool: SimulatedPool, members: list[str], config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """Where there are several addresses, each is asked who it is before it gets the password."""
    config = config_of(pool, url=pool.url_of(members[0]), members=[pool.url])
    session = await log_in_to(config)
    assert str(session.target.url) == pool.url
    assert pool.traffic.by_host[members[0]][_LOG_IN] == 0
    assert pool.traffic.by_host[pool.master][_LOG_IN] == 1


@pytest.mark.parametrize("named", ["::1", "[::1]", "0:0:0:0:0:0:0:1"])
async def test_a_master_at_an_ipv6_address_is_found(
    named: str, config_of: ConfigOf, log_in_to: LogIn, serve: Serve
) -> None:
    """The master's address may be IPv6, as XAPI writes it or in brackets."""
    estate = make_estate(hosts=1, vms=1, seed=1)
    async with SimulatedPool(estate, listen="::1", event_delay_s=0.0) as pool:
        url = await serve(a_member_of(named), host="127.96.0.1", port=pool.port)
        session = await log_in_to(config_of(pool, url=url))
        assert session.target.url.identity == Url.parse(f"http://[::1]:{pool.port}").identity
        assert pool.sessions.logins == 1


async def test_a_members_entry_says_how_the_master_is_asked(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, serve: Serve
) -> None:
    """The master that a member names is asked as the members entry with its hostname says."""
    url = await serve(a_member_of("192.0.2.1"))
    entry = f"http://localhost:{pool.port}"
    session = await log_in_to(
        config_of(pool, url=url, members=[entry]), hostnames={"192.0.2.1": "LOCALHOST"}
    )
    assert str(session.target.url) == entry


async def test_members_that_name_each_other_are_no_pool(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, serve: Serve
) -> None:
    """Two hosts that both say the other one is the master are a bad answer, at once."""
    port = free_port()
    url = await serve(a_member_of("127.0.0.2"), port=port)
    await serve(a_member_of("127.0.0.1"), host="127.0.0.2", port=port)
    with pytest.raises(BadAnswer, match="says it is none"):
        await log_in_to(config_of(pool, url=url))


async def test_a_member_that_names_itself_is_no_pool(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, serve: Serve
) -> None:
    """A host that says it is a member of itself is a bad answer."""
    url = await serve(a_member_of("127.0.0.1"))
    with pytest.raises(BadAnswer, match="says it is none"):
        await log_in_to(config_of(pool, url=url))


async def test_a_chain_of_members_is_given_up(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, serve: Serve
) -> None:
    """Hosts that lead from one to the next without end are followed for a few steps only."""
    port = free_port()
    url = await serve(a_member_of("127.0.0.2"), port=port)
    for number in range(2, 8):
        await serve(a_member_of(f"127.0.0.{number + 1}"), host=f"127.0.0.{number}", port=port)
    with pytest.raises(BadAnswer, match="to no master"):
        await log_in_to(config_of(pool, url=url))


@pytest.mark.parametrize("named", ["no address", "a/b@c", ""])
async def test_a_member_that_names_no_address_is_not_followed(
    named: str, pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, serve: Serve
) -> None:
    """What HOST_IS_SLAVE names is followed only where it is an address."""
    url = await serve(a_member_of(named))
    with pytest.raises((BadAnswer, ApiFailure)):
        await log_in_to(config_of(pool, url=url))
    assert pool.sessions.logins == 0


async def test_a_member_of_a_dead_master_gives_way_to_one_that_knows_better(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, serve: Serve
) -> None:
    """Where the master that one host names is dead, the next host is asked for its own."""
    url = await serve(a_member_of("127.0.0.9"))
    session = await log_in_to(config_of(pool, url=url, members=[pool.url]))
    assert str(session.target.url) == pool.url


# --- members in turn


@pytest.mark.parametrize(
    "fault",
    [
        Hang(),
        Disconnect(),
        Status(503),
        Status(401),
        Garbage(),
        Garbage(b"", "text/xml"),
        Garbage(b"<methodResponse>", "text/xml"),
        Garbage(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "text/xml"),
        Truncated(),
        Truncated(announced=True),
        Failure("HOST_STILL_BOOTING"),
    ],
    ids=repr,
)
async def test_the_next_member_is_tried_where_the_first_does_not_answer(
    fault: Fault, pool: SimulatedPool, members: list[str], config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """Whatever keeps the first address from answering as XAPI, the next one is tried in time."""
    pool.faults.add(fault, host=members[0])
    config = config_of(pool, url=pool.url_of(members[0]), members=[pool.url])
    session = await log_in_to(config, seconds=3.0)
    assert str(session.target.url) == pool.url
    assert pool.sessions.logins == 1


async def test_the_next_member_is_tried_where_the_first_still_boots(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, serve: Serve
) -> None:
    """A host that is starting up says so, and the next one is tried."""
    url = await serve(answering({"Status": "Failure", "ErrorDescription": ["HOST_STILL_BOOTING"]}))
    session = await log_in_to(config_of(pool, url=url, members=[pool.url]))
    assert str(session.target.url) == pool.url


async def test_the_next_member_is_tried_where_the_first_refuses_connections(
    pool: SimulatedPool, members: list[str], config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """Nothing listens at the first address: the next one is tried."""
    url = pool.url_of(members[0])
    await pool.stop_host(members[0])
    session = await log_in_to(config_of(pool, url=url, members=[pool.url_of(members[1])]))
    assert str(session.target.url) == pool.url


async def test_the_next_member_is_tried_where_the_first_has_no_address(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first name can't be resolved: the next one is tried."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        if host == "xcp1.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    unresolved = f"http://xcp1.invalid:{pool.port}"
    session = await log_in_to(config_of(pool, url=unresolved, members=[pool.url]))
    assert str(session.target.url) == pool.url
    with pytest.raises(Unreachable, match=r"xcp1\.invalid.*Name or service not known"):
        await log_in_to(config_of(pool, url=unresolved))


async def test_members_are_tried_in_their_order(
    pool: SimulatedPool, members: list[str], config_of: ConfigOf, log_in_to: LogIn, serve: Serve
) -> None:
    """The URL comes first, then the members as they stand, and nobody after who answers."""
    tried: list[str] = []

    def noting(name: str) -> Handler:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            tried.append(name)
            return web.Response(status=503)

        return handle

    first, second = await serve(noting("first")), await serve(noting("second"))
    last = pool.url_of(members[0])
    await log_in_to(config_of(pool, url=first, members=[second, pool.url, last]))
    assert tried == ["first", "second"]
    assert members[0] not in pool.traffic.by_host


async def test_hosts_known_from_before_are_tried_last(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """Addresses learnt from an earlier reading are tried where URL and members fail."""
    dead = f"http://127.0.0.9:{pool.port}"
    learnt = ["127.0.0.8", "", Url.parse(pool.url).host]
    session = await log_in_to(config_of(pool, url=dead), learnt=learnt)
    assert str(session.target.url) == pool.url


async def test_an_address_to_avoid_is_tried_last(
    pool: SimulatedPool, members: list[str], config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """The address that hung the last time is not the first one now."""
    url = pool.url_of(members[0])
    config = config_of(pool, url=url, members=[pool.url])
    await log_in_to(config, avoid={Url.parse(url)})
    assert members[0] not in pool.traffic.by_host


async def test_the_error_is_that_of_the_first_address(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """Where nobody answers, the error tells of the pool's own URL."""
    url, member = (f"http://127.0.0.{number}:{pool.port}" for number in (8, 9))
    with pytest.raises(Unreachable, match=r"127\.0\.0\.8.*refused"):
        await log_in_to(config_of(pool, url=url, members=[member]))


async def test_a_time_that_is_over_sends_nothing(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """A deadline in the past is too late, and nobody is asked."""
    with pytest.raises(TooLate):
        await log_in_to(config_of(pool, members=[f"http://127.0.0.9:{pool.port}"]), seconds=-1.0)
    assert not pool.calls


# --- the password


async def test_a_wrong_password_is_tried_once(
    pool: SimulatedPool, members: list[str], config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """A refused log-in is final: no other member is tried, lest the account be locked."""
    others = [pool.url_of(member) for member in members]
    with pytest.raises(LoginRefused, match="SESSION_AUTHENTICATION_FAILED") as caught:
        await log_in_to(config_of(pool, password=Secret("wrong"), members=others))
    assert pool.sessions.refused == 1
    assert "check the user" in caught.value.hint


async def test_a_server_may_take_its_time_to_refuse(
    pool: SimulatedPool, members: list[str], config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """XAPI sleeps before it refuses a password; meanwhile no other host gets the same one."""
    pool.faults.add(Slow(delay=1.5), method=_LOG_IN)
    others = [pool.url_of(member) for member in members]
    with pytest.raises(LoginRefused):
        await log_in_to(config_of(pool, password=Secret("x"), members=others), seconds=3.0)
    assert pool.sessions.refused == 1


@pytest.mark.parametrize("code", ["SESSION_AUTHORIZATION_FAILED", "RBAC_PERMISSION_DENIED"])
async def test_a_user_without_a_role_is_refused(
    code: str, pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """A user that has no role on the pool is refused as one with a wrong password is."""
    pool.faults.add(Failure(code, ("root",)), method=_LOG_IN)
    with pytest.raises(LoginRefused, match=code):
        await log_in_to(config_of(pool, members=[pool.url]))
    assert pool.calls[_LOG_IN] == 1


async def test_a_log_in_that_is_cut_is_not_sent_again_by_itself(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """A connection that is cut during the log-in is an error, and no second try of the password."""
    pool.faults.add(Disconnect(), method=_LOG_IN)
    with pytest.raises(Unreachable):
        await log_in_to(config_of(pool))
    assert pool.calls[_LOG_IN] == 1


async def test_a_password_file_is_read_at_each_log_in(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, tmp_path: Path
) -> None:
    """A password file that changes counts from the next log-in on; one that is gone is named."""
    file = tmp_path / "password"
    config = PoolConfig(url=Url.parse(pool.url), username=pool.username, password_file=file)
    file.write_text("wrong\n")
    with pytest.raises(LoginRefused):
        await log_in_to(config)
    file.write_text(f"{pool.password}\n")
    await log_in_to(config)
    file.unlink()
    with pytest.raises(ConfigError, match="password"):
        await log_in_to(config)
    assert (pool.sessions.refused, pool.sessions.logins) == (1, 1)


@pytest.mark.parametrize(
    "fault",
    [
        Disconnect(),
        Status(500),
        Garbage(),
        Truncated(),
        Hang(),
        Failure("SESSION_INVALID", ("OpaqueRef:secret-session",)),
        Failure("SESSION_AUTHENTICATION_FAILED", ("root", "Authentication failure")),
        Failure("HANDLE_INVALID", ("session", "OpaqueRef:secret-session")),
    ],
    ids=repr,
)
async def test_no_error_shows_the_password(
    fault: Fault, pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """Neither the text of an error, nor its traceback, nor the frames in it show the password."""
    pool.password = pool.sessions.password = "hunter2-correct-horse"
    pool.faults.add(fault, method=_LOG_IN)
    with pytest.raises(PoolError) as caught:
        await log_in_to(config_of(pool), seconds=0.5)
    pool.password = "-"
    shown = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    )
    assert "log_in" in shown
    assert "hunter2-correct-horse" not in shown
    assert "secret-session" not in str(caught.value)
    assert "secret-session" not in "".join(traceback.format_exception(caught.value))


# --- sessions


async def test_a_session_says_whose_it_is(
    pool: SimulatedPool, session: Session, members: list[str]
) -> None:
    """The session's originator is xo-exporter, so that it is not counted among other people's."""
    (ref,) = pool.sessions.open
    assert pool.database.tables["session"][ref]["originator"] == "xo-exporter"
    assert ref not in repr(session)


async def test_every_request_names_the_exporter(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, serve: Serve
) -> None:
    """Each kind of request has a User-Agent of ours, and none asks for compression."""
    seen: list[tuple[str, str, str]] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        headers = request.headers
        seen.append((request.path, headers["User-Agent"], headers["Accept-Encoding"]))
        if request.path == "/jsonrpc":
            return web.Response(status=404)
        value = {"Status": "Success", "Value": "OpaqueRef:1"}
        body = xmlrpc.client.dumps((value,), methodresponse=True)
        return web.Response(text=body, content_type="text/xml")

    session = await log_in_to(config_of(pool, url=await serve(handle)))
    await session.fetch_rrd(session.target, {"start": "1"}, limit=10_000)
    await session.log_out()
    ours = (f"xo-exporter/{__version__}", "identity")
    assert {path for path, *_ in seen} == {"/RPC2", "/rrd_updates", "/jsonrpc"}
    assert {tuple(rest) for _, *rest in seen} == {ours}


async def test_logging_out_ends_the_session(pool: SimulatedPool, session: Session) -> None:
    """After log_out the pool has no session of ours."""
    assert len(pool.sessions.open) == 1
    await session.log_out()
    assert pool.sessions.open == []


@pytest.mark.parametrize("value", ["", 7, True, ["OpaqueRef:1"], {"a": "b"}])
async def test_a_session_must_be_a_reference(
    value: object, pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, serve: Serve
) -> None:
    """A log-in that gives no reference of a session is a bad answer."""
    url = await serve(answering({"Status": "Success", "Value": value}))
    with pytest.raises(BadAnswer):
        await log_in_to(config_of(pool, url=url))


@pytest.mark.parametrize(
    "answer",
    [
        "text",
        7,
        {},
        {"Status": "Failure"},
        {"Status": "Success"},
        {"Status": "Failure", "ErrorDescription": []},
        {"Status": "Failure", "ErrorDescription": 7},
        {"Status": "Failure", "ErrorDescription": [7, ["x"]]},
        {"Status": "Failure", "ErrorDescription": "text"},
        [[]],
    ],
    ids=repr,
)
async def test_answers_of_another_form_are_errors_of_ours(
    answer: Any, pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, serve: Serve
) -> None:
    """Whatever XML-RPC answers a log-in, the outcome is a PoolError and no other exception."""
    with pytest.raises((BadAnswer, ApiFailure)):
        await log_in_to(config_of(pool, url=await serve(answering(answer))))


@pytest.mark.parametrize("method", ["pool.get_all", _LOG_IN])
async def test_an_endless_answer_is_cut_off(
    method: str, pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """An answer that never ends is given up at a limit, long before memory runs out."""
    pool.faults.add(Endless(content_type="text/xml"), method=method)
    # With another address to turn to, each is asked for something else before the log-in.
    members = ["http://127.0.0.1:1"] if method != _LOG_IN else []
    with pytest.raises(BadAnswer, match=f"longer than {transport.SHORT_BODY} bytes"):
        await log_in_to(config_of(pool, members=members))


async def test_a_dripping_answer_is_too_late(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """An answer that comes byte by byte is bounded as a whole, not from byte to byte."""
    pool.faults.add(Slow(drip=1, pause=0.1), method=_LOG_IN)
    with pytest.raises(TooLate):
        await log_in_to(config_of(pool), seconds=0.5)


async def test_an_address_that_swallows_packets_leaves_time_for_the_others(
    pool: SimulatedPool, config_of: ConfigOf, log_in_to: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a name has several addresses, the first gets a share of the time to connect."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        hole = full.getsockname()
        filling = [socket.socket() for _ in range(4)]
        for each in filling:
            each.settimeout(0.0)
            each.connect_ex(hole)  # a full queue answers nobody any more
        url = Url.parse(pool.url)
        addresses = [hole, (url.host, url.effective_port)]
        inet = socket.AF_INET, socket.SOCK_STREAM, 6, ""
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda *_, **__: [(*inet, address) for address in addresses]
        )
        try:
            session = await log_in_to(config_of(pool), seconds=6.0)
        finally:
            for each in filling:
                each.close()
        assert session.target.url == url

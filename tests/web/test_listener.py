"""Where connections are taken, and how many."""

import asyncio
import resource
import socket
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme
from aiohttp import ClientSession, web
from structlog.testing import capture_logs

from xo_exporter.web import listener, turned_away


@pytest.fixture
async def runner() -> AsyncIterator[web.AppRunner]:
    """An application with one page."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="here")

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    yield runner
    await runner.cleanup()


async def _get(url: str) -> str:
    async with ClientSession() as session, session.get(url) as answer:
        return await answer.text()


async def test_without_a_host_both_families_are_at_one_port(runner: web.AppRunner) -> None:
    """An empty host is every address, IPv4 and IPv6, at the same port, also where that is 0."""
    async with await listener.listen(runner, "", 0, None) as server:
        port = server.sockets[0].getsockname()[1]
        assert await _get(f"http://127.0.0.1:{port}/") == "here"
        assert await _get(f"http://[::1]:{port}/") == "here"


async def test_without_ipv6_there_is_ipv4(
    runner: web.AppRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a system without IPv6 an empty host is every IPv4 address."""
    create = socket.create_server

    def no_ipv6(*args: object, family: int = socket.AF_INET, **options: object) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return create(*args, family=family, **options)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(socket, "create_server", no_ipv6)
    async with await listener.listen(runner, "", 0, None) as server:
        port = server.sockets[0].getsockname()[1]
        assert await _get(f"http://127.0.0.1:{port}/") == "here"


async def test_taken_port_is_an_error(runner: web.AppRunner) -> None:
    """A port that another process listens at is an OSError, with and without a host."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for host in ("127.0.0.1", ""):
            with pytest.raises(OSError, match=r"[Aa]ddress already in use"):
                await listener.listen(runner, host, port, None)


async def test_connections_past_the_limit_are_closed(
    runner: web.AppRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many clients are let in at once, and when one goes another is let in."""
    monkeypatch.setattr(listener, "MOST_CONNECTIONS", 2)
    async with await listener.listen(runner, "127.0.0.1", 0, None) as server:
        address = server.sockets[0].getsockname()
        first, second = [await asyncio.open_connection(*address) for _ in range(2)]
        third, writer = await asyncio.open_connection(*address)
        assert await third.read() == b""
        writer.close()
        for _, other in (first, second):
            other.close()
            await other.wait_closed()
        assert await _get(f"http://127.0.0.1:{address[1]}/") == "here"


def _connected(address: tuple[str, int], count: int) -> list[socket.socket]:
    """Connect so often at once, as a crowd does, before anyone of it is looked at."""
    return [socket.create_connection(address) for _ in range(count)]


async def _let_in(connections: list[socket.socket]) -> int:
    """Count those that are still there when the others have been closed."""
    loop = asyncio.get_running_loop()
    for connection in connections:
        connection.settimeout(0.0)
    ends = [asyncio.create_task(loop.sock_recv(one, 1)) for one in connections]
    _, waiting = await asyncio.wait(ends, timeout=1.0)
    for end in waiting:
        end.cancel()
    return len(waiting)


@pytest.mark.parametrize("with_tls", [False, True])
async def test_a_crowd_that_says_nothing_is_counted_at_once(
    runner: web.AppRunner, monkeypatch: pytest.MonkeyPatch, *, with_tls: bool
) -> None:
    """However many come in one moment, so many are let in, those that greet not included."""
    monkeypatch.setattr(listener, "MOST_CONNECTIONS", 3)
    context = None
    if with_tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with await listener.listen(runner, "127.0.0.1", 0, context) as server:
        crowd = _connected(server.sockets[0].getsockname(), 12)
        assert await _let_in(crowd) == 3
        for connection in crowd:
            connection.close()


async def test_a_handshake_that_fails_gives_its_place_back(
    runner: web.AppRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who speaks no TLS, or nothing at all for too long, keeps nobody out."""
    monkeypatch.setattr(listener, "MOST_CONNECTIONS", 2)
    monkeypatch.setattr(listener, "_HANDSHAKE_TIMEOUT", 0.2)
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context(cadata=ca.cert_pem.bytes().decode())
    async with await listener.listen(runner, "127.0.0.1", 0, context) as server:
        address = server.sockets[0].getsockname()
        for said in (b"GET / HTTP/1.1\r\n\r\n", b""):
            for connection in _connected(address, 2):
                connection.sendall(said)
                while await asyncio.to_thread(connection.recv, 100):
                    pass
                connection.close()
        url = f"https://127.0.0.1:{address[1]}/"
        async with ClientSession() as session, session.get(url, ssl=trusting) as answer:
            assert await answer.text() == "here"


async def test_a_socket_that_gives_no_connection_keeps_nothing_up(
    runner: web.AppRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it fails each time the rest goes on, and the log has a line of it."""
    monkeypatch.setattr(listener, "_TRY_AGAIN", 0.05)
    with capture_logs() as lines:
        async with await listener.listen(runner, "127.0.0.1", 0, None) as server:
            server.sockets[0].shutdown(socket.SHUT_RDWR)
            async with asyncio.timeout(10):
                for _ in range(20):
                    await asyncio.sleep(0.01)
    assert [line["log_level"] for line in lines] == ["warning"]


@pytest.mark.parametrize("turns", range(5))
async def test_what_was_taken_goes_on_when_no_more_is(runner: web.AppRunner, turns: int) -> None:
    """A request that was there before the end is answered, however short before."""
    server = await listener.listen(runner, "127.0.0.1", 0, None)
    address = server.sockets[0].getsockname()
    with socket.create_connection(address) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        client.settimeout(0.0)
        while not server._taken:  # noqa: ASYNC110  what is waited for has no event
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        server.close()
        answer = b""
        async with asyncio.timeout(10):
            while chunk := await asyncio.get_running_loop().sock_recv(client, 1000):
                answer += chunk
    assert answer.endswith(b"here")


async def test_few_descriptors_leave_room_for_half_of_them(
    runner: web.AppRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a process may have few files, and no more, clients are served nevertheless."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 400))

    def forbidden(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(resource, "setrlimit", forbidden)
    async with await listener.listen(runner, "127.0.0.1", 0, None) as server:
        crowd = _connected(server.sockets[0].getsockname(), 55)
        assert await _let_in(crowd) == 50
        for connection in crowd:
            connection.close()


async def test_a_name_of_several_addresses_is_served_at_each(runner: web.AppRunner) -> None:
    """`localhost` is IPv4 and, where there is that, IPv6."""
    async with await listener.listen(runner, "localhost", 0, None) as server:
        for listening in server.sockets:
            host, port = listening.getsockname()[:2]
            where = f"[{host}]" if ":" in host else host
            assert await _get(f"http://{where}:{port}/") == "here"


async def test_connections_that_are_refused_are_counted_in_few_lines(
    runner: web.AppRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are refused, the log says that it begins, how many they are, that it ends."""
    monkeypatch.setattr(listener, "MOST_CONNECTIONS", 1)
    monkeypatch.setattr(turned_away, "QUIET", 0.5)
    with capture_logs() as lines:
        async with await listener.listen(runner, "127.0.0.1", 0, None) as server:
            address = server.sockets[0].getsockname()
            _, stays = await asyncio.open_connection(*address)
            for _ in range(100):
                refused, writer = await asyncio.open_connection(*address)
                assert await refused.read() == b""
                writer.close()
            async with asyncio.timeout(20):
                while lines[-1]["log_level"] != "info":  # noqa: ASYNC110  a log has no event
                    await asyncio.sleep(0.05)
            stays.close()
    first, *counts, last = lines
    assert (first["log_level"], last["log_level"]) == ("warning", "info")
    assert "connections" in first["reason"]
    assert 1 <= len(counts) < 20
    assert sum(line["times"] for line in counts) == 100

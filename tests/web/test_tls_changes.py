"""What `--web.config.file` says of TLS, rewritten while the server runs, over real sockets."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from structlog.testing import capture_logs

from xo_exporter.web import listener
from xo_exporter.web.access import Access, WebConfigFile
from xo_exporter.web.server_tls import server_context

PATIENCE = 20.0
REFUSED = "refused"
PLAIN = "cert_file: server.crt, key_file: server.key"
VERIFIED = f"{PLAIN}, client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert"


class Server:
    """A server with a `web.yml` in `folder`, and clients of it."""

    def __init__(self, folder: Path, authority: trustme.CA) -> None:
        self.folder = folder
        self.authority = authority
        self.port = 0

    def write(self, tls: str | None) -> None:
        """Rewrite the file."""
        text = "" if tls is None else f"tls_server_config: {{{tls}}}\n"
        (self.folder / "web.yml").write_text(text)

    def issue(self, authority: trustme.CA | None = None) -> trustme.LeafCert:
        """Give the server another certificate, and its key."""
        certificate = (authority or self.authority).issue_cert("127.0.0.1")
        certificate.private_key_pem.write_to_path(self.folder / "server.key")
        certificate.cert_chain_pems[0].write_to_path(self.folder / "server.crt")
        return certificate

    async def ask(
        self, name: str = "", *, newest: ssl.TLSVersion | None = None, plain: bool = False
    ) -> int | str:
        """Give the status for a client, with a certificate for `name` where that is not empty."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if name:
            self.authority.issue_cert(name).configure_cert(context)
        if newest is not None:
            context.maximum_version = newest
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self.port, ssl=None if plain else context
                )
                writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                answer = await reader.read()
                writer.close()
        except (ssl.SSLError, ConnectionError):
            return REFUSED
        return int(answer.split()[1]) if answer else REFUSED


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """What is to be ended in the end."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """Write what a server needs; it is not started yet."""
    server = Server(tmp_path, trustme.CA())
    server.issue()
    server.authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    return server


async def start(server: Server, stack: AsyncExitStack) -> None:
    """Serve one page by the server's file as it is now."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="here")

    file = WebConfigFile(server.folder / "web.yml")
    context = server_context(file)
    app = web.Application()
    app.router.add_get("/", page)
    Access(file).apply_to(app)
    runner = web.AppRunner(app)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    running = await listener.listen(runner, "127.0.0.1", 0, context)
    stack.callback(running.close)
    server.port = running.sockets[0].getsockname()[1]


async def test_allowed_names_change(server: Server, stack: AsyncExitStack) -> None:
    """Who is let in by client_allowed_sans is said by the file as it is, from the next connection.

    That holds where names are changed, added and taken away.
    """
    server.write(f"{VERIFIED}, client_allowed_sans: [alice]")
    await start(server, stack)
    assert [await server.ask(name) for name in ("alice", "bob")] == [200, REFUSED]
    server.write(f"{VERIFIED}, client_allowed_sans: [bob]")
    assert [await server.ask(name) for name in ("alice", "bob")] == [REFUSED, 200]
    server.write(VERIFIED)
    assert [await server.ask(name) for name in ("alice", "bob", "")] == [200, 200, REFUSED]
    server.write(f"{VERIFIED}, client_allowed_sans: [alice]")
    assert [await server.ask(name) for name in ("bob", "alice")] == [REFUSED, 200]


async def test_client_certificates_are_asked_for_at_once(
    server: Server, stack: AsyncExitStack
) -> None:
    """The very first connection after RequireAndVerifyClientCert was written needs one."""
    server.write(PLAIN)
    await start(server, stack)
    assert await server.ask() == 200
    server.write(VERIFIED)
    assert await server.ask() == REFUSED
    assert await server.ask("alice") == 200
    server.write(PLAIN)
    assert await server.ask() == 200


async def test_versions_change_at_once(server: Server, stack: AsyncExitStack) -> None:
    """The very first connection after min_version was written is held to it."""
    server.write(PLAIN)
    await start(server, stack)
    assert await server.ask(newest=ssl.TLSVersion.TLSv1_2) == 200
    server.write(f"{PLAIN}, min_version: TLS13")
    assert await server.ask(newest=ssl.TLSVersion.TLSv1_2) == REFUSED
    assert await server.ask() == 200
    server.write(f"{PLAIN}, max_version: TLS12")
    assert await server.ask(newest=ssl.TLSVersion.TLSv1_2) == 200


async def test_rules_that_cant_be_followed_let_nobody_in(
    server: Server, stack: AsyncExitStack
) -> None:
    """Where the new rules can't be followed no connection is taken by the old ones."""
    server.write(PLAIN)
    await start(server, stack)
    server.write(VERIFIED.replace("ca.crt", "gone.crt"))
    assert [await server.ask(), await server.ask("alice")] == [REFUSED, REFUSED]
    (server.folder / "gone.crt").write_bytes((server.folder / "ca.crt").read_bytes())
    assert [await server.ask(), await server.ask("alice")] == [REFUSED, 200]
    (server.folder / "gone.crt").write_text("none any more\n")
    assert await server.ask("alice") == REFUSED


@pytest.mark.parametrize(("before", "after"), [(None, PLAIN), (PLAIN, None)])
async def test_tls_is_not_switched_while_it_runs(
    server: Server, stack: AsyncExitStack, before: str | None, after: str | None
) -> None:
    """TLS that comes into the file, or goes, is an error until the server is started anew."""
    server.write(before)
    await start(server, stack)
    plain = before is None
    assert await server.ask(plain=plain) == 200
    with capture_logs() as lines:
        server.write(after)
        assert await server.ask(plain=plain) == 500
    assert ["start" in line["error"] for line in lines] == [True]
    server.write(before)
    assert await server.ask(plain=plain) == 200


async def test_a_key_that_does_not_fit_is_told_once(server: Server, stack: AsyncExitStack) -> None:
    """Meanwhile the certificate before is served; the log has a line at the begin and the end."""
    server.write(PLAIN)
    await start(server, stack)
    key = (server.folder / "server.key").read_bytes()
    with capture_logs() as lines:
        server.issue()
        fits = (server.folder / "server.key").read_bytes()
        (server.folder / "server.key").write_bytes(key)
        assert [await server.ask() for _ in range(5)] == [200] * 5
        assert [line["log_level"] for line in lines] == ["warning"]
        assert "server.key" in lines[0]["error"]
        (server.folder / "server.key").write_bytes(fits)
        assert [await server.ask() for _ in range(5)] == [200] * 5
    assert [line["log_level"] for line in lines] == ["warning", "info"]


@pytest.mark.parametrize("before", [None, PLAIN])
async def test_a_file_that_cant_be_used_is_told_once(
    server: Server, stack: AsyncExitStack, before: str | None
) -> None:
    """A file that can't be used is a line in the log when it comes, changes, and is mended."""
    server.write(before)
    await start(server, stack)
    plain = before is None
    with capture_logs() as lines:
        for text in ("colour: red\n", "colour: red # still\n", "basic_auth_users: 5\n"):
            (server.folder / "web.yml").write_text(text)
            assert [await server.ask(plain=plain) for _ in range(3)] == [500] * 3
        server.write(before)
        assert [await server.ask(plain=plain) for _ in range(3)] == [200] * 3
    assert [line["log_level"] for line in lines] == ["warning", "warning", "info"]

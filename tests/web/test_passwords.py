"""Basic auth beside clients that try password after password."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import bcrypt
import pytest
from aiohttp import encode_basic_auth, web

from xo_exporter.web import listener
from xo_exporter.web.access import Access, WebConfigFile
from xo_exporter.web.passwords import Passwords

PASSWORD = "correct horse"
ROUNDS = 4
PATIENCE = 20.0
MANY = 300


class Bcrypt:
    """The real one, which can be held up, and tells what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, bytes]] = []
        self.goes_on = threading.Event()
        self.goes_on.set()

    def checkpw(self, password: bytes, hashed: bytes) -> bool:
        """As bcrypt's."""
        self.asked.append((password, hashed))
        assert self.goes_on.wait(PATIENCE)
        return bcrypt.checkpw(password, hashed)


class Clients:
    """Clients of a server that lets alice in, each at an address of its own."""

    def __init__(self, port: int, stack: AsyncExitStack) -> None:
        self._url = f"http://127.0.0.1:{port}/"
        self._stack = stack
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def ask(self, user: str, password: str, address: str = "127.0.0.1") -> int:
        """Give the status."""
        if address not in self._sessions:
            connector = aiohttp.TCPConnector(limit=0, local_addr=(address, 0))
            session = aiohttp.ClientSession(connector=connector)
            self._sessions[address] = await self._stack.enter_async_context(session)
        headers = {"Authorization": encode_basic_auth(user, password)}
        async with (
            asyncio.timeout(PATIENCE),
            self._sessions[address].get(self._url, headers=headers) as answer,
        ):
            return answer.status


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bcrypt]:
    """Stand between the server and bcrypt."""
    stand_in = Bcrypt()
    monkeypatch.setattr("xo_exporter.web.passwords.checkpw", stand_in.checkpw)
    yield stand_in
    stand_in.goes_on.set()


@pytest.fixture
async def clients(tmp_path: Path) -> AsyncIterator[Clients]:
    """Serve a page to alice."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="here")

    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(ROUNDS)).decode()
    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{alice: '{hashed}'}}\n")
    app = web.Application()
    app.router.add_get("/", page)
    Access(WebConfigFile(tmp_path / "web.yml")).apply_to(app)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    async with (
        AsyncExitStack() as stack,
        await listener.listen(runner, "127.0.0.1", 0, None) as server,
    ):
        stack.push_async_callback(runner.cleanup)
        yield Clients(server.sockets[0].getsockname()[1], stack)


async def until(condition: Callable[[], object]) -> None:
    """Wait until something that is called gives true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  what is waited for has no event
            await asyncio.sleep(0.01)


async def test_nobody_costs_as_much_as_the_dearest_user(checks: Bcrypt) -> None:
    """How long a wrong name takes does not tell which users there are."""
    users = {name: bcrypt.hashpw(b"x", bcrypt.gensalt(cost)) for name, cost in (("a", 4), ("b", 6))}
    passwords = Passwords()
    for name in ("a", "b", "nobody"):
        assert not await passwords.is_right(users, name, b"wrong", "127.0.0.1")
    assert [hashed.split(b"$")[2] for _, hashed in checks.asked] == [b"04", b"06", b"06"]
    await passwords.close()


async def test_who_was_let_in_is_let_in_beside_a_flood(clients: Clients, checks: Bcrypt) -> None:
    """A right password that was seen is asked of bcrypt no more, whatever others try meanwhile."""
    assert await clients.ask("alice", PASSWORD) == 200
    for number in range(MANY):
        assert await clients.ask("alice", f"wrong {number}") == 401
    checks.goes_on.clear()
    flood = [asyncio.create_task(clients.ask("alice", f"again {n}")) for n in range(MANY)]
    await until(lambda: any(task.done() for task in flood))
    assert await clients.ask("alice", PASSWORD) == 200
    checks.goes_on.set()
    assert set(await asyncio.gather(*flood)) == {401, 503}
    assert [password for password, _ in checks.asked].count(PASSWORD.encode()) == 1


async def test_passwords_that_wait_are_bounded(clients: Clients, checks: Bcrypt) -> None:
    """Of many at once most are told that there are too many; each that waits has its answer."""
    checks.goes_on.clear()
    addresses = [f"127.0.0.{2 + number % 50}" for number in range(MANY)]
    flood = [
        asyncio.create_task(clients.ask("alice", f"wrong {number}", address))
        for number, address in enumerate(addresses)
    ]
    await until(lambda: sum(task.done() for task in flood) > MANY // 2)
    assert {task.result() for task in flood if task.done()} == {503}
    checks.goes_on.set()
    assert set(await asyncio.gather(*flood)) == {401, 503}
    assert len(checks.asked) < MANY // 2
    assert await clients.ask("alice", PASSWORD) == 200


async def test_one_address_leaves_room_for_others(clients: Clients, checks: Bcrypt) -> None:
    """Who comes from elsewhere is not turned away by one address that tries password by password.

    That goes for a password that was never seen, too.
    """
    checks.goes_on.clear()
    flood = [asyncio.create_task(clients.ask("alice", f"wrong {n}")) for n in range(MANY)]
    await until(lambda: any(task.done() for task in flood))
    elsewhere = asyncio.create_task(clients.ask("alice", PASSWORD, "127.0.0.2"))
    await until(lambda: sum(task.done() for task in flood) > MANY // 2)
    checks.goes_on.set()
    assert await elsewhere == 200
    await asyncio.gather(*flood)


async def test_clients_of_one_password_share_its_check(clients: Clients, checks: Bcrypt) -> None:
    """As many as ask with it at once, none is turned away, and bcrypt is asked once."""
    checks.goes_on.clear()
    asking = [asyncio.create_task(clients.ask("alice", PASSWORD)) for _ in range(MANY)]
    await until(lambda: checks.asked)
    checks.goes_on.set()
    assert set(await asyncio.gather(*asking)) == {200}
    assert len(checks.asked) == 1


async def test_who_goes_away_leaves_no_check_beside_the_next(
    clients: Clients, checks: Bcrypt
) -> None:
    """Clients that hang up while bcrypt is at work on theirs do not make it work on several."""
    checks.goes_on.clear()
    for number in range(5):
        gone = asyncio.create_task(clients.ask("alice", f"wrong {number}"))
        await asyncio.sleep(0.1)
        gone.cancel()
        await asyncio.wait({gone})
    assert len(checks.asked) == 1
    checks.goes_on.set()
    assert await clients.ask("alice", PASSWORD) == 200


async def test_nobody_by_that_name_costs_the_same(clients: Clients, checks: Bcrypt) -> None:
    """A user who isn't in the file costs one check of as many rounds as one who is."""
    assert await clients.ask("alice", "wrong") == 401
    assert await clients.ask("mallory", "wrong") == 401
    assert [hashed[:7] for _, hashed in checks.asked] == [b"$2b$04$", b"$2b$04$"]

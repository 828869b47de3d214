"""Taking connections: as many as there is room for, none of them for ever."""

import asyncio
import errno
import re
import resource
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, Final, Self

import structlog
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod

from xo_exporter.web.turned_away import TurnedAway

log = structlog.get_logger()

MOST_CONNECTIONS: Final = 2000
IDLE_TIMEOUT: Final = 30.0
"""Seconds that a client has for the head of a request, the first and each further one."""

# How aiohttp quotes the first line of a request in its error, method, target and version.
_REQUEST_LINE: Final = re.compile(r"b['\"][A-Za-z!#$%&*+.^_`|~-]{1,32} \S+ HTTP/1\.[01]")
_NOT_HERE: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # a family that this system lacks
_TRY_AGAIN: Final = 1.0  # seconds, where the system gives no connection
_HANDSHAKE_TIMEOUT: Final = 10.0
_BACKLOG: Final = 512
_OTHER_FILES: Final = 500  # descriptors for what is not a client: pools, hosts, files


class _Handler(web.RequestHandler):
    """A connection's side of HTTP. A method that aiohttp's parser doesn't know is one, too.

    leave: called once, when the connection is over.
    """

    __slots__ = ("leave",)

    def __init__(self, server: web.Server, *, leave: Callable[[], None], **settings: Any) -> None:
        super().__init__(server, **settings)
        self.leave: Callable[[], None] | None = leave

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is over; its place is free."""
        super().connection_lost(exc)
        self.left()

    def left(self) -> None:
        """Give the place back; what comes after that is nothing."""
        leave, self.leave = self.leave, None
        if leave is not None:
            leave()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if isinstance(exc, BadHttpMethod) and _REQUEST_LINE.search(str(exc)):
            answer = web.Response(status=405, text="405: Method Not Allowed")
            answer.headers["Allow"] = "GET,HEAD"
            answer.force_close()
            return answer
        return super().handle_error(request, status, exc, message)


class Listener:
    """Takes connections at some sockets, each of which has a task that waits for the next one.

    A connection counts from the moment that it is taken, its TLS handshake included: asyncio's own
    server has nothing to say of those, and one that is silent holds a file open, too.
    """

    def __init__(
        self,
        server: web.Server,
        sockets: Sequence[socket.socket],
        context: ssl.SSLContext | None,
        room: int,
    ) -> None:
        self.sockets = tuple(sockets)
        self._loop = asyncio.get_running_loop()
        self._server = server
        self._context = context
        self._room = room
        self._taken = 0
        self._too_many = TurnedAway(f"there are {room} connections, and no room for more")
        self._none_to_be_had = TurnedAway(
            "the system gives no connection, as where there are no more file descriptors"
        )
        self._greetings: set[asyncio.Task[Any]] = set()
        self._tasks = [asyncio.create_task(self._take(listening)) for listening in self.sockets]
        for task, listening in zip(self._tasks, self.sockets, strict=True):
            # Not before the event loop has let go of it: another one may get its number.
            task.add_done_callback(partial(_close, listening))

    async def _take(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = await self._loop.sock_accept(listening)
            except OSError as error:
                if error.errno != errno.ECONNABORTED:  # who has gone away again
                    self._none_to_be_had.one_more()
                    await asyncio.sleep(_TRY_AGAIN)
            else:
                self._begin(connection)
            await asyncio.sleep(0)  # a flood leaves the event loop to the others, too

    def _begin(self, connection: socket.socket) -> None:
        if self._taken >= self._room:
            connection.close()
            self._too_many.one_more()
            return
        self._taken += 1
        settings = self._server._kwargs  # noqa: SLF001  there is no other way to handlers of ours
        handler = _Handler(self._server, leave=self._leave, loop=self._loop, **settings)
        timeout = None if self._context is None else _HANDSHAKE_TIMEOUT
        greeting = asyncio.create_task(
            self._loop.connect_accepted_socket(
                lambda: handler, connection, ssl=self._context, ssl_handshake_timeout=timeout
            )
        )
        self._greetings.add(greeting)
        greeting.add_done_callback(partial(self._begun, connection, handler))

    def _begun(
        self, connection: socket.socket, handler: _Handler, greeting: asyncio.Task[Any]
    ) -> None:
        """Give up what did not come to be, be it that its task never began."""
        self._greetings.discard(greeting)
        error = None if greeting.cancelled() else greeting.exception()
        if greeting.cancelled() or error is not None:
            connection.close()
            handler.left()
        if error is not None and not isinstance(error, OSError):  # no mere failed handshake
            log.error("a connection can't be begun", exc_info=error)

    def _leave(self) -> None:
        self._taken -= 1

    def close(self) -> None:
        """Take no more; what was taken goes on, but for who has not even said hello."""
        for task, listening in zip(self._tasks, self.sockets, strict=True):
            if not task.done():
                self._loop.remove_reader(listening)
                task.cancel()
        if self._context is not None:
            for greeting in self._greetings:
                greeting.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        await asyncio.wait(self._tasks)


def _close(listening: socket.socket, _: asyncio.Task[None]) -> None:
    listening.close()


async def listen(
    runner: web.AppRunner, host: str, port: int, context: ssl.SSLContext | None
) -> Listener:
    """Serve what `runner` was set up with at `host` (empty for every address) and `port`.

    Raises OSError when that address can't be had.
    """
    server = runner.server
    assert server is not None  # noqa: S101  there is one since the runner was set up
    files = _most_files()
    room = min(MOST_CONNECTIONS, max(files - _OTHER_FILES, files // 2))
    sockets = await _at(host, port) if host else [_every_address(port)]
    for listening in sockets:
        listening.settimeout(0.0)
    return Listener(server, sockets, context, room)


async def _at(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of `host`, as `localhost` has two."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    missing: list[OSError] = []
    with ExitStack() as unless_it_works:
        for family, _, _, _, address in dict.fromkeys(found):
            try:
                listening = socket.create_server(address, family=family, backlog=_BACKLOG)
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                missing.append(error)
            else:
                unless_it_works.callback(listening.close)
                sockets.append(listening)
        if not sockets:
            raise missing[0]
        unless_it_works.pop_all()
    return sockets


def _every_address(port: int) -> socket.socket:
    """One socket for IPv6 and IPv4; for IPv4 alone where the system has no IPv6."""
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
            )
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise
    return socket.create_server(("", port), backlog=_BACKLOG)


def _most_files() -> int:
    """As many open files as this process may have, the soft limit raised to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        more = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):  # forbidden, as in some sandboxes
            resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
            soft = more
    return wanted if soft == resource.RLIM_INFINITY else soft

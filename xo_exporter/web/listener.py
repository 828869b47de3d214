"""Taking connections: as many as there is room for, none of them for ever."""

import asyncio
import errno
import re
import resource
import socket
import ssl
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod

from xo_exporter.web.turned_away import TurnedAway

MOST_CONNECTIONS: Final = 2000
IDLE_TIMEOUT: Final = 30.0
"""Seconds that a client has for the head of a request, the first and each further one."""

# How aiohttp quotes the first line of a request in its error, method, target and version.
_REQUEST_LINE: Final = re.compile(r"b['\"][A-Za-z!#$%&*+.^_`|~-]{1,32} \S+ HTTP/1\.[01]")
_NOT_ACCEPTED: Final = "socket.accept() out of system resource"  # as asyncio says it
_HANDSHAKE_TIMEOUT: Final = 10.0
_BACKLOG: Final = 512
_OTHER_FILES: Final = 500  # descriptors for what is not a client: pools, hosts, files


class _Refused(asyncio.Protocol):
    """The end of a connection that there is no room for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class _Handler(web.RequestHandler):
    """A connection's side of HTTP. A method that aiohttp's parser doesn't know is one, too."""

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


async def listen(
    runner: web.AppRunner, host: str, port: int, context: ssl.SSLContext | None
) -> asyncio.Server:
    """Serve what `runner` was set up with at `host` (empty for every address) and `port`.

    Raises OSError when that address can't be had.
    """
    server = runner.server
    assert server is not None  # noqa: S101  there is one since the runner was set up
    room = min(MOST_CONNECTIONS, _most_files() - _OTHER_FILES)

    loop = asyncio.get_running_loop()
    settings = server._kwargs  # noqa: SLF001  a server has no other way to make handlers of ours

    too_many = TurnedAway(f"there are {room} connections, and no room for more")
    _count_what_cannot_be_accepted(loop)

    def take() -> asyncio.BaseProtocol:
        if len(server.connections) < room:
            return _Handler(server, loop=loop, **settings)
        too_many.one_more()
        return _Refused()

    options: dict[str, Any] = {"ssl": context, "backlog": _BACKLOG}
    if context is not None:
        options["ssl_handshake_timeout"] = _HANDSHAKE_TIMEOUT
    if host:
        return await loop.create_server(take, host, port, **options)
    return await loop.create_server(take, sock=_every_address(port), **options)


def _count_what_cannot_be_accepted(loop: asyncio.AbstractEventLoop) -> None:
    """Keep to a few lines where asyncio has a traceback for each connection that it can't take."""
    no_descriptors = TurnedAway("there are no file descriptors, or no memory, for more connections")
    before = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if str(context.get("message")).startswith(_NOT_ACCEPTED):
            no_descriptors.one_more()
        elif before is not None:
            before(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)


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
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft

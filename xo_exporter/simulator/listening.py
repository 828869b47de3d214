"""Where one simulated host listens, and how it ends without leaving a connection behind."""

import asyncio
import socket
import ssl

from aiohttp import web

_TURNS = 5  # of the event loop, until a connection that was taken is one


class Listening(web.SockSite):
    """A site that knows its socket, which is bound to one address.

    Raises OSError where it can't be.
    """

    def __init__(
        self, runner: web.ServerRunner, address: str, port: int, context: ssl.SSLContext | None
    ) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.create_server((address, port), family=family)
        super().__init__(runner, self.socket, ssl_context=context)


async def end(runner: web.ServerRunner) -> None:
    """Take no more connections, then cut those that there are.

    One that is taken in the very moment in which a server is closed is closed by nobody.
    """
    for site in runner.sites:
        if isinstance(site, Listening):
            asyncio.get_running_loop().remove_reader(site.socket)
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    await runner.cleanup()

"""Sending answers at the pace of those who take them, but not for ever."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from weakref import WeakKeyDictionary

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

SEND_TIMEOUT: Final = 30.0
"""Seconds that a client has to take a whole scrape, or anything at all of another answer."""

_SLICE: Final = 64 * 1024  # bytes


class Sliced(Payload):
    """A body that is ready, sent in slices, once.

    body: the task that made it, which is let go of at the end. What a client has not taken yet is
    in memory once, for all who send it; a connection that got it whole would have a copy.
    """

    def __init__(self, body: "asyncio.Task[bytes]") -> None:
        super().__init__(None)
        self._body: asyncio.Task[bytes] | None = body
        self._size = len(body.result())

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The body as text; raises ValueError when it has been sent."""
        if self._body is None:
            raise ValueError("the body has been sent")
        return self._body.result().decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send it all; raises ConnectionError when the client is gone, or takes too long."""
        body, self._body = self._body, None  # a connection that is kept alive keeps its answer
        if body is None:
            raise ValueError("the body has been sent")
        view = memoryview(body.result())
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                for start in range(0, len(view), _SLICE):
                    await writer.write(view[start : start + _SLICE])
                await writer.drain()
        except TimeoutError as error:
            # To close it would be to wait for what has not been taken.
            if writer.transport is not None:
                writer.transport.abort()
            raise ConnectionResetError("the client does not take its answer") from error


class Unread:
    """Cuts the connections whose client takes nothing of what it has asked for."""

    def __init__(self) -> None:
        # How much waits in each connection, and since when it has been as much.
        self._waiting: WeakKeyDictionary[asyncio.Transport, tuple[int, float]] = WeakKeyDictionary()

    def apply_to(self, app: web.Application) -> None:
        """Watch each connection that `app` sends an answer to."""
        app.on_response_prepare.append(self._note)
        app.cleanup_ctx.append(self._watch)

    async def _note(self, request: web.Request, _response: web.StreamResponse) -> None:
        if request.transport is not None:
            now = asyncio.get_running_loop().time()
            self._waiting.setdefault(request.transport, (0, now))

    async def _watch(self, _app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self._look_again_and_again())
        yield
        task.cancel()
        await asyncio.wait({task})

    async def _look_again_and_again(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SEND_TIMEOUT / 4)
            self._look(loop.time())

    def _look(self, now: float) -> None:
        for transport, (before, since) in list(self._waiting.items()):
            waiting = transport.get_write_buffer_size()
            if waiting == 0 or waiting != before:
                self._waiting[transport] = waiting, now
            elif now - since >= SEND_TIMEOUT:
                transport.abort()

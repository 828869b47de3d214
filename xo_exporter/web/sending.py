"""Sending a body that many clients get at once, at the pace of each of them, but not for ever."""

import asyncio
from typing import Final

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

SEND_TIMEOUT: Final = 30.0
"""Seconds that a client has to take a whole body."""

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

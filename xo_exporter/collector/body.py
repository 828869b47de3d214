"""The bodies of answers: a scrape in each form is rendered once, however many wait for it."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

try:
    from isal import isal_zlib as zlib
except ImportError:  # there is no build of it for every platform
    import zlib  # type: ignore[no-redef]  # as fast as can be had there

AT_WORK: Final = 2
"""Bodies that are rendered at a time, each in a thread; further ones wait for their turn."""


class Form(NamedTuple):
    """What a body is like: its format, its encoding, and whether this process is described."""

    openmetrics: bool = False
    compressed: bool = False
    process: bool = False


_GZIP: Final = 16 + 15  # zlib's number for a gzip file with the largest window
_BLOCK: Final = 1 << 20  # bytes compressed at a time


def compress(parts: Iterable[bytes]) -> bytes:
    """A gzip file of the joined parts, made for speed rather than size; equal for equal parts."""
    compressor = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    compressed: list[bytes] = []
    waiting: list[bytes] = []
    size = 0
    for part in parts:  # small ones together, since each call ends a block
        waiting.append(part)
        size += len(part)
        if size >= _BLOCK:
            compressed.append(compressor.compress(b"".join(waiting)))
            waiting.clear()
            size = 0
    compressed.append(compressor.compress(b"".join(waiting)))
    return b"".join([*compressed, compressor.flush()])


class Bodies:
    """The bodies of one scrape, for as long as somebody holds on to them.

    at_work: bounds how many are rendered at a time.
    """

    def __init__(self, at_work: asyncio.Semaphore) -> None:
        self._at_work = at_work
        self._tasks: WeakValueDictionary[Form, asyncio.Task[bytes]] = WeakValueDictionary()

    def body(self, form: Form, render: Callable[[Form], bytes]) -> "asyncio.Task[bytes]":
        """The body in a form, to be awaited by `asyncio.shield`: others may wait for it, too.

        `render` makes it, in a thread. Who comes while somebody still holds the task gets the
        same one.
        """
        task = self._tasks.get(form)
        if task is None:
            task = asyncio.create_task(self._make(form, render))
            self._tasks[form] = task
        return task

    async def _make(self, form: Form, render: Callable[[Form], bytes]) -> bytes:
        async with self._at_work:
            return await asyncio.to_thread(render, form)

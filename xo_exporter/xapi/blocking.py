"""Blocking calls beside the event loop."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from xo_exporter.errors import PoolError

T = TypeVar("T")


def start_thread(function: Callable[[], None]) -> None:
    """Run `function` beside all else; raises PoolError where there can't be another thread."""
    try:
        threading.Thread(target=function, name="xapi-call", daemon=True).start()
    except RuntimeError as error:
        raise PoolError(
            "no thread can be started for a call",
            hint="allow this process more of them (pids_limit, TasksMax, ulimit -u)",
        ) from error


async def in_thread(function: Callable[[], T], *, abandon: Callable[[], None]) -> T:
    """The result of `function`, run in a thread of its own.

    When the caller is cancelled, `abandon` is called and the thread left to end by itself: it
    is a daemon, so that a hung server can't hold up the end of the process, which it would in
    asyncio's own pool of threads. Raises PoolError where there can't be another thread.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # T may be None itself

    def run() -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = function()
        except Exception as error:  # noqa: BLE001  handed to the caller as it is
            failure = error
        try:
            loop.call_soon_threadsafe(settle, result, failure)
        except RuntimeError:
            return  # the loop has been closed: nobody waits any more

    start_thread(run)
    try:
        return await future
    except asyncio.CancelledError:
        abandon()
        raise

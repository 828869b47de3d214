"""How a task in an event loop learns that the database has changed."""

import asyncio
from typing import Self


class ChangeSignal:
    """Waits for changes of a database, inside a running event loop."""

    def __init__(self, waiters: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
        self._waiters = waiters
        self._event = asyncio.Event()
        self._entry = (asyncio.get_running_loop(), self._event)

    def __enter__(self) -> Self:
        self._waiters.add(self._entry)
        return self

    def __exit__(self, *_: object) -> None:
        self._waiters.discard(self._entry)

    async def wait(self, seconds: float) -> bool:
        """Wait for a change at most so many seconds; False when there was none."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        self._event.clear()
        return True

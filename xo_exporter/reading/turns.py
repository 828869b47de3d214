"""Taking turns: much at once costs memory, and what hangs must keep nobody waiting."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")

_AT_ONCE: Final = 12
_PATIENCE: Final = 0.25  # seconds after which whoever is not done gives up its turn, and goes on


class Turns:
    """Lets some at a time begin; who takes long goes on beside those that follow."""

    def __init__(self, at_once: int = _AT_ONCE, patience: float = _PATIENCE) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._patience = patience

    async def take(self, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` gives, begun when its turn has come."""
        await self._free.acquire()
        turn = _Turn(self._free)
        later = asyncio.get_running_loop().call_later(self._patience, turn.end)
        try:
            return await work()
        finally:
            later.cancel()
            turn.end()


class _Turn:
    """One that was taken, and ends once."""

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free: asyncio.Semaphore | None = free

    def end(self) -> None:
        if self._free is not None:
            self._free.release()
            self._free = None

"""How far a host's clock is off ours."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import msgspec

from xo_exporter.errors import BadAnswer, PoolError, SessionInvalid
from xo_exporter.xapi.dates import unix_time
from xo_exporter.xapi.session import Session

_INTERVAL: Final = 300.0  # seconds between two questions
_TIMEOUT: Final = 3.0
_SHARE: Final = 1 / 3  # of the time there is; the RRDs themselves need the rest

_TIME: Final = msgspec.json.Decoder(str)


class HostClock:
    """How far a host's clock is ahead of ours, as its XAPI says."""

    def __init__(
        self,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._asked: float | None = None
        self.known = False
        """Whether the host has ever said its time."""
        self.offset = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time to ask again; a question without an answer counts as one."""
        return self._asked is None or self._monotonic() - self._asked >= _INTERVAL

    def now(self) -> float:
        """The host's time in seconds since the epoch; ours as long as it isn't known."""
        return self._wall() + self.offset

    async def ask(self, session: Session, host_ref: str, patience: float) -> None:
        """Ask the host for its time; where it doesn't say, what was known stays.

        Of the seconds of `patience` a third is spent on that at most. Raises SessionInvalid where
        the session has ended.
        """
        self._asked = self._monotonic()
        before = self._wall()
        try:
            async with asyncio.timeout(min(_TIMEOUT, patience * _SHARE)):
                text = await session.call(_TIME, "host.get_servertime", host_ref)
            # Whole seconds, cut off: on average half a second has passed since.
            host_time = _seconds(text) + 0.5
        except SessionInvalid:
            raise
        except (PoolError, TimeoutError):
            return
        self.offset = host_time - (before + self._wall()) / 2
        self.known = True


def _seconds(text: str) -> int:
    seconds = unix_time(text)
    if seconds is None:
        raise BadAnswer(f"XAPI gives a time that is none ({text[:40]!r})")
    return seconds

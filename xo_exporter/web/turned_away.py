"""Clients that there is no room for: few lines in the log, however many they are."""

import asyncio
from typing import Final

import structlog

log = structlog.get_logger()

QUIET: Final = 60.0  # seconds


class TurnedAway:
    """Counts clients that are turned away for one reason.

    The log has a line when it begins, one a minute while it goes on, and one when a minute has
    passed without: each with how many there were since the line before.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self._since_told: int | None = None  # None while nobody is turned away

    def one_more(self) -> None:
        """Count one, in a running event loop."""
        if self._since_told is None:
            self._since_told = 0
            log.warning("clients are turned away", reason=self._reason)
            self._look_later()
        self._since_told += 1

    def _look_later(self) -> None:
        asyncio.get_running_loop().call_later(QUIET, self._look)

    def _look(self) -> None:
        if self._since_told:
            log.warning("clients were turned away", reason=self._reason, times=self._since_told)
            self._since_told = 0
            self._look_later()
        else:
            log.info("no client is turned away any more", reason=self._reason)
            self._since_told = None

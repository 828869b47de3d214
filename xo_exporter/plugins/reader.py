"""A pool's plugins, asked beside everything else: nobody waits for them.

Who reads the pool begins what is due, and takes what has come so far. So a pool that nobody asks
for is left alone.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from xo_exporter.plugins import ipmitool, linstor, smartctl, updater
from xo_exporter.plugins.plugin import Plugin
from xo_exporter.plugins.rounds import Round
from xo_exporter.plugins.values import NO_RESULTS, PluginResults
from xo_exporter.xapi.records import Records
from xo_exporter.xapi.session import Session

PLUGINS: Final[Mapping[str, Plugin[Any]]] = {
    "updater": updater.PLUGIN,
    "ipmi": ipmitool.PLUGIN,
    "smart": smartctl.PLUGIN,
    "xostor": linstor.PLUGIN,
}
"""All plugins, by the names of the fields of `PluginResults`."""

_AT_ONCE: Final = 2
"""Calls of a pool at a time: each takes a thread of its master's, and of its own where the server
has XML-RPC alone, of which a session has four."""


class PluginReader:
    """Asks these plugins of one pool, each on its own interval.

    pool: the NAME that the log has; names: of PLUGINS; clock: seconds that only grow.
    """

    def __init__(
        self,
        pool: str,
        names: Collection[str] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        at_once = asyncio.Semaphore(_AT_ONCE)
        self._rounds = {name: Round(PLUGINS[name], pool, at_once, clock) for name in names}

    def begin(self, session: Session, records: Records) -> None:
        """Begin the calls that are due, of what is in these records; others are forgotten."""
        for one in self._rounds.values():
            one.begin(session, records)

    def results(self) -> PluginResults:
        """What is known now."""
        if not self._rounds:
            return NO_RESULTS
        return PluginResults(**{name: one.answers() for name, one in self._rounds.items()})

    def leave(self, session: Session) -> None:
        """Give up what is under way by a session that is about to end; it is due at the next."""
        for one in self._rounds.values():
            one.leave(session)

    def clear(self) -> None:
        """Forget everything: it is another pool from now on."""
        for one in self._rounds.values():
            one.clear()

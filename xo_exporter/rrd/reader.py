"""Reading the RRDs of one host, scrape after scrape."""

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from xo_exporter.errors import PoolError, SessionInvalid
from xo_exporter.rrd.clock import HostClock
from xo_exporter.rrd.values import HostRrd
from xo_exporter.rrd.xport import MAX_AGE, ROWS, Parser, Updates, known_values
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.session import Session

MAX_BODY: Final = 1 << 23  # bytes; four rows of a host with 1,000 VMs are below that
_AT_ONCE: Final = 1 << 19  # bytes; a longer body, or a hostile one, is not parsed in the event loop
_LEGENDS: Final = ThreadPoolExecutor(1, "rrd-legend")
"""Where a new legend is worked out, some ten milliseconds each: one after the other."""

_STEP: Final = 5  # seconds a row covers in the archive that is asked for
_WINDOW: Final = (ROWS + 1) * _STEP
_LATEST_ROWS: Final = str(-ROWS * _STEP)  # a negative start counts from each RRD's last update
_CLOCK_TOLERANCE: Final = 3.0  # a host says its time in whole seconds, and late


class HostRrdReader:
    """The RRDs of one host, read again and again."""

    def __init__(self, host_ref: str, clock: HostClock | None = None) -> None:
        self._host_ref = host_ref
        self._clock = clock or HostClock()
        self._parser = Parser()
        self._window = _WINDOW
        """Seconds before now that rows are asked for from."""

    async def read(self, session: Session, target: Target, patience: float = math.inf) -> HostRrd:
        """What the RRDs of the host at `target` say now; raises PoolError.

        The clock is asked at first and then every five minutes, and at once when the rows seem
        too old or too new for it; it takes a share of `patience` (in seconds) at most.
        """
        clock = self._clock
        asked = clock.due
        if asked:
            await clock.ask(session, self._host_ref, patience)
            self._window = _WINDOW
        updates = await self._updates(session, target)
        if self._is_plausible(updates):
            return self._known(await self._with_older(session, target, updates))
        offset = clock.offset
        if not asked:
            await clock.ask(session, self._host_ref, patience)
        if abs(clock.offset - offset) > _CLOCK_TOLERANCE:
            updates = await self._updates(session, target)
        if updates.newest is None and clock.known:
            # The host samples nothing any more: its last rows, however old, tell since when.
            updates = await self._updates(session, target, start=_LATEST_ROWS)
            self._reach_back_to(updates)
        return self._known(await self._with_older(session, target, updates))

    async def _with_older(self, session: Session, target: Target, updates: Updates) -> Updates:
        """These, or all that their last rows are where these were cut off: of a host that lags."""
        newest = updates.newest
        if newest is None or len(updates.rows) >= ROWS:
            return updates
        try:
            older = await self._updates(session, target, start=str(newest - (ROWS - 1) * _STEP))
        except SessionInvalid:
            raise
        except PoolError:
            return updates
        self._reach_back_to(older)
        return older if older.rows else updates

    def _reach_back_to(self, updates: Updates) -> None:
        """Ask from so far back the next time that the same rows would come at once."""
        if updates.newest is not None:
            lag = self._clock.now() - updates.newest
            self._window = int(min(max(lag, 0.0), MAX_AGE)) + _WINDOW

    def _known(self, updates: Updates) -> HostRrd:
        clock = self._clock
        rrd = known_values(updates, clock.now())
        return rrd._replace(clock_offset=clock.offset) if clock.known else rrd

    def _is_plausible(self, updates: Updates) -> bool:
        if updates.newest is None:
            return False
        return -_CLOCK_TOLERANCE <= self._clock.now() - updates.newest <= MAX_AGE

    async def _updates(
        self, session: Session, target: Target, *, start: str | None = None
    ) -> Updates:
        if start is None:
            known = self._clock.known
            start = str(int(self._clock.now()) - self._window) if known else _LATEST_ROWS
        query = {"start": start, "interval": str(_STEP), "cf": "AVERAGE", "host": "true"}
        body = await session.fetch_rrd(target, query, limit=MAX_BODY)
        if len(body) > _AT_ONCE:
            return await asyncio.to_thread(self._parser.parse, body)
        updates = self._parser.parse_familiar(body)
        if updates is not None:
            return updates
        return await asyncio.get_running_loop().run_in_executor(_LEGENDS, self._parser.parse, body)

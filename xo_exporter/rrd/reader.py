"""Reading the RRDs of one host, scrape after scrape."""

import asyncio
from typing import Final

from xo_exporter.rrd.clock import HostClock
from xo_exporter.rrd.values import HostRrd
from xo_exporter.rrd.xport import MAX_AGE, ROWS, Updates, known_values, parse
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.session import Session

MAX_BODY: Final = 1 << 24  # bytes; four rows of a full host are below 100 kB

_STEP: Final = 5  # seconds a row covers in the archive that is asked for
_WINDOW: Final = (ROWS + 1) * _STEP
_LATEST_ROWS: Final = str(-ROWS * _STEP)  # a negative start counts from each RRD's last update
_CLOCK_TOLERANCE: Final = 10.0


class HostRrdReader:
    """The RRDs of one host, read again and again."""

    def __init__(self, host_ref: str, clock: HostClock | None = None) -> None:
        self._host_ref = host_ref
        self._clock = clock or HostClock()

    async def read(self, session: Session, target: Target) -> HostRrd:
        """What the RRDs of the host at `target` say now; raises PoolError.

        The clock is asked first when it isn't known, beside the RRDs every five minutes, and
        after them when their rows seem too old or too new for it.
        """
        clock = self._clock
        just_asked = clock.due
        if not clock.known:
            await clock.ask(session, self._host_ref)
            updates = await self._updates(session, target)
        elif clock.due:
            updates, _ = await asyncio.gather(
                self._updates(session, target), clock.ask(session, self._host_ref)
            )
        else:
            updates = await self._updates(session, target)
        if self._implausible(updates):
            offset = clock.offset
            if not just_asked:
                await clock.ask(session, self._host_ref)
            if updates.newest is None:
                updates = await self._updates(session, target, start=_LATEST_ROWS)
            elif abs(clock.offset - offset) > _CLOCK_TOLERANCE:
                updates = await self._updates(session, target)
        return known_values(updates, clock.now())

    def _implausible(self, updates: Updates) -> bool:
        newest, now = updates.newest, self._clock.now()
        return newest is None or now - newest > MAX_AGE or newest - now > _CLOCK_TOLERANCE

    async def _updates(
        self, session: Session, target: Target, *, start: str | None = None
    ) -> Updates:
        if start is None:
            known = self._clock.known
            start = str(int(self._clock.now()) - _WINDOW) if known else _LATEST_ROWS
        query = {"start": start, "interval": str(_STEP), "cf": "AVERAGE", "host": "true"}
        return parse(await session.fetch_rrd(target, query, limit=MAX_BODY))

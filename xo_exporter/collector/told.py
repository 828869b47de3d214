"""What the log is told of a pool's faults: when they come, when they change, when they are gone."""

import time
from collections.abc import Iterable
from typing import Final, NamedTuple

import structlog

from xo_exporter.errors import TooLate
from xo_exporter.reading import Failure

log = structlog.get_logger()

FORGOTTEN_AFTER: Final = 600.0
"""Seconds without anyone for whom it is too late, after which what does come is well again."""


class _Told(NamedTuple):
    """A fault that the log has a line of.

    Attributes:
        is_late: it is known by a time that was not enough, which may be enough for others.
        seconds: the least time that was not enough; of other faults the time they took to show.
        seen: when it was there last, by time.monotonic.
    """

    is_late: bool
    seconds: float
    seen: float


class ToldFaults:
    """The faults of one pool and its hosts that the log has told and that are not gone yet.

    Who waits for less long than others sees as too late what they see as well or as another
    fault. That one of them sees nothing of a fault tells that it is gone only if it would have
    shown by then.
    """

    def __init__(self, pool: str) -> None:
        self._pool = pool
        self._told: dict[tuple[str, str], _Told] = {}  # by host, or none, and what failed there

    def tell(self, failures: Iterable[Failure], seconds: float) -> None:
        """Take in what failed in a reading that had come so far in so many seconds."""
        now = time.monotonic()
        before, present = self._told, dict[tuple[str, str], _Told]()
        for failure in failures:
            fault = failure.host, str(failure.error)
            if fault not in before and fault not in present:
                self._warn(failure)
            is_late = isinstance(failure.error, TooLate)
            least = min(seconds, before[fault].seconds) if fault in before else seconds
            present[fault] = _Told(is_late, least if is_late else seconds, now)
        failing = {host for host, _ in present}
        late = {host for (host, _), told in present.items() if told.is_late}
        self._told = present | {
            fault: told
            for fault, told in before.items()
            if fault not in present
            and (
                # While a pool is failing nothing is known of its hosts.
                (fault[0] and "" in failing)
                or _may_be_there(told, seconds, now, is_late=fault[0] in late)
            )
        }
        left = {host for host, _ in self._told}
        for host in sorted({host for host, _ in before} - left):
            where = {"host": host} if host else {}
            log.info("readable again", pool=self._pool, **where)

    def _warn(self, failure: Failure) -> None:
        where = {"host": failure.host} if failure.host else {}
        what = "a host's RRDs can't be read" if failure.host else "the pool can't be read"
        log.warning(what, pool=self._pool, stage=failure.stage, error=str(failure.error), **where)


def _may_be_there(told: _Told, seconds: float, now: float, *, is_late: bool) -> bool:
    """Whether a fault that a reading did not show may still be there.

    is_late: whether the place of it was too late now. Half of the time, so that what takes about
    as long as somebody waits does not come and go in the log.
    """
    if told.is_late:
        return is_late or (seconds > told.seconds / 2 and now - told.seen < FORGOTTEN_AFTER)
    return is_late and told.seconds > seconds / 2

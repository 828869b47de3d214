"""Many scrapes, one after the other, of a pool that changes, to see whether anything grows."""

import statistics
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from benchmarks.measure import CHANGED
from benchmarks.pool import PoolProcess
from benchmarks.processes import ExporterProcess, samples_of

_LINKS_EVERY: Final = 5  # scrapes
_INTERVAL: Final = 15.0  # seconds between the scrapes of a Prometheus


class Row(NamedTuple):
    """What was seen after a scrape; memory in MiB."""

    memory: float
    descriptors: int


class Endurance(NamedTuple):
    """So many scrapes in so many seconds: calls of XAPI by method, and a row for each scrape."""

    seconds: float
    calls: dict[str, int]
    rows: Sequence[Row]

    def calls_of_one(self) -> float:
        """XAPI calls of a scrape, were there one each 15 seconds: what follows time counts so."""
        events = self.calls.get("event.from", 0)
        others = sum(n for name, n in self.calls.items() if name[0] != "/") - events
        return events / len(self.rows) + others / (self.seconds / _INTERVAL)

    def count(self, ending: str) -> int:
        """Calls whose method ends so."""
        return sum(n for name, n in self.calls.items() if name.endswith(ending))

    def growth(self) -> tuple[float, float]:
        """Memory and descriptors in the last quarter, of those in the second one."""
        quarter = len(self.rows) // 4
        early, late = self.rows[quarter : 2 * quarter], self.rows[-quarter:]
        memory, descriptors = (
            statistics.median(row[field] for row in late)
            / statistics.median(row[field] for row in early)
            for field in (0, 1)
        )
        return memory, descriptors


def endure(exporter: ExporterProcess, pool: PoolProcess, scrapes: int, seconds: float) -> Endurance:
    """Scrape so often, evenly over so many seconds; the exporter is warm."""
    pool.traffic()
    rows = []
    started = time.perf_counter()
    for number in range(scrapes):
        pool.sizes(CHANGED)
        if number % _LINKS_EVERY == 0:
            pool.links()
        samples_of(exporter.get())
        rows.append(Row(exporter.memory(), exporter.descriptors()))
        time.sleep(max(0.0, started + (number + 1) * seconds / scrapes - time.perf_counter()))
    seconds = time.perf_counter() - started
    return Endurance(seconds, pool.traffic().calls, rows)

"""Estates of several sizes, and all that is measured on one of them."""

import sys
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from benchmarks.endurance import Endurance, endure
from benchmarks.measure import (
    Cost,
    Start,
    cold_start,
    longest_wait,
    longest_wait_at_first,
    scrape,
    ten_at_once,
)
from benchmarks.pool import PoolProcess, Size, pool_process
from benchmarks.processes import ExporterProcess, exporter_process, samples_of


class Estate(NamedTuple):
    """A pool of a size, and how often things are tried on it."""

    hosts: int
    vms: int
    pairs: int
    tries: int


ESTATES: Final = {
    "S": Estate(3, 20, pairs=9, tries=3),
    "M": Estate(8, 250, pairs=9, tries=3),
    "L": Estate(64, 2_000, pairs=9, tries=5),
    "XL": Estate(64, 10_000, pairs=2, tries=3),
}
ENDURANCE: Final = "L"
"""The estate that is scraped for minutes."""

_WARM_UP: Final = 2
_FEWEST: Final = 7  # scrapes of ours, however few pairs there are
_WITH_LINKS: Final = 5


class All(NamedTuple):
    """What was measured of ours with every metric that it has by default; as in `Result`."""

    samples: dict[str, int]
    costs: Sequence[Cost]
    with_links: Sequence[Cost]
    waits: Sequence[float]
    first_waits: Sequence[float]
    starts: Sequence[Start]
    peak: float


class Result(NamedTuple):
    """All that was measured on an estate; memory in MiB, waits in seconds."""

    size: Size
    samples: dict[str, int]
    baseline_samples: dict[str, int]
    pairs: Sequence[tuple[Cost, Cost]]
    alone: Sequence[Cost]
    with_links: Sequence[Cost]
    tens: Sequence[tuple[Cost, Cost]]
    waits: Sequence[float]
    first_waits: Sequence[float]
    starts: Sequence[Start]
    baseline_starts: Sequence[Start]
    peak: float
    baseline_peak: float
    endurance: Endurance | None
    all: All

    @property
    def costs(self) -> list[Cost]:
        """Of all steady scrapes of ours."""
        return [*(ours for ours, _ in self.pairs), *self.alone]

    def ratios(self, of: Callable[[Cost], float]) -> list[float]:
        """The baseline's cost as a multiple of ours, pair by pair."""
        return [of(theirs) / of(ours) for ours, theirs in self.pairs]

    @property
    def ten_of_one(self) -> list[float]:
        """CPU of ten scrapes at once as a multiple of that of one, pair by pair."""
        return [ten.cpu / one.cpu for one, ten in self.tens]


def measure(name: str, *, tls: bool, minutes: float, scrapes: int) -> Result:
    """Everything on one estate; with `minutes` and `scrapes` of endurance where it is its turn.

    That is with all metrics that are on by default.
    """
    estate = ESTATES[name]
    _say(f"{name}: {estate.hosts} hosts, {estate.vms} VMs")
    with pool_process(estate.hosts, estate.vms, tls=tls) as pool:
        starts = [cold_start("ours", pool) for _ in range(estate.tries)]
        _say("started ours")
        baseline_starts = [cold_start("baseline", pool) for _ in range(min(2, estate.pairs - 1))]
        _say("started the baseline")
        first_waits = [longest_wait_at_first("ours", pool) for _ in range(estate.tries)]
        with exporter_process("ours", pool) as ours:
            samples = samples_of(ours.get())
            pairs, baseline_samples, baseline_peak = _pairs(ours, pool, estate.pairs)
            _say("scraped in pairs")
            alone = [scrape(ours, pool) for _ in range(max(0, _FEWEST - len(pairs)))]
            with_links = [scrape(ours, pool, links=True) for _ in range(_WITH_LINKS)]
            waits = [longest_wait(ours, pool) for _ in range(estate.tries)]
            tens = [(scrape(ours, pool), ten_at_once(ours, pool)) for _ in range(estate.tries)]
            peak = ours.peak_memory()
        of_all = _all(pool, estate.tries)
        endurance = None
        if name == ENDURANCE and minutes:
            _say(f"{scrapes} scrapes in {minutes:g} minutes")
            with exporter_process("all of ours", pool) as exporter:
                exporter.get()
                endurance = endure(exporter, pool, scrapes, minutes * 60)
        return Result(
            size=pool.size(),
            samples=samples,
            baseline_samples=baseline_samples,
            pairs=pairs,
            alone=alone,
            with_links=with_links,
            tens=tens,
            waits=waits,
            first_waits=first_waits,
            starts=starts,
            baseline_starts=baseline_starts,
            peak=peak,
            baseline_peak=baseline_peak,
            endurance=endurance,
            all=of_all,
        )


def _all(pool: PoolProcess, tries: int) -> All:
    _say("all of ours")
    starts = [cold_start("all of ours", pool) for _ in range(tries)]
    first_waits = [longest_wait_at_first("all of ours", pool) for _ in range(tries)]
    with exporter_process("all of ours", pool) as exporter:
        samples = samples_of(exporter.get())
        for _ in range(_WARM_UP):
            scrape(exporter, pool)
        return All(
            samples=samples,
            costs=[scrape(exporter, pool) for _ in range(_FEWEST)],
            with_links=[scrape(exporter, pool, links=True) for _ in range(_WITH_LINKS)],
            waits=[longest_wait(exporter, pool) for _ in range(tries)],
            first_waits=first_waits,
            starts=starts,
            peak=exporter.peak_memory(),
        )


def _pairs(
    ours: ExporterProcess, pool: PoolProcess, count: int
) -> tuple[list[tuple[Cost, Cost]], dict[str, int], float]:
    """Scrapes of ours and of the baseline in turn; the baseline's samples, and its peak memory."""
    with exporter_process("baseline", pool) as baseline:
        samples = samples_of(baseline.get())
        for _ in range(_WARM_UP):
            scrape(ours, pool)
        pairs = [(scrape(ours, pool), scrape(baseline, pool)) for _ in range(count)]
        return pairs, samples, baseline.peak_memory()


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)

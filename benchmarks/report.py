"""What was measured, as Markdown: a table an estate, and one against the targets."""

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from benchmarks.estates import ESTATES, Result
from benchmarks.measure import CHANGED, Cost

_MIB: Final = 1 << 20
_MB: Final = 1_000_000
_OWN: Final = ("xo_exporter_", "xo_scrape_", "xo_xapi_")
"""How the metrics begin by which an exporter tells of itself."""


def spread(values: Sequence[float], digits: int = 3) -> str:
    """The median, and the least and the most where there are several."""
    middle = _short(statistics.median(values), digits)
    if len(values) < 2:
        return middle
    return f"{middle} ({_short(min(values), digits)} to {_short(max(values), digits)})"


def _short(value: float, digits: int) -> str:
    if value >= 10**digits:
        return f"{value:,.0f}"
    return f"{float(f'{value:.{digits}g}'):g}"


def _calls(cost: Cost) -> str:
    names = {name: count for name, count in cost.calls.items() if name[0] != "/"}
    full = sum(count for name, count in names.items() if name.endswith("get_all_records"))
    others = [
        f"{count} {name}" for name, count in sorted(names.items()) if "get_all_records" not in name
    ]
    return ", ".join([*others, *([f"{full} get_all_records"] if full else [])]) or "none"


def estate_table(name: str, result: Result) -> str:
    """All that was measured on an estate."""
    estate = ESTATES[name]
    in_json, in_xml = sum(result.size.json.values()), sum(result.size.xml.values())
    head = (
        f"### {name}: {estate.hosts} hosts, {estate.vms:,} VMs\n\n"
        f"{result.size.columns:,.0f} RRD columns a host. "
        f"All records: {in_json / _MB:.1f} MB of JSON, {in_xml / _MB:.1f} MB of XML; "
        f"of these class VM {result.size.json['VM'] / _MB:.1f} and "
        f"{result.size.xml['VM'] / _MB:.1f} MB. {_compared(result)}\n\n"
        "| what | ours | baseline | baseline ÷ ours | all of ours |\n"
        "| --- | --- | --- | --- | --- |\n"
    )
    return head + "".join(f"| {' | '.join(row)} |\n" for row in _rows(result))


def _compared(result: Result) -> str:
    """Whether both export the same."""
    ours, theirs = (
        {metric: n for metric, n in samples.items() if not metric.startswith(_OWN)}
        for samples in (result.samples, result.baseline_samples)
    )
    if ours == theirs:
        return "Both export as many samples of each metric."
    apart = sorted(name for name in ours | theirs if ours.get(name) != theirs.get(name))
    return f"Not alike in number: {', '.join(apart)}."


def _rows(result: Result) -> Iterator[tuple[str, ...]]:
    """What it is; ours, the baseline, their ratio, and all of ours."""
    every = result.all
    first, last = result.pairs[0]
    figures: tuple[tuple[str, Callable[[Cost], float]], ...] = (
        ("CPU of a steady scrape, s", lambda cost: cost.cpu),
        ("wall time of a steady scrape, s", lambda cost: cost.wall),
        ("bytes of records from XAPI", lambda cost: cost.record_bytes),
        ("bytes of RRDs", lambda cost: cost.rrd_bytes),
        ("CPU of the simulated pool, s", lambda cost: cost.pool_cpu),
    )
    for what, of in figures:
        theirs = [of(cost) for _, cost in result.pairs]
        costs = (spread(list(map(of, costs))) for costs in (result.costs, every.costs))
        ours, in_all = costs
        yield what, ours, spread(theirs), spread(result.ratios(of)), in_all
    yield "XAPI calls", _calls(first), _calls(last), "", _calls(every.costs[0])
    counts = (result.samples, result.baseline_samples, every.samples)
    total, theirs_total, all_total = (sum(samples.values()) for samples in counts)
    yield "samples", f"{total:,}", f"{theirs_total:,}", "", f"{all_total:,}"
    cpus = (
        statistics.median(cost.cpu for cost in costs)
        for costs in (result.costs, [cost for _, cost in result.pairs], every.costs)
    )
    totals = (total, theirs_total, all_total)
    a_sample = [f"{1e6 * cpu / n:.2f}" for cpu, n in zip(cpus, totals, strict=True)]
    yield "CPU a sample, µs", *a_sample[:2], "", a_sample[2]
    yield "peak memory, MiB", _mib(result.peak), _mib(result.baseline_peak), "", _mib(every.peak)
    starts, theirs_starts, all_starts = (
        [start.seconds for start in starts]
        for starts in (result.starts, result.baseline_starts, every.starts)
    )
    ratio = _short(statistics.median(theirs_starts) / statistics.median(starts), 3)
    what = "process start to the first scrape, s"
    yield what, spread(starts), spread(theirs_starts), ratio, spread(all_starts)
    start_cpus = (
        spread([start.cpu for start in starts]) for starts in (result.starts, every.starts)
    )
    yield "CPU of that, s", *_beside(start_cpus)
    for what, of in figures[:3]:
        both = (spread(list(map(of, costs))) for costs in (result.with_links, every.with_links))
        yield f"after a VM started or stopped: {what}", *_beside(both)
    yield "CPU of ten scrapes at once, of one", spread(result.ten_of_one), "", "", ""
    waits = (spread(waits) for waits in (result.waits, every.waits))
    yield "longest wait for /-/healthy in a scrape, s", *_beside(waits)
    waits = (spread(waits) for waits in (result.first_waits, every.first_waits))
    yield "longest wait for /-/healthy in the first one, s", *_beside(waits)


def _beside(both: Iterable[str]) -> tuple[str, str, str, str]:
    """Ours and all of ours in a row that has nothing of the baseline."""
    ours, in_all = both
    return ours, "", "", in_all


def _mib(size: float) -> str:
    return f"{size:.0f}"


class Target(NamedTuple):
    """A row of the targets: what must be, what would be well, what is."""

    what: str
    must: float
    aim: float
    measured: Sequence[float]
    of_all: Sequence[float] = ()
    more_is_better: bool = False
    scale: str = ""

    def row(self) -> str:
        """As Markdown."""
        value = statistics.median(self.measured)
        if self.more_is_better:
            verdict = "aim" if value >= self.aim else "must" if value >= self.must else "**missed**"
        else:
            verdict = "aim" if value <= self.aim else "must" if value <= self.must else "**missed**"
        bounds = " | ".join(f"{bound:g}{self.scale}" for bound in (self.must, self.aim))
        of_all = f"{spread(self.of_all)}{self.scale}" if self.of_all else ""
        measured = f"{spread(self.measured)}{self.scale}"
        return f"| {self.what} | {bounds} | {measured} | {verdict} | {of_all} |\n"


def targets(results: Mapping[str, Result]) -> Iterator[Target]:
    """What is wanted, as far as it was measured."""
    large = results.get("L")
    if large is not None:
        cpu, wall = large.ratios(lambda c: c.cpu), large.ratios(lambda c: c.wall)
        yield Target("CPU of a steady scrape, baseline ÷ ours", 20, 40, cpu, more_is_better=True)
        yield Target(
            "wall time of a steady scrape, baseline ÷ ours", 15, 40, wall, more_is_better=True
        )
        full = large.starts[0].record_bytes
        shares = [100 * cost.record_bytes / full for cost in large.costs]
        yield Target(
            f"bytes of records, {CHANGED} objects changed, of a full read",
            2,
            0.4,
            shares,
            scale=" %",
        )
        yield from _of_endurance(large)
        yield Target("ten scrapes at once, CPU, of one", 1.5, 1.05, large.ten_of_one)
        yield Target("peak memory at L, MiB", 200, 120, [large.peak], [large.all.peak])
    huge = results.get("XL")
    if huge is not None:
        yield Target("peak memory at XL, MiB", 600, 400, [huge.peak], [huge.all.peak])
    if large is not None:
        cold, all_cold = (
            [start.seconds for start in starts] for starts in (large.starts, large.all.starts)
        )
        yield Target("cold start to the first complete scrape, s", 3, 1, cold, all_cold)
    for one, other in (("L", "M"), ("XL", "L")):
        if one in results and other in results:
            ratio, all_ratio = (
                _cpu_a_sample(a.costs, a.samples) / _cpu_a_sample(b.costs, b.samples)
                for a, b in (
                    (results[one], results[other]),
                    (results[one].all, results[other].all),
                )
            )
            yield Target(f"CPU a sample at {one} ÷ at {other}", 1.3, 1.05, [ratio], [all_ratio])
    if large is not None:
        waits, all_waits = ([max(*part.waits, *part.first_waits)] for part in (large, large.all))
        yield Target("longest wait for /-/healthy at L, s", 0.1, 0.1, waits, all_waits)


def _of_endurance(large: Result) -> Iterator[Target]:
    endurance = large.endurance
    if endurance is not None:
        hosts = ESTATES["L"].hosts
        bad = endurance.count("get_all_records") + endurance.count("login_with_password")
        yield Target("get_all_records calls and log-ins in a steady state", 0, 0, [bad], [bad])
        calls = [endurance.calls_of_one()]
        yield Target("XAPI calls in a steady scrape", 2 + hosts / 20, 1 + hosts / 20, calls, calls)
        memory, descriptors = endurance.growth()
        yield Target("memory in the last quarter, of the second", 1.05, 1.01, [memory], [memory])
        yield Target(
            "descriptors in the last quarter, of the second",
            1.05,
            1.01,
            [descriptors],
            [descriptors],
        )


def _cpu_a_sample(costs: Iterable[Cost], samples: Mapping[str, int]) -> float:
    return statistics.median(cost.cpu for cost in costs) / sum(samples.values())


def endurance_text(result: Result) -> str:
    """What many scrapes did."""
    endurance = result.endurance
    if endurance is None:
        return ""
    calls = ", ".join(
        f"{n} {name}" for name, n in sorted(endurance.calls.items()) if name[0] != "/"
    )
    rows = endurance.rows
    seen = sorted({len(rows) // 10, len(rows) // 4, len(rows) // 2, len(rows)})
    table = "".join(
        f"| {n} | {rows[n - 1].memory:.0f} | {rows[n - 1].descriptors} |\n" for n in seen if n
    )
    return (
        f"### {len(rows)} scrapes of L in {endurance.seconds / 60:.1f} minutes, all of ours\n\n"
        f"{CHANGED} objects changed before each; a VM started or stopped before every fifth. "
        f"XAPI calls: {calls}.\n\n"
        "| after scrapes | memory, MiB | descriptors |\n| --- | --- | --- |\n" + table
    )


def targets_table(results: Mapping[str, Result]) -> str:
    """The targets."""
    names = ("what", "must", "aim", "ours", "holds", "all of ours")
    head = f"| {' | '.join(names)} |\n|{' --- |' * len(names)}\n"
    return head + "".join(target.row() for target in targets(results))

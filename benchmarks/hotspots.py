"""Where our scrapes' time goes and what holds our memory, function by function, as Markdown.

    python -m benchmarks.hotspots --estate L

What is handed to threads is done in the main one here, so that it is seen in full. Memory is what
Python has asked for; the process takes more, as its allocators and libraries need.
"""

import argparse
import asyncio
import gc
import signal
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any, Final, TypeVar
from unittest import mock

import structlog

from benchmarks.estates import ESTATES
from benchmarks.measure import CHANGED
from benchmarks.pool import PoolProcess, pool_process
from benchmarks.processes import Which, collectors_of
from benchmarks.sampler import Function, Sampler
from xo_exporter.collector import Collector, Form
from xo_exporter.config import load

T = TypeVar("T")

_FORM: Final = Form(openmetrics=True, compressed=True, process=True)
_SCRAPES: Final = 30
_STARTS: Final = 3
_TIMEOUT: Final = 300.0  # seconds
_ROWS: Final = 25
_MIB: Final = 1 << 20


async def _here(function: Callable[..., T], /, *arguments: Any) -> T:
    """As asyncio.to_thread, in the thread that there is."""
    return function(*arguments)


def _collector(pool: PoolProcess, which: Which) -> Collector:
    variables = {
        "XO_EXPORTER_URL": pool.url,
        "XO_EXPORTER_USERNAME": "root",
        "XO_EXPORTER_PASSWORD": "simulated",
        "XO_EXPORTER_FINGERPRINT_SHA256": pool.fingerprint,
    }
    return Collector(load(None, variables, collectors=collectors_of(which)))


async def _scrape(collector: Collector) -> None:
    scrape = await collector.scrape(seconds=_TIMEOUT)
    if not scrape.complete:
        raise RuntimeError("a scrape is not complete")
    await scrape.body(_FORM)


async def _first(pool: PoolProcess, which: Which, sampler: Sampler) -> int:
    for _ in range(_STARTS):
        collector = _collector(pool, which)
        with pool.held(), sampler.at_work():
            await _scrape(collector)
        await collector.close()
    return _STARTS


async def _steady(pool: PoolProcess, which: Which, sampler: Sampler, *, links: bool) -> int:
    collector = _collector(pool, which)
    await _scrape(collector)
    for _ in range(_SCRAPES):
        pool.sizes(CHANGED)
        if links:
            pool.links()
        with pool.held(), sampler.at_work():
            await _scrape(collector)
    await collector.close()
    return _SCRAPES


async def _links(pool: PoolProcess, which: Which, sampler: Sampler) -> int:
    return await _steady(pool, which, sampler, links=True)


async def _sizes(pool: PoolProcess, which: Which, sampler: Sampler) -> int:
    return await _steady(pool, which, sampler, links=False)


_PARTS: Final = {
    "steady": ("A steady scrape", _sizes),
    "links": ("A scrape after a VM started or stopped", _links),
    "first": ("The first scrape", _first),
}


def _times(name: str, pool: PoolProcess, which: Which) -> str:
    title, run = _PARTS[name]
    sampler = Sampler()
    with mock.patch.object(asyncio, "to_thread", _here):
        scrapes = asyncio.run(run(pool, which, sampler))
    lines = [
        f"#### {title}\n",
        f"{sampler.looks} looks in {scrapes} scrapes.\n",
        "| own, % | with what it calls, % | function |",
        "| --- | --- | --- |",
    ]
    for function, own in sampler.own.most_common(_ROWS):
        lines.append(f"| {_share(own, sampler)} | {_within(function, sampler)} | `{function}` |")
    return "\n".join(lines) + "\n"


def _within(function: Function, sampler: Sampler) -> str:
    return _share(sampler.within[function], sampler)


def _share(looks: int, sampler: Sampler) -> str:
    return f"{100 * looks / sampler.looks:.1f}"


async def _memory(pool: PoolProcess, which: Which) -> str:
    collector = _collector(pool, which)
    tracemalloc.start()
    await _scrape(collector)
    first_peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    for _ in range(3):
        pool.sizes(CHANGED)
        pool.links()
        await _scrape(collector)
    gc.collect()
    kept, peak = tracemalloc.get_traced_memory()
    snapshot = tracemalloc.take_snapshot()
    tracemalloc.stop()
    await collector.close()
    most = f"at the most {first_peak / _MIB:.0f} MiB in the first one, {peak / _MIB:.0f} MiB later"
    lines = [
        f"#### Memory\n\n{kept / _MIB:.0f} MiB between scrapes; {most}.\n",
        "| MiB | blocks | line |",
        "| --- | --- | --- |",
    ]
    for entry in snapshot.statistics("lineno")[:_ROWS]:
        frame = entry.traceback[0]
        size = entry.size / _MIB
        line = Function(frame.filename, frame.lineno, "")
        lines.append(f"| {size:.1f} | {entry.count:,} | `{str(line).strip()}` |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Look, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--estate", choices=ESTATES, default="L")
    parser.add_argument("--parts", nargs="+", choices=[*_PARTS, "memory"])
    parser.add_argument("--all", action="store_true", help="every metric that is on by default")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no process is left
    which: Which = "all of ours" if options.all else "ours"
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    estate = ESTATES[options.estate]
    with pool_process(estate.hosts, estate.vms, tls=True) as pool:
        for name in options.parts or [*_PARTS, "memory"]:
            if name == "memory":
                print(asyncio.run(_memory(pool, which)), flush=True)
            else:
                print(_times(name, pool, which), flush=True)


if __name__ == "__main__":
    main()

"""What a scrape costs: ours beside the baseline, in one run, on pools of several sizes.

    python -m benchmarks.run --estates S M L XL --write

Prints Markdown; with `--write` it replaces what RESULTS.md has. Machines are noisy: figures are
medians, in brackets the least and the most; the ones to trust are ratios, of pairs in turn.
"""

import argparse
import datetime as dt
import os
import platform
import re
import signal
import time
from pathlib import Path
from typing import Final

from benchmarks.estates import ESTATES, Result, measure
from benchmarks.report import endurance_text, estate_table, targets_table

RESULTS: Final = Path(__file__).parent / "RESULTS.md"
_BEGIN: Final = "<!-- measured: made by `make bench ARGS=--write` -->\n"
_END: Final = "<!-- end of what was measured -->\n"


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--estates", nargs="+", choices=ESTATES, default=list(ESTATES))
    parser.add_argument("--plain", action="store_true", help="a pool without TLS")
    parser.add_argument("--minutes", type=float, default=5.0, help="of many scrapes of L; 0: none")
    parser.add_argument("--scrapes", type=int, default=200, help="so many in these minutes")
    parser.add_argument("--write", action="store_true", help=f"put it into {RESULTS.name}")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no process is left
    started, load = time.monotonic(), os.getloadavg()[0]
    results: dict[str, Result] = {}
    for name in options.estates:
        results[name] = measure(
            name, tls=not options.plain, minutes=options.minutes, scrapes=options.scrapes
        )
        print(estate_table(name, results[name]), flush=True)
    minutes = (time.monotonic() - started) / 60
    head = (
        f"{dt.datetime.now(tz=dt.UTC):%d %B %Y}, {platform.machine()}, "
        f"{os.cpu_count()} shared cores, CPython {platform.python_version()}; "
        f"{'plain HTTP' if options.plain else 'TLS'}; {minutes:.0f} minutes; "
        f"load {load:.1f} before it began.\n"
    )
    tables = [estate_table(name, result) for name, result in results.items()]
    many = [text for result in results.values() if (text := endurance_text(result))]
    summary = targets_table(results)
    print(head, summary, *many, sep="\n")
    if options.write:
        _write("\n".join([head, "### Targets\n", summary, *tables, *many]))


def _write(text: str) -> None:
    before = RESULTS.read_text("utf-8")
    pattern = re.compile(f"{re.escape(_BEGIN)}.*{re.escape(_END)}", re.DOTALL)
    RESULTS.write_text(pattern.sub(lambda _: f"{_BEGIN}\n{text}\n{_END}", before), "utf-8")


if __name__ == "__main__":
    main()

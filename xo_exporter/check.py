"""What `xo-exporter check` says: each pool tried, with what was found."""

from collections.abc import Iterator
from typing import NamedTuple

from xo_exporter.collector import Collector, Outcome
from xo_exporter.config import Config


class Findings(NamedTuple):
    """The text to print, and whether nothing was wrong."""

    text: str
    all_well: bool


async def check(config: Config) -> Findings:
    """Log in to each pool of `config`, read it, and say how that went."""
    collector = Collector(config)
    try:
        scrape = await collector.scrape()
    finally:
        await collector.close()
    lines: list[str] = []
    for outcome in scrape.outcomes:
        lines += _lines(outcome, str(collector.pools[outcome.name].reader.config.url))
    return Findings("\n".join(lines) + "\n", scrape.complete)


def _lines(outcome: Outcome, url: str) -> Iterator[str]:
    yield f"{outcome.name} ({url})"
    if outcome.status.logins:
        yield "  ok      log-in"
    model = outcome.model
    if model is not None:
        yield (
            f"  ok      objects: pool {model.pool.name_label!r}, {len(model.hosts)} hosts, "
            f"{len(model.VMs)} VMs, {len(model.SRs)} SRs, {len(model.PBDs)} PBDs, "
            f"{len(model.VDIs)} VDIs, {len(model.VBDs)} VBDs"
        )
        for host in model.hosts:
            if host.rrd_up:
                age = "" if host.rrd_age is None else f", newest row {host.rrd_age:.0f} s old"
                yield f"  ok      RRDs of {host.name_label}{age}"
    for failure in outcome.failures:
        what = f"RRDs of {failure.host}" if failure.host else failure.stage
        yield f"  failed  {what}: {failure.error.message}"
        if failure.error.hint:
            yield f"          {failure.error.hint}"

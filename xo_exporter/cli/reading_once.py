"""The commands that read the pools once."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import click
import msgspec

from xo_exporter import check
from xo_exporter.choice import EVERYTHING
from xo_exporter.cli.given import load_config
from xo_exporter.cli.options import config_option, pool_option, with_logs
from xo_exporter.cli.output import NOT_READ_IN_FULL, OK, run_once, write
from xo_exporter.collector import Collector, Scrape
from xo_exporter.config import Config
from xo_exporter.errors import ConfigError
from xo_exporter.model.document import TYPES, document

_MODEL: Final = frozenset({"xo", *map(str.lower, TYPES)})
"""The collectors of the objects of the model."""


@click.command()
@config_option
@pool_option
@with_logs("warning")
def metrics(config_file: Path | None, pool: str | None) -> int:
    """Scrape once and print the metrics in Prometheus text format."""
    scrape = run_once(_scrape(load_config(config_file), pool))
    write(scrape.exposition().text())
    return OK if scrape.complete else NOT_READ_IN_FULL


@click.command()
@config_option
@pool_option
@click.option(
    "--type",
    "kind",
    type=click.Choice(("xo", *TYPES), case_sensitive=False),
    help="Only the objects of this type.",
)
@with_logs("warning")
def objects(config_file: Path | None, pool: str | None, kind: str | None) -> int:
    """Print the object model as one JSON document."""
    config = load_config(config_file)
    # Which metrics are exported is another question: here is the model, whole and nothing else.
    collectors = {name: name in _MODEL for name in config.collectors}
    config = replace(config, collectors=collectors, choice=EVERYTHING)
    scrape = run_once(_scrape(config, pool))
    text = msgspec.json.encode(document(scrape.xo, scrape.models, kind))
    write(msgspec.json.format(text, indent=2) + b"\n")
    return OK if scrape.complete else NOT_READ_IN_FULL


@click.command(name="check")
@config_option
@with_logs("error")
def check_command(config_file: Path | None) -> int:
    """Try each pool and say what works, what doesn't, and how to mend it."""
    # A password that can't be read here, as one that only a service is given, is told in the end:
    # addresses and certificates can be tried without it.
    unreadable: ConfigError | None = None
    try:
        config = load_config(config_file)
    except ConfigError as error:
        config, unreadable = load_config(config_file, try_passwords=False), error
    found = run_once(check.check(config))
    write(found.text.encode())
    if unreadable is not None:
        raise unreadable
    return OK if found.all_well else NOT_READ_IN_FULL


async def _scrape(config: Config, pool: str | None) -> Scrape:
    collector = Collector(config)
    if pool is not None and pool not in collector.pools:
        names = ", ".join(collector.pools)
        raise ConfigError(f"no pool {pool!r} is configured", hint=f"there are: {names}")
    try:
        return await collector.scrape(None if pool is None else [pool])
    finally:
        await collector.close()

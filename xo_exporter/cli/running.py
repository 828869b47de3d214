"""The commands that run until they are told to end."""

import asyncio
from pathlib import Path
from typing import Any

import click

from xo_exporter import service
from xo_exporter.cli.choice_options import choice_options, with_options
from xo_exporter.cli.given import load_config
from xo_exporter.cli.options import (
    config_option,
    hosts_option,
    lifecycle_option,
    listen_address,
    seed_option,
    vms_option,
    web_config_option,
    with_logs,
)
from xo_exporter.cli.output import OK, write
from xo_exporter.settings import Listen
from xo_exporter.simulator import GENERATIONS, SimulatedPool, make_estate
from xo_exporter.web.access import WebConfigFile


@click.command()
@config_option
@click.option(
    "--listen",
    metavar="HOST:PORT",
    callback=listen_address,
    help="Where to listen. [default: :19773]",
)
@web_config_option
@lifecycle_option
@choice_options
@with_logs("info")
def serve(
    config_file: Path | None,
    listen: Listen | None,
    web_config_file: Path | None,
    *,
    with_lifecycle: bool,
    **options: Any,
) -> int:
    """Serve /metrics, /probe and /sd for Prometheus, and a page for people at /."""
    asyncio.run(
        service.serve(
            lambda: with_options(load_config(config_file), options),
            listen,
            _web_config(web_config_file),
            with_lifecycle=with_lifecycle,
        )
    )
    return OK


@click.command()
@click.option(
    "--listen",
    metavar="HOST:PORT",
    callback=listen_address,
    default="127.0.0.1:19773",
    show_default=True,
    help="Where to listen.",
)
@hosts_option
@vms_option
@seed_option
@web_config_option
@lifecycle_option
@click.option(
    "--with-prometheus",
    is_flag=True,
    help="Run Prometheus and Alertmanager beside it, where they are installed, with the rules of "
    "deploy/: in a clone of the repository.",
)
@choice_options
@with_logs("info")
def demo(
    listen: Listen,
    hosts: int,
    vms: int,
    seed: int,
    web_config_file: Path | None,
    *,
    with_lifecycle: bool,
    with_prometheus: bool,
    **options: Any,
) -> int:
    """Serve the metrics of a simulated pool: nothing to configure."""
    if with_prometheus and web_config_file is not None:
        raise click.UsageError("--with-prometheus goes without --web.config.file.")
    asyncio.run(
        service.demo(
            listen,
            _web_config(web_config_file),
            hosts=hosts,
            vms=vms,
            seed=seed,
            switch=lambda config: with_options(config, options),
            with_lifecycle=with_lifecycle,
            with_prometheus=with_prometheus,
        )
    )
    return OK


@click.command()
@click.option(
    "--listen",
    metavar="HOST:PORT",
    callback=listen_address,
    default="127.0.0.1:19774",
    show_default=True,
    help="Address of the first host; the others have the loopback addresses after it.",
)
@hosts_option
@vms_option
@seed_option
@click.option(
    "--generation",
    type=click.Choice(GENERATIONS),
    default="g4",
    show_default=True,
    help="Which XAPI it is: g1 XCP-ng 8.2; g2 and g3 early 8.3; g4 25.3 and later.",
)
@click.option("--tls", is_flag=True, help="HTTPS, with a certificate made for this run.")
@click.option("--username", default="root", show_default=True, help="Who may log in.")
@click.option("--password", default="simulated", show_default=True, help="Their password.")
@click.option("--advertise", metavar="ADDRESS", help="Say that all hosts are at this address.")
@click.option(
    "--life", is_flag=True, help="VMs start, stop, move, come and go; else only loads change."
)
@with_logs("warning")
def simulate(listen: Listen, hosts: int, vms: int, seed: int, **options: Any) -> int:
    """Run a simulated pool: an XAPI server that any client of XAPI can talk to."""
    generation, advertise = options.pop("generation"), options["advertise"]
    anywhere = "127.0.0.1" if advertise is None else "0.0.0.0"  # noqa: S104  as it says

    def pool() -> SimulatedPool:
        estate = make_estate(hosts=hosts, vms=vms, seed=seed, generation=generation)
        return SimulatedPool(estate, listen=listen.host or anywhere, port=listen.port, **options)

    asyncio.run(service.simulate(pool, announce=lambda line: write(line.encode())))
    return OK


def _web_config(path: Path | None) -> WebConfigFile | None:
    return None if path is None else WebConfigFile(path)

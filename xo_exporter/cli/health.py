"""The command that asks whether a service is well."""

import click

from xo_exporter.cli.options import listen_address, with_logs
from xo_exporter.cli.output import NOT_READ_IN_FULL, OK
from xo_exporter.health import answers
from xo_exporter.settings import DEFAULT_LISTEN, Listen


@click.command()
@click.option(
    "--listen",
    metavar="HOST:PORT",
    callback=listen_address,
    envvar="XO_EXPORTER_LISTEN",
    default=str(DEFAULT_LISTEN),
    show_default=True,
    help="Where the service listens.",
)
@click.option(
    "--ready",
    is_flag=True,
    help="Ask whether each pool was tried, too; a service that asks for a password or a "
    "certificate does not tell.",
)
@with_logs("warning")
def health(listen: Listen, *, ready: bool) -> int:
    """Ask the service on this machine whether it lives: for a container's health check or probe."""
    if answers(listen, ready=ready):
        return OK
    click.echo(f"xo-exporter: no service that is well answers at {listen}", err=True)
    return NOT_READ_IN_FULL

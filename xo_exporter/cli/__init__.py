"""The command line: the only place that reads the environment, writes output and exits."""

import signal
import sys
from typing import NoReturn

import click

from xo_exporter.cli import configuration, reading_once, running
from xo_exporter.cli.options import with_logs
from xo_exporter.cli.output import NOT_USABLE, OK, drop_output
from xo_exporter.errors import XoExporterError

_COMMANDS = (
    running.serve,
    reading_once.metrics,
    reading_once.objects,
    reading_once.check_command,
    running.demo,
    running.simulate,
    running.health,
    configuration.config,
    configuration.completion,
)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=False,
)
@with_logs("info")
def cli() -> None:
    """Prometheus exporter for XCP-ng and XenServer pools."""


for _command in _COMMANDS:
    cli.add_command(_command)


def _fail(message: str) -> NoReturn:
    click.echo(f"xo-exporter: {' '.join(message.split())}", err=True)
    sys.exit(NOT_USABLE)


def main() -> NoReturn:
    """Run the command line and exit with its status."""
    try:
        status = cli(standalone_mode=False, prog_name="xo-exporter")
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "xo-exporter"
        _fail(f"{error.format_message()} See {command} --help.")
    except click.ClickException as error:
        _fail(error.format_message())
    except XoExporterError as error:
        _fail(str(error))
    except BrokenPipeError:  # --help and --version, which click prints
        drop_output()
        sys.exit(OK)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(128 + signal.SIGINT)
    sys.exit(status if isinstance(status, int) else OK)

"""The command line: the only place that reads the environment, writes output and exits."""

import signal
import sys
from importlib import import_module
from types import FrameType
from typing import Final, NoReturn

import click

from xo_exporter.cli.options import with_logs
from xo_exporter.cli.output import NOT_USABLE, OK, drop_output
from xo_exporter.errors import XoExporterError

_COMMANDS: Final = {
    "serve": "running.serve",
    "metrics": "reading_once.metrics",
    "objects": "reading_once.objects",
    "check": "reading_once.check_command",
    "demo": "running.demo",
    "simulate": "running.simulate",
    "health": "health.health",
    "config": "configuration.config",
    "completion": "configuration.completion",
}
"""Where each command is, in this package."""


def _end_early(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(OK)


class _Commands(click.Group):
    """Imports what a command needs when it is that command's turn.

    `health`, which runs every few seconds, needs a tenth of what the others do.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's own
        """The names of the commands, in the order of `--help`."""
        return [*_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's own
        """The command of that name; None where there is none."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(".")
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is run; those that run until they are ended can be, from now on."""
        if args and _COMMANDS.get(args[0], "").startswith("running."):
            for number in (signal.SIGTERM, signal.SIGINT):  # until the event loop takes them
                signal.signal(number, _end_early)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=False,
)
@with_logs("info")
def cli() -> None:
    """Prometheus exporter for XCP-ng and XenServer pools."""


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
        _fail(f"{error.format_message().removesuffix('.')}. See {command} --help.")
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

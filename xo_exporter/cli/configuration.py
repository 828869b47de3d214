"""The commands about the configuration itself, and about the shell."""

from pathlib import Path

import click
from click.shell_completion import get_completion_class

from xo_exporter.cli.choice_options import choice_options, with_options
from xo_exporter.cli.given import load_config
from xo_exporter.cli.options import config_option, with_logs
from xo_exporter.cli.output import OK, write
from xo_exporter.config_print import printed
from xo_exporter.errors import ConfigError

_SHELLS = ("bash", "zsh", "fish")


@click.group()
def config() -> None:
    """Look at the configuration; no pool is asked."""


@config.command(name="print")
@config_option
@choice_options
@with_logs("warning")
def print_command(config_file: Path | None, **options: object) -> int:
    """Print the configuration as it is in force, defaults included, without its secrets."""
    write(printed(with_options(load_config(config_file), options)).encode())
    return OK


@config.command(name="check")
@config_option
@with_logs("warning")
def check_command(config_file: Path | None) -> int:
    """Say whether the configuration can be used: status 0, or 2 and one line that says why not."""
    found = load_config(config_file)
    names = ", ".join(pool.key for pool in found.pools)
    write(f"the configuration can be used; its pools: {names}\n".encode())
    return OK


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@with_logs("warning")
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Print what makes SHELL complete commands and options: source it, or save it there."""
    made = get_completion_class(shell)
    if made is None:
        raise ConfigError(f"there is no completion for {shell}")
    root = ctx.find_root().command
    write(made(root, {}, "xo-exporter", "_XO_EXPORTER_COMPLETE").source().encode())
    return OK

"""Options that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import click
from click.core import ParameterSource

from xo_exporter import logs
from xo_exporter.cli.version import version_text
from xo_exporter.errors import ConfigError
from xo_exporter.settings import Listen, parse_listen

_LOGS: Final = f"{__name__}.logs"  # what the options for logs say, in click's own store

Command = TypeVar("Command", bound=Callable[..., Any])


def listen_address(ctx: click.Context, param: click.Parameter, value: str | None) -> Listen | None:
    """Take HOST:PORT."""
    try:
        return None if value is None else parse_listen(value)
    except ConfigError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def with_logs(default_level: str) -> Callable[[Command], Command]:
    """The options that every command has."""

    def decorate(command: Command) -> Command:
        for option in (
            click.version_option(message=version_text()),
            click.option(
                "--log.format",
                "log_format",
                type=click.Choice(["logfmt", "json"]),
                default="logfmt",
                show_default=True,
                expose_value=False,
                callback=_set_log_format,
            ),
            click.option(
                "--log.level",
                "log_level",
                type=click.Choice(["debug", "info", "warning", "error"]),
                default=default_level,
                show_default=True,
                expose_value=False,
                callback=_set_log_level,
            ),
        ):
            command = option(command)
        return command

    return decorate


def _set_log_level(ctx: click.Context, param: click.Parameter, value: logs.Level) -> None:
    _configure_logs(ctx, param, "level", value)


def _set_log_format(ctx: click.Context, param: click.Parameter, value: logs.Format) -> None:
    _configure_logs(ctx, param, "format", value)


def _configure_logs(ctx: click.Context, param: click.Parameter, what: str, value: str) -> None:
    """Take a log option; a command's default does not undo what was said before the command."""
    said = ctx.get_parameter_source(param.name or "") is not ParameterSource.DEFAULT
    chosen: dict[str, tuple[bool, str]] = ctx.meta.setdefault(_LOGS, {})
    if said or not chosen.get(what, (False, ""))[0]:
        chosen[what] = said, value
    level, form = chosen.get("level", (False, "info")), chosen.get("format", (False, "logfmt"))
    logs.configure(cast("logs.Level", level[1]), cast("logs.Format", form[1]))


config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration; else $XO_EXPORTER_CONFIG, or one pool by $XO_EXPORTER_URL and so on.",
)
pool_option = click.option(
    "--pool", metavar="NAME", help="Only this pool: its configured name, else its URL's host."
)
hosts_option = click.option(
    "--hosts", type=click.IntRange(1, 1000), default=3, show_default=True, help="Hosts simulated."
)
vms_option = click.option(
    "--vms", type=click.IntRange(0, 100_000), default=20, show_default=True, help="VMs simulated."
)
seed_option = click.option(
    "--seed", type=int, default=1, show_default=True, help="Another number, another estate."
)


web_config_option = click.option(
    "--web.config.file",
    "web_config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="TLS, basic auth and headers of this server, as every Prometheus exporter has them.",
)


lifecycle_option = click.option(
    "--web.enable-lifecycle",
    "with_lifecycle",
    is_flag=True,
    help="Let POST or PUT to /-/reload have the configuration read anew, as SIGHUP does.",
)

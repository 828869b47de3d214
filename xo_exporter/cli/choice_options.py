"""The options that say what is exported, and the configuration with what they say."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click

from xo_exporter.choice import DEFAULT_MAX_SERIES
from xo_exporter.config import Config
from xo_exporter.config_choice import a_pattern
from xo_exporter.errors import ConfigError
from xo_exporter.metrics.collectors import ABOUT
from xo_exporter.metrics.selection import choosable_names
from xo_exporter.metrics.tables import COLLECTORS, ROLES

Command = TypeVar("Command", bound=Callable[..., Any])

_COLLECTOR: Final = "collector_"


def _patterns(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    try:
        return tuple(a_pattern(text, choosable_names()) for text in value)
    except ConfigError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def choice_options(command: Command) -> Command:
    """A switch for each collector, and which metrics and how many series there may be."""
    for option in (
        click.option(
            "--max-series-per-family",
            "max_series",
            type=click.IntRange(1),
            metavar="N",
            help="Series of one metric and one pool; xo_series_dropped says how many more there "
            f"would be. [default: {DEFAULT_MAX_SERIES}]",
        ),
        *(
            click.option(
                f"--metrics.{name}",
                name,
                multiple=True,
                metavar="GLOB",
                callback=_patterns,
                help=f"{what}, such as xo_vm_*; may be given several times, and then counts "
                "instead of the configuration's.",
            )
            for name, what in (
                ("exclude", "Metrics that are not exported"),
                ("include", "Metrics that are exported, no others"),
            )
        ),
        *(
            click.option(
                f"--collector.{name}/--no-collector.{name}",
                f"{_COLLECTOR}{name}",
                default=None,
                help=f"{ABOUT[name].purpose}{_role(name)} [default: {'yes' if default else 'no'}]",
            )
            for name, default in reversed(list(COLLECTORS.items()))
        ),
    ):
        command = option(command)
    return command


def _role(collector: str) -> str:
    role = ROLES.get(collector)
    return f" The user needs the role {role}." if role else ""


_CHOSEN: Final = ("include", "exclude", "max_series")
"""The options that are fields of the choice."""


def with_options(config: Config, options: Mapping[str, Any]) -> Config:
    """The configuration with what the command line says otherwise."""
    switches = {
        name.removeprefix(_COLLECTOR): value
        for name, value in options.items()
        if name.startswith(_COLLECTOR) and value is not None
    }
    chosen = {name: options[name] for name in _CHOSEN if options.get(name)}
    return dataclasses.replace(
        config,
        collectors={**config.collectors, **switches},
        choice=dataclasses.replace(config.choice, **chosen),
    )

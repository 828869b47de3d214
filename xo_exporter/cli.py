"""The command line: the only place that reads the environment, writes output and exits."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar, cast

import click
import msgspec
from click.core import ParameterSource

from xo_exporter import __version__, check, logs, service
from xo_exporter.cli_choice import choice_options, with_options
from xo_exporter.collector import Collector, Scrape
from xo_exporter.config import Config, Listen, load, parse_listen
from xo_exporter.errors import ConfigError, XoExporterError
from xo_exporter.health import answers
from xo_exporter.metrics.selection import choosable_names
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.model.document import TYPES, document
from xo_exporter.settings import DEFAULT_LISTEN
from xo_exporter.simulator import GENERATIONS, SimulatedPool, make_estate
from xo_exporter.web.access import WebConfigFile

OK: Final = 0
NOT_READ_IN_FULL: Final = 1
NOT_USABLE: Final = 2

_LOGS: Final = f"{__name__}.logs"  # what the options for logs say, in click's own store

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])


def _listen(ctx: click.Context, param: click.Parameter, value: str | None) -> Listen | None:
    try:
        return None if value is None else parse_listen(value)
    except ConfigError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _with_logs(default_level: str) -> Callable[[Command], Command]:
    """The options that every command has."""

    def decorate(command: Command) -> Command:
        for option in (
            click.version_option(__version__, prog_name="xo-exporter"),
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


_config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration; else $XO_EXPORTER_CONFIG, or one pool by $XO_EXPORTER_URL and so on.",
)
_pool_option = click.option(
    "--pool", metavar="NAME", help="Only this pool: its configured name, else its URL's host."
)
_hosts_option = click.option(
    "--hosts", type=click.IntRange(1, 1000), default=3, show_default=True, help="Hosts simulated."
)
_vms_option = click.option(
    "--vms", type=click.IntRange(0, 100_000), default=20, show_default=True, help="VMs simulated."
)
_seed_option = click.option(
    "--seed", type=int, default=1, show_default=True, help="Another number, another estate."
)


_web_config_option = click.option(
    "--web.config.file",
    "web_config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="TLS, basic auth and headers of this server, as every Prometheus exporter has them.",
)


_lifecycle_option = click.option(
    "--web.enable-lifecycle",
    "with_lifecycle",
    is_flag=True,
    help="Let POST or PUT to /-/reload have the configuration read anew, as SIGHUP does.",
)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=False,
)
@_with_logs("info")
def cli() -> None:
    """Prometheus exporter for XCP-ng and XenServer pools."""


@cli.command()
@_config_option
@click.option(
    "--listen", metavar="HOST:PORT", callback=_listen, help="Where to listen. [default: :19773]"
)
@_web_config_option
@_lifecycle_option
@choice_options
@_with_logs("info")
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
            lambda: with_options(_load(config_file), options),
            listen,
            _web_config(web_config_file),
            with_lifecycle=with_lifecycle,
        )
    )
    return OK


@cli.command()
@_config_option
@_pool_option
@_with_logs("warning")
def metrics(config_file: Path | None, pool: str | None) -> int:
    """Scrape once and print the metrics in Prometheus text format."""
    scrape = _run_once(_scrape(_load(config_file), pool))
    _print(scrape.exposition().text())
    return OK if scrape.complete else NOT_READ_IN_FULL


@cli.command()
@_config_option
@_pool_option
@click.option(
    "--type",
    "kind",
    type=click.Choice(TYPES, case_sensitive=False),
    help="Only the objects of this type.",
)
@_with_logs("warning")
def objects(config_file: Path | None, pool: str | None, kind: str | None) -> int:
    """Print the object model as one JSON document."""
    scrape = _run_once(_scrape(_load(config_file), pool))
    text = msgspec.json.encode(document(scrape.xo, scrape.models, kind))
    _print(msgspec.json.format(text, indent=2) + b"\n")
    return OK if scrape.complete else NOT_READ_IN_FULL


@cli.command(name="check")
@_config_option
@_with_logs("error")
def check_command(config_file: Path | None) -> int:
    """Try each pool and say what works, what doesn't, and how to mend it."""
    found = _run_once(check.check(_load(config_file)))
    _print(found.text.encode())
    return OK if found.all_well else NOT_READ_IN_FULL


@cli.command()
@click.option(
    "--listen", metavar="HOST:PORT", callback=_listen, default="127.0.0.1:19773", show_default=True
)
@_hosts_option
@_vms_option
@_seed_option
@_web_config_option
@_lifecycle_option
@choice_options
@_with_logs("info")
def demo(
    listen: Listen,
    hosts: int,
    vms: int,
    seed: int,
    web_config_file: Path | None,
    *,
    with_lifecycle: bool,
    **options: Any,
) -> int:
    """Serve the metrics of a simulated pool: nothing to configure."""
    asyncio.run(
        service.demo(
            listen,
            _web_config(web_config_file),
            hosts=hosts,
            vms=vms,
            seed=seed,
            switch=lambda config: with_options(config, options),
            with_lifecycle=with_lifecycle,
        )
    )
    return OK


@cli.command()
@click.option(
    "--listen",
    metavar="HOST:PORT",
    callback=_listen,
    default="127.0.0.1:19774",
    show_default=True,
    help="Address of the first host; the others have the loopback addresses after it.",
)
@_hosts_option
@_vms_option
@_seed_option
@click.option(
    "--generation",
    type=click.Choice(GENERATIONS),
    default="g4",
    show_default=True,
    help="Which XAPI it is: g1 XCP-ng 8.2; g2 and g3 early 8.3; g4 25.3 and later.",
)
@click.option("--tls", is_flag=True, help="HTTPS, with a certificate made for this run.")
@click.option("--username", default="root", show_default=True)
@click.option("--password", default="simulated", show_default=True)
@click.option("--advertise", metavar="ADDRESS", help="Say that all hosts are at this address.")
@click.option(
    "--life", is_flag=True, help="VMs start, stop, move, come and go; else only loads change."
)
@_with_logs("warning")
def simulate(listen: Listen, hosts: int, vms: int, seed: int, **options: Any) -> int:
    """Run a simulated pool: an XAPI server that any client of XAPI can talk to."""
    generation, advertise = options.pop("generation"), options["advertise"]
    anywhere = "127.0.0.1" if advertise is None else "0.0.0.0"  # noqa: S104  as it says

    def pool() -> SimulatedPool:
        estate = make_estate(hosts=hosts, vms=vms, seed=seed, generation=generation)
        return SimulatedPool(estate, listen=listen.host or anywhere, port=listen.port, **options)

    asyncio.run(service.simulate(pool, announce=lambda line: _print(line.encode())))
    return OK


@cli.command()
@click.option(
    "--listen",
    metavar="HOST:PORT",
    callback=_listen,
    envvar="XO_EXPORTER_LISTEN",
    default=str(DEFAULT_LISTEN),
    show_default=True,
    help="Where the service listens.",
)
@_with_logs("warning")
def health(listen: Listen) -> int:
    """Ask the service on this machine whether it lives: for a container's health check."""
    return OK if answers(listen) else NOT_READ_IN_FULL


def _web_config(path: Path | None) -> WebConfigFile | None:
    return None if path is None else WebConfigFile(path)


def _load(config_file: Path | None) -> Config:
    return load(config_file, os.environ, collectors=COLLECTORS, metrics=choosable_names())


async def _scrape(config: Config, pool: str | None) -> Scrape:
    collector = Collector(config)
    if pool is not None and pool not in collector.pools:
        names = ", ".join(collector.pools)
        raise ConfigError(f"no pool {pool!r} is configured", hint=f"there are: {names}")
    try:
        return await collector.scrape(None if pool is None else [pool])
    finally:
        await collector.close()


def _run_once(work: Coroutine[Any, Any, T]) -> T:
    """Run what ends by itself; SIGTERM ends it early, as Ctrl-C does: logged out of every pool."""

    async def run() -> T:
        task = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)


def _print(output: bytes) -> None:
    """Write to standard output, all of it; raises ConfigError where that can't be."""
    if sys.stdout is None:
        raise ConfigError("there is no standard output to print on")
    try:
        sys.stdout.buffer.write(output)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _drop_output()  # whoever reads has seen enough
    except OSError as error:
        _drop_output()
        raise ConfigError(f"can't write to standard output ({error.strerror})") from error


def _drop_output() -> None:
    """Send the rest nowhere; without this Python complains once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
        _drop_output()
        sys.exit(OK)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(128 + signal.SIGINT)
    sys.exit(status if isinstance(status, int) else OK)

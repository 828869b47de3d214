"""Prometheus and Alertmanager beside the demonstration, with the rules of deploy/prometheus.

Both are the programs of this machine, run on loopback with what they write in a folder that goes
with them. No notification leaves the machine: the receivers of the example are emptied.
"""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp
import structlog
import yaml

from xo_exporter.errors import ConfigError

log = structlog.get_logger()

DEPLOY: Final = Path(__file__).parents[1] / "deploy"  # in a clone; a wheel has none
_READY_WITHIN: Final = 30.0  # seconds
_ENDED_WITHIN: Final = 10.0
_INTERVAL: Final = "5s"


class Programs(NamedTuple):
    """Where the two programs are."""

    prometheus: str
    alertmanager: str


def installed(deploy: Path = DEPLOY) -> Programs:
    """The programs to run. Raises ConfigError where one of them or the rules are missing."""
    if not (deploy / "prometheus" / "rules").is_dir():
        raise ConfigError(
            "the rules of Prometheus did not come with this installation",
            hint="run it in a clone of the repository (make demo), or without --with-prometheus",
        )
    return Programs(_program("prometheus"), _program("prometheus-alertmanager"))


@asynccontextmanager
async def prometheus_beside(exporter: str, deploy: Path = DEPLOY) -> AsyncIterator[None]:
    """Run both until the block ends, for the exporter at this URL; their addresses are logged.

    Raises ConfigError where a program or the rules are missing, or one does not start.
    """
    prometheus, alertmanager = installed(deploy)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xo-exporter-")))
        alerts, metrics = _free_address(), _free_address()
        _write(folder / "alertmanager.yml", _alertmanager(deploy))
        _write(folder / "prometheus.yml", _prometheus(deploy, exporter, alerts))
        await stack.enter_async_context(
            _running(
                alertmanager,
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder / 'alertmanager'}",
                f"--web.listen-address={alerts}",
                "--cluster.listen-address=",
                address=alerts,
                output=folder / "alertmanager.log",
            )
        )
        await stack.enter_async_context(
            _running(
                prometheus,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'prometheus'}",
                f"--web.listen-address={metrics}",
                address=metrics,
                output=folder / "prometheus.log",
            )
        )
        log.info(
            "Prometheus scrapes the simulated pool",
            prometheus=f"http://{metrics}/alerts",
            alertmanager=f"http://{alerts}/",
        )
        yield


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise ConfigError(
            f"{name} is not installed",
            hint="on Debian: apt-get install prometheus prometheus-alertmanager",
        )
    return path


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def _alertmanager(deploy: Path) -> dict[str, Any]:
    config = _read(deploy / "alertmanager" / "alertmanager.yml")
    del config["global"]
    config["receivers"] = [{"name": receiver["name"]} for receiver in config["receivers"]]
    config["route"]["group_wait"] = _INTERVAL
    return config


def _prometheus(deploy: Path, exporter: str, alertmanager: str) -> dict[str, Any]:
    config = _read(deploy / "prometheus" / "prometheus.yml")
    config["global"] = {"scrape_interval": _INTERVAL, "evaluation_interval": _INTERVAL}
    config["rule_files"] = [str(deploy / "prometheus" / "rules" / "*.yml")]
    [scrape] = config["scrape_configs"]
    scrape["static_configs"] = [{"targets": [exporter.partition("://")[2].rstrip("/")]}]
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager]}]}]
    return config


def _read(file: Path) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    return config


def _write(file: Path, config: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")


@asynccontextmanager
async def _running(*command: str, address: str, output: Path) -> AsyncIterator[None]:
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(*command, stdout=file, stderr=file)
    try:
        await _ready(process, address, output)
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _ENDED_WITHIN)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _ready(process: asyncio.subprocess.Process, address: str, output: Path) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _READY_WITHIN
    async with aiohttp.ClientSession() as session:
        while loop.time() < deadline and process.returncode is None:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(f"http://{address}/-/ready") as answer:
                    if answer.ok:
                        return
            await asyncio.sleep(0.1)
    raise ConfigError(f"{output.stem} does not start", hint=_last_line(output))


def _last_line(output: Path) -> str:
    lines = output.read_text("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it says nothing"

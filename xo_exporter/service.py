"""The processes that run until they are told to end: serve, demo, simulate."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiohttp import web

from xo_exporter.collector import Collector
from xo_exporter.config import Config, Listen, PoolConfig, Secret, Url
from xo_exporter.errors import ConfigError
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.simulator import SimulatedPool, make_estate
from xo_exporter.web.application import application

log = structlog.get_logger()

_SHUTDOWN_TIMEOUT: Final = 30.0  # seconds that a scrape in flight has to come to its end
_KEEP_ALIVE: Final = 75.0
DEMO_NAME: Final = "demo"


def _ended() -> asyncio.Event:
    """Set by SIGTERM or Ctrl-C."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, event.set)
    return event


@asynccontextmanager
async def _serving(config: Config, listen: Listen) -> AsyncIterator[str]:
    """Serve until the block ends; gives the URL to open."""
    runner = web.AppRunner(
        application(Collector(config)),
        access_log=None,
        keepalive_timeout=_KEEP_ALIVE,
        shutdown_timeout=_SHUTDOWN_TIMEOUT,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, listen.host or None, listen.port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigError(
                f"can't listen at {listen} ({error.strerror or error})",
                hint="choose another address with --listen",
            ) from error
        port = runner.addresses[0][1]
        url = f"http://{Listen(host=listen.host or 'localhost', port=port)}/"
        log.info("serving", url=url, pools=len(config.pools))
        yield url
    finally:
        await runner.cleanup()


async def serve(config: Config, listen: Listen) -> None:
    """Serve the pools of `config` until SIGTERM or Ctrl-C."""
    ended = _ended()
    async with _serving(config, listen):
        await ended.wait()
        log.info("ending: scrapes in flight are finished first")


async def demo(
    listen: Listen, *, hosts: int, vms: int, seed: int, switch: Callable[[Config], Config]
) -> None:
    """Serve a simulated pool that runs in this process."""
    ended = _ended()
    estate = make_estate(hosts=hosts, vms=vms, seed=seed)
    async with SimulatedPool(estate, life=True) as simulated:
        pool = PoolConfig(
            url=Url.parse(simulated.url),
            username=simulated.username,
            password=Secret(simulated.password),
            name=DEMO_NAME,
        )
        config = Config(listen=listen, pools=(pool,), collectors=dict(COLLECTORS))
        async with _serving(switch(config), listen) as url:
            log.info("a simulated pool is exported", open=url, metrics=f"{url}metrics")
            await ended.wait()


async def simulate(
    make_pool: Callable[[], SimulatedPool], *, announce: Callable[[str], None]
) -> None:
    """Run a simulated pool until SIGTERM or Ctrl-C; `announce` gets the line that says where."""
    ended = _ended()
    async with make_pool() as pool:
        line = f"url={pool.url} username={pool.username}"
        if pool.scheme == "https":
            line += f" fingerprint_sha256={pool.fingerprint}"
        announce(f"{line}\n")
        await ended.wait()

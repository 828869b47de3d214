"""The processes that run until they are told to end: serve, demo, simulate."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Final

import structlog
from aiohttp import web

from xo_exporter import cautions, memory
from xo_exporter.collector import Collector
from xo_exporter.config import Config, Listen, PoolConfig, Secret, Url
from xo_exporter.demo_stack import installed, prometheus_beside
from xo_exporter.errors import ConfigError
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.simulator import NEWEST, SimulatedPool, make_estate
from xo_exporter.web import listener
from xo_exporter.web.access import Access, WebConfigFile
from xo_exporter.web.application import application
from xo_exporter.web.listener import IDLE_TIMEOUT
from xo_exporter.web.negotiation import LONGEST_TIMEOUT
from xo_exporter.web.server_tls import server_context

log = structlog.get_logger()

_SWITCH_INTERVAL: Final = 0.001  # seconds
_SHUTDOWN_TIMEOUT: Final = LONGEST_TIMEOUT + 10
"""Seconds that a scrape in flight has to come to its end: more than any can take."""
DEMO_NAME: Final = "demo"


def _ended() -> asyncio.Event:
    """Set by SIGTERM or Ctrl-C."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, event.set)
    return event


Load = Callable[[], Config]
"""Reads the configuration, as at the start; raises ConfigError."""


class _Reloader:
    """Reads the configuration anew, and leaves the old one in force where that can't be."""

    def __init__(self, collector: Collector, load: Load) -> None:
        self._collector = collector
        self._load = load

    def reload(self) -> str | None:
        """Go by the configuration as it is now; gives what is wrong with it, if anything."""
        before = self._collector.config
        try:
            config = self._load()
        except ConfigError as error:
            return _refused(error)
        self._collector.replace(config)
        log.info("the configuration was read anew", pools=len(config.pools))
        if config.listen != before.listen:
            log.warning("another address to listen at takes a new start", listen=str(config.listen))
        cautions.tell(config)
        return None


def _refused(error: ConfigError) -> str:
    what = "the configuration can't be read anew: the old one stays in force"
    log.error(what, error=str(error))
    return str(error)


@asynccontextmanager
async def _serving(
    config: Config,
    listen: Listen,
    web_config: WebConfigFile | None,
    *,
    load: Load,
    with_lifecycle: bool,
) -> AsyncIterator[str]:
    """Serve until the block ends; gives the URL to open. SIGHUP has the configuration read anew."""
    tls = server_context(web_config) if web_config else None
    collector = Collector(config)
    # Who builds and renders, in threads, gives the event loop its turn sooner than by default.
    sys.setswitchinterval(_SWITCH_INTERVAL)
    memory.settle()
    reload = _Reloader(collector, load).reload
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
    app = application(collector, reload=reload if with_lifecycle else None)
    if web_config:
        Access(web_config).apply_to(app)
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,  # what nobody waits for any more is no work
        keepalive_timeout=IDLE_TIMEOUT,
        shutdown_timeout=_SHUTDOWN_TIMEOUT,
    )
    await runner.setup()
    try:
        try:
            server = await listener.listen(runner, listen.host, listen.port, tls)
        except OSError as error:
            raise ConfigError(
                f"can't listen at {listen} ({error.strerror or error})",
                hint="choose another address with --listen",
            ) from error
        async with server:
            port = server.sockets[0].getsockname()[1]
            address = Listen(host=listen.host or "localhost", port=port)
            url = f"{'https' if tls else 'http'}://{address}/"
            log.info("serving", url=url, pools=len(config.pools))
            collector.start()  # no pool is asked before it is sure that there is an address
            yield url
    finally:
        await runner.cleanup()


async def serve(
    load: Load,
    listen: Listen | None,
    web_config: WebConfigFile | None,
    *,
    with_lifecycle: bool = False,
) -> None:
    """Serve the pools of the configuration that `load` gives until SIGTERM or Ctrl-C.

    Without `listen` it is served where the configuration says. `/-/reload` is there
    `with_lifecycle`.
    """
    config = load()
    ended = _ended()
    listen = listen or config.listen
    async with _serving(config, listen, web_config, load=load, with_lifecycle=with_lifecycle):
        cautions.tell(config)
        await ended.wait()
        log.info("ending: scrapes in flight are finished first")


async def demo(
    listen: Listen,
    web_config: WebConfigFile | None,
    *,
    hosts: int,
    vms: int,
    seed: int,
    switch: Callable[[Config], Config],
    with_lifecycle: bool = False,
    with_prometheus: bool = False,
) -> None:
    """Serve a simulated pool that runs in this process, to a Prometheus beside it on demand.

    Raises ConfigError before anything runs where what `with_prometheus` needs is missing.
    """
    if with_prometheus:
        installed()
    ended = _ended()
    estate = make_estate(hosts=hosts, vms=vms, seed=seed, release=NEWEST)
    async with SimulatedPool(estate, life=True) as simulated:
        pool = PoolConfig(
            url=Url.parse(simulated.url),
            username=simulated.username,
            password=Secret(simulated.password),
            name=DEMO_NAME,
        )
        config = switch(Config(listen=listen, pools=(pool,), collectors=dict(COLLECTORS)))
        async with _serving(
            config, listen, web_config, load=lambda: config, with_lifecycle=with_lifecycle
        ) as url:
            log.info("a simulated pool is exported", open=url, metrics=f"{url}metrics")
            async with prometheus_beside(url) if with_prometheus else nullcontext():
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

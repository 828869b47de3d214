"""The simulated pool: one listener per host on loopback addresses, or all hosts at one address."""

import asyncio
import ssl
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from inspect import isawaitable
from typing import TYPE_CHECKING, Self, TypeVar

from aiohttp import web

from xo_exporter.simulator.addresses import AddressTaken, bracketed, is_wildcard, plan
from xo_exporter.simulator.api import Api
from xo_exporter.simulator.database import Database
from xo_exporter.simulator.faults import Faults
from xo_exporter.simulator.handler import Shared, Site, Traffic
from xo_exporter.simulator.life import Life
from xo_exporter.simulator.listening import Listening, end
from xo_exporter.simulator.plugins import Plugins
from xo_exporter.simulator.rrd import Rrd
from xo_exporter.simulator.schema import NULL
from xo_exporter.simulator.sessions import Sessions

if TYPE_CHECKING:
    from xo_exporter.simulator.tls import Identity

Result = TypeVar("Result")
_ATTEMPTS = 20


class SimulatedPool:
    """A pool that speaks XAPI over real sockets, inside the caller's event loop.

    database: the estate, as from `make_estate` or `Database.from_records`;
    username, password: of the one user; port: 0 picks a free one;
    tls: HTTPS with a certificate of the pool's own; ssl_contexts: contexts by host reference
    in its place; life: VMs start, stop and move by themselves, a tick every `life_interval_s`;
    listen: the first host's address, the others follow it (127.0.0.1, 127.0.0.2, …);
    advertise: all hosts at one listener, each with this address;
    addresses: what `host.address` says, by host reference, where it isn't the listener's;
    event_delay_s: how long `event.from` gathers before it answers (XAPI's is 0.05);
    clock: the pool's clock, Unix time.
    """

    def __init__(  # noqa: PLR0913 - one keyword for each thing a pool can differ in
        self,
        database: Database,
        *,
        username: str = "root",
        password: str = "simulated",  # noqa: S107 - of a pool that does not exist
        port: int = 0,
        tls: bool = False,
        ssl_contexts: Mapping[str, ssl.SSLContext] | None = None,
        listen: str = "127.0.0.1",
        advertise: str | None = None,
        addresses: Mapping[str, str] | None = None,
        life: bool = False,
        life_interval_s: float = 5.0,
        event_delay_s: float = 0.05,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.database = database
        self.username = username
        self.password = password
        self.port = port
        self.clock = clock or _system_clock
        self.faults = Faults()
        self.traffic = Traffic()
        self.rrd = Rrd(database, self.faults.clock_offset)
        self.sessions = Sessions(database, username, password, self._now)
        self.plugins = Plugins(database, self.host_clock)
        self._shared = Shared(
            api=Api(database, self.sessions, self.host_clock, event_delay_s, self.plugins),
            rrd=self.rrd,
            sessions=self.sessions,
            faults=self.faults,
            traffic=self.traffic,
            clock=self.host_clock,
            generation=database.generation,
            release=database.release,
        )
        self._listen = listen
        self._advertise = advertise
        self._given_addresses = dict(addresses or {})
        self._ssl_contexts = dict(ssl_contexts or {})
        self._identity: Identity | None = None
        self._tls = tls
        self._addresses: dict[str, str] = {}
        self._runners: dict[str, web.ServerRunner] = {}
        self._lives = life
        self._life_interval_s = life_interval_s
        self._life_task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    # --- what is there

    @property
    def calls(self) -> Counter[str]:
        """How often each method of XAPI, and /rrd_updates, was asked for."""
        return self.traffic.calls

    @property
    def master(self) -> str:
        """The master's reference."""
        return self.database.master

    @property
    def url(self) -> str:
        """Where the master listens."""
        return self.url_of(self.master)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the pool's own certificate, with colons; empty without TLS."""
        return self._identity.fingerprint if self._identity is not None else ""

    @property
    def certificate(self) -> bytes:
        """The pool's own certificate as PEM; empty without TLS."""
        return self._identity.pem if self._identity is not None else b""

    @property
    def scheme(self) -> str:
        """`https` or `http`."""
        return "https" if self._tls or self._ssl_contexts else "http"

    def url_of(self, host: str) -> str:
        """Give where a host listens, by its reference."""
        address = self._addresses[host]
        if self._advertise is not None and is_wildcard(address):
            address = self._advertise
        return f"{self.scheme}://{bracketed(address)}:{self.port}"

    def host_clock(self, host: str) -> float:
        """Give the time by a host's own clock."""
        return self.clock() + self.faults.clock_offset.get(host, 0.0)

    def _now(self) -> float:
        return self.clock()

    # --- start and stop

    async def start(self) -> None:
        """Listen; raises AddressTaken when the port is taken, OSError for an impossible address."""
        self._loop = asyncio.get_running_loop()
        hosts = self._hosts_master_first()
        if self._tls and not self._ssl_contexts and self._identity is None:
            listeners = [
                self._listen,
                *plan(hosts, self._listen, one_for_all=self._advertise is not None).values(),
            ]
            if self._advertise is not None:
                listeners.append(self._advertise)
            # Only here, since what makes certificates is large, and hardly a service needs it.
            from xo_exporter.simulator.tls import self_signed  # noqa: PLC0415  as above

            self._identity = self_signed("xcp-ng.example.org", listeners)
        wanted = self.port
        for attempt in range(_ATTEMPTS):
            try:
                await self._listen_everywhere(hosts, wanted)
            except OSError as error:
                await self.stop()
                if wanted or attempt == _ATTEMPTS - 1:
                    raise AddressTaken(
                        f"can't listen at {self._listen}, port {wanted}: {error.strerror or error}"
                    ) from error
            else:
                break
        self._announce(hosts)
        if self._lives:
            self._life_task = self._loop.create_task(self._live())

    async def _live(self) -> None:
        life = Life(self.database)
        while True:
            await asyncio.sleep(self._life_interval_s)
            life.advance(self.clock())

    def _hosts_master_first(self) -> list[str]:
        # An estate without hosts still has somebody who answers.
        hosts = list(self.database.tables["host"]) or [NULL]
        return sorted(hosts, key=lambda host: host != self.master)

    async def _listen_everywhere(self, hosts: list[str], port: int) -> None:
        self.port = port
        self._addresses = plan(hosts, self._listen, one_for_all=self._advertise is not None)
        for address in dict.fromkeys(self._addresses.values()):
            host = next(ref for ref, planned in self._addresses.items() if planned == address)
            await self._open(host)

    async def _open(self, host: str) -> None:
        shared = len(set(self._addresses.values())) < len(self._addresses)
        if shared:
            site = Site(self._shared, lambda: self.master, lambda: list(self._addresses))
        else:
            site = Site(self._shared, lambda: host, lambda: [host])
        runner = web.ServerRunner(
            web.Server(site.handle, handler_cancellation=True, access_log=None),
            shutdown_timeout=0.05,
        )
        await runner.setup()
        self._runners[host] = runner
        context = self._ssl_contexts.get(host)
        if context is None and self._identity is not None:
            context = self._identity.context
        await Listening(runner, self._addresses[host], self.port, context).start()
        if self.port == 0:
            self.port = int(runner.addresses[0][1])

    def _announce(self, hosts: list[str]) -> None:
        for host in hosts:
            if host == NULL:
                continue
            address = self._given_addresses.get(host, self._advertise or self._addresses[host])
            record = self.database.tables["host"][host]
            if record["address"] != address:
                self.database.modify("host", host, address=address)
            for pif in record["PIFs"]:
                pif_record = self.database.get("PIF", pif)
                if pif_record is not None and pif_record["management"]:
                    self.database.modify("PIF", pif, IP=address)

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        if self._life_task is not None:
            self._life_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._life_task
            self._life_task = None
        runners, self._runners = list(self._runners.values()), {}
        await asyncio.gather(*map(end, runners))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # --- what happens to hosts

    async def stop_host(self, host: str) -> None:
        """Kill a host: its listener is closed, its connections are cut, new ones are refused."""
        runner = self._runners.pop(host, None)
        if runner is not None:
            await end(runner)

    async def start_host(self, host: str) -> None:
        """Bring a killed host back at its address."""
        if host not in self._runners:
            await self._open(host)

    def move_master(self, host: str) -> None:
        """Make another host the master: the old one answers HOST_IS_SLAVE, sessions are lost."""
        self.database.modify("pool", self.database.only("pool")[0], master=host)
        self.sessions.expire()

    # --- in a thread of its own

    @contextmanager
    def run_in_thread(self) -> Iterator[Self]:
        """Run the pool in a thread with its own event loop, for callers that block."""
        ready = threading.Event()
        failed: list[BaseException] = []
        stop = asyncio.Event()
        loop = asyncio.new_event_loop()

        async def serve() -> None:
            try:
                await self.start()
            except BaseException as error:  # noqa: BLE001 - told to the thread that waits
                failed.append(error)
                return
            finally:
                ready.set()
            await stop.wait()
            await self.stop()

        def run() -> None:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(serve())

        thread = threading.Thread(target=run, name="simulated pool", daemon=True)
        thread.start()
        ready.wait()
        if failed:
            thread.join()
            raise failed[0]
        try:
            yield self
        finally:
            with suppress(RuntimeError):  # the loop has ended on its own
                loop.call_soon_threadsafe(stop.set)
            thread.join()

    def do(self, action: Callable[[], Result | Awaitable[Result]]) -> Result:
        """Run a function, or a coroutine function, in the pool's thread and give its result."""
        if self._loop is None:
            raise RuntimeError("the pool has not been started")

        async def run() -> Result:
            result = action()
            return await result if isawaitable(result) else result

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()


def _system_clock() -> float:
    # Looked up at each call, so that tests may freeze it.
    return time.time()

"""The simulated pool in a process of its own, so cheap that it is not what is measured."""

import gc
import math
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple
from unittest import mock

from benchmarks.changes import Changes
from xo_exporter.simulator import Database, Generation, Rrd, SimulatedPool, make_estate, rrd_http

CLASSES: Final = (
    *("pool", "host", "host_metrics", "VM", "VM_metrics", "VM_guest_metrics"),
    *("SR", "PBD", "VDI", "VBD"),
)
"""What both exporters read."""

_WINDOW: Final = 20  # seconds that both exporters ask the RRDs of a host for
_STEP: Final = 5


class Traffic(NamedTuple):
    """What was asked of the pool: calls and bytes of the answers, by method; CPU seconds for it."""

    calls: dict[str, int]
    bytes_sent: dict[str, int]
    cpu: float


class Size(NamedTuple):
    """How large an estate is: columns of RRDs a host, bytes of all records by class."""

    columns: float
    json: dict[str, int]
    xml: dict[str, int]


class _Bodies:
    """Stands for `rrd_http.answer`: hands out bodies that were made before a scrape."""

    def __init__(self) -> None:
        self._make = rrd_http.answer
        self._made: dict[tuple[tuple[str, ...], rrd_http.Query], rrd_http.Answer] = {}

    def prepare(self, pool: SimulatedPool, now: float) -> None:
        """Make what either exporter may ask for at that time; its clock may be a second off."""
        self._made.clear()
        for start in range(int(now) - _WINDOW - 1, int(now) - _WINDOW + 3):
            query = rrd_http.Query(start, _STEP, "AVERAGE", True, None, frozenset(), False)  # noqa: FBT003  a tuple of what is asked for
            for host in pool.database.tables["host"]:
                made = self._make(pool.rrd, [host], query, now, pool.database.generation)
                self._made[(host,), query] = made

    def drop(self) -> None:
        """From now on all is made anew."""
        self._made.clear()

    def __call__(
        self, rrd: Rrd, hosts: Sequence[str], query: rrd_http.Query, now: float, age: Generation
    ) -> rrd_http.Answer:
        """As `rrd_http.answer`."""
        made = self._made.get((tuple(hosts), query))
        return self._make(rrd, hosts, query, now, age) if made is None else made


class _Stage:
    """The pool and what can be done to it from the other process, by name."""

    def __init__(self, hosts: int, vms: int, *, tls: bool) -> None:
        self._held: float | None = None
        self._bodies = _Bodies()
        # XAPI's own time is nobody's cost here: no full read waits for it, and no event either.
        self.pool = SimulatedPool(
            make_estate(hosts=hosts, vms=vms, seed=1), tls=tls, event_delay_s=0.0, clock=self._now
        )
        self._changes = Changes(self.pool.database)

    def _now(self) -> float:
        return time.time() if self._held is None else self._held

    @contextmanager
    def answering(self) -> Iterator[None]:
        """While this is entered, prepared bodies are handed out."""
        with mock.patch.object(rrd_http, "answer", self._bodies):
            yield

    def address(self) -> tuple[str, str]:
        """URL, and the certificate's fingerprint."""
        return self.pool.url, self.pool.fingerprint

    def sizes(self, count: int) -> int:
        """See `Changes.sizes`."""
        return self.pool.do(partial(self._changes.sizes, count))

    def links(self) -> None:
        """See `Changes.links`."""
        self.pool.do(self._changes.links)

    def hold(self) -> None:
        """Stop the pool's clock, and make the bodies of all RRDs for this moment."""
        self.pool.do(self._hold)

    def _hold(self) -> None:
        while self._held is None:
            now = time.time()
            self._bodies.prepare(self.pool, now)
            if math.floor(time.time() / _STEP) == math.floor(now / _STEP):
                self._held = now
        gc.collect(1)

    def go_on(self) -> None:
        """Let the clock run again."""
        self._held = None
        self.pool.do(self._bodies.drop)

    def traffic(self) -> Traffic:
        """What was asked since the last time; the CPU is that of the process's whole life."""
        traffic = self.pool.traffic
        seen = Traffic(dict(traffic.calls), dict(traffic.bytes_sent), time.process_time())
        self.pool.do(traffic.reset)
        return seen

    def size(self) -> Size:
        """How large all is; encodes every record, which then is ready to be sent."""
        return self.pool.do(lambda: _size(self.pool.database, self.pool.rrd))


def _size(database: Database, rrd: Rrd) -> Size:
    hosts = database.tables["host"]
    columns = sum(len(owner.sources) for host in hosts for owner in rrd.owners(host))
    in_json = {c: sum(len(database.json(c, ref)) for ref in database.tables[c]) for c in CLASSES}
    in_xml = {c: sum(len(database.xml(c, ref)) for ref in database.tables[c]) for c in CLASSES}
    return Size(columns / len(hosts), in_json, in_xml)


def _run(connection: Connection, hosts: int, vms: int, *, tls: bool) -> None:
    stage = _Stage(hosts, vms, tls=tls)
    with stage.answering(), stage.pool.run_in_thread():
        stage.size()
        gc.collect()
        gc.freeze()  # the collector has nothing to look for among so many records
        connection.send(None)
        while (command := connection.recv()) is not None:
            name, *arguments = command
            connection.send(getattr(stage, name)(*arguments))
    os._exit(0)  # to take an estate apart, object by object, is a waste


class PoolProcess:
    """A simulated pool in a process of its own; methods as those of the other side."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._connection.recv()
        self.url, self.fingerprint = self._do("address")

    def _do(self, *command: Any) -> Any:
        self._connection.send(command)
        return self._connection.recv()

    def sizes(self, count: int) -> int:
        """Change the sizes of so many objects."""
        changed: int = self._do("sizes", count)
        return changed

    def links(self) -> None:
        """Stop a VM, or start it again."""
        self._do("links")

    def traffic(self) -> Traffic:
        """What was asked since the last time."""
        return Traffic(*self._do("traffic"))

    def size(self) -> Size:
        """How large all is."""
        return Size(*self._do("size"))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Stop the pool's clock: what is asked now costs the pool next to nothing."""
        self._do("hold")
        try:
            yield
        finally:
            self._do("go_on")


@contextmanager
def pool_process(hosts: int, vms: int, *, tls: bool) -> Iterator[PoolProcess]:
    """Run a simulated pool of that size."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_run, args=(theirs, hosts, vms), kwargs={"tls": tls}, daemon=True
    )
    process.start()
    theirs.close()
    try:
        yield PoolProcess(ours)
    finally:
        ours.close()
        process.terminate()
        process.join(30)

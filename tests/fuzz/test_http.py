"""Whatever bytes come to the server, it answers or closes, never with a 500, and goes on.

FUZZ_EXAMPLES says how many are tried.
"""

import asyncio
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from xo_exporter.collector import Collector
from xo_exporter.config import Config, PoolConfig, Secret, Url
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.simulator import SimulatedPool, make_estate
from xo_exporter.web.application import application

EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "150"))
ANSWER: Final = re.compile(rb"HTTP/1\.[01] (\d{3}) ")

paths = st.sampled_from(
    [
        *("/", "/metrics", "/probe?target=main", "/probe", "/sd", "/-/healthy", "/-/ready", "*"),
        *("/%2e%2e/", "//metrics", "http://elsewhere/metrics", "http://[/", "/probe?target=%00"),
    ]
).map(str.encode)
methods = st.sampled_from([b"GET", b"HEAD", b"POST", b"TRACE", b"OPTIONS", b"CONNECT", b"BREW"])
names = st.sampled_from(
    [
        *("Host", "Accept", "Accept-Encoding", "X-Prometheus-Scrape-Timeout-Seconds", "Expect"),
        *("Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Content-Encoding"),
        *("Authorization", "Cookie", "Range", "Content-Type", "If-Modified-Since"),
    ]
).map(str.encode)
values = st.sampled_from(
    [
        *("a", "*/*", "gzip;q=0.5, *;q=0", "application/openmetrics-text;version=1.0.0", "0.3"),
        *(
            "1e999",
            "-1",
            "5",
            "99999999999999999999",
            "chunked",
            "keep-alive, Upgrade",
            "websocket",
        ),
        *("h2c", "100-continue", "Basic Og==", "bytes=0-1", "text/plain; charset=x", ""),
    ]
).map(str.encode)
junk = st.binary(max_size=60)
headers = st.tuples(names | junk, st.sampled_from([b": ", b":", b" : ", b""]), values | junk)
ends = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b""])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Draw a request that is nearly one."""
    version = draw(st.sampled_from([b" HTTP/1.1", b" HTTP/1.1", b" HTTP/1.0", b" HTTP/3", b""]))
    lines = [draw(methods | junk) + b" " + draw(paths | junk) + version, b"Host: a"]
    lines += [b"".join(header) for header in draw(st.lists(headers, max_size=4))]
    end = draw(ends)
    return end.join([*lines, b"", b""]) + draw(junk)


raw = junk | st.lists(requests(), min_size=1, max_size=4).map(b"".join)


class Server:
    """The server, in an event loop that runs while something is asked of it."""

    def __init__(self, runner: asyncio.Runner, port: int, complaints: list[str]) -> None:
        self.complaints = complaints
        self._runner = runner
        self._port = port

    def ask(self, *parts: bytes) -> bytes:
        """Write in parts, say that this is all, and give what comes until the connection ends."""
        return self._runner.run(self._ask(parts))

    async def _ask(self, parts: tuple[bytes, ...]) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        got = b""
        try:
            for part in parts:
                writer.write(part)
                await asyncio.sleep(0)
            async with asyncio.timeout(20):
                # A whole answer, or the end of a request that is none: then it is our turn to go.
                while part := await asyncio.wait_for(reader.read(1 << 16), 0.05 if got else 0.2):
                    got += part
        except (ConnectionError, TimeoutError):
            pass
        finally:
            writer.close()
        return got


class Complaints(logging.Handler):
    """Errors in the log."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.texts.append(self.format(record))


@contextmanager
def serving() -> Iterator[Server]:
    """Serve a simulated pool."""
    with asyncio.Runner() as runner:
        pool = SimulatedPool(make_estate(hosts=1, vms=1, seed=3), event_delay_s=0.0)
        runner.run(pool.start())
        config = PoolConfig(
            url=Url.parse(pool.url),
            username=pool.username,
            password=Secret(pool.password),
            name="main",
        )
        collector = Collector(Config(pools=(config,), collectors=dict(COLLECTORS)))
        app = application(collector)
        server = web.AppRunner(app, access_log=None, handler_cancellation=True)

        async def start() -> int:
            await server.setup()
            site = web.TCPSite(server, "127.0.0.1", 0)
            await site.start()
            collector.start()
            return int(server.addresses[0][1])

        complaints = Complaints()
        logging.getLogger().addHandler(complaints)
        try:
            yield Server(runner, runner.run(start()), complaints.texts)
        finally:
            logging.getLogger().removeHandler(complaints)
            runner.run(server.cleanup())
            runner.run(pool.stop())


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Give one server for all that is tried."""
    with serving() as running:
        yield running


@settings(max_examples=EXAMPLES, deadline=None)
@given(raw, st.integers(0, 200))
def test_requests(server: Server, request: bytes, cut: int) -> None:
    """No answer is an error of ours, and none is logged; the next client is served."""
    got = server.ask(request[:cut], request[cut:])
    assert all(status < b"500" or status == b"503" for status in ANSWER.findall(got))
    healthy = server.ask(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert healthy.startswith(b"HTTP/1.1 200 ")
    assert server.complaints == []

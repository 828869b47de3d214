"""What clients may send to a running `serve`, and do with its answers: it stays as it was."""

import os
import re
import resource
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.programs import environment
from xo_exporter.simulator import SimulatedPool, Slow, make_estate

CLIENTS: Final = 1000
PATIENCE: Final = 30.0  # seconds for what must happen, however busy the machine is
RRD: Final = "/rrd_updates"

# All on one server, which is as it was before after each of them.
pytestmark = pytest.mark.xdist_group("attacks")


class Server(NamedTuple):
    """A running `serve`; what it has printed is in `log`."""

    pid: int
    port: int
    log: Path

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def open_files(self) -> int:
        """Count its descriptors."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def threads(self) -> int:
        """Count its threads."""
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))


@contextmanager
def serving(pool: SimulatedPool, log: Path, program: tuple[str, ...]) -> Iterator[Server]:
    """Run the service on a simulated pool."""
    variables = environment(
        XO_EXPORTER_URL=pool.url,
        XO_EXPORTER_USERNAME=pool.username,
        XO_EXPORTER_PASSWORD=pool.password,
        XO_EXPORTER_NAME="main",
    )
    command = [sys.executable, *program, "serve", "--listen", "127.0.0.1:0"]
    with log.open("w") as stderr, subprocess.Popen(command, stderr=stderr, env=variables) as run:
        try:
            until(lambda: "event=serving" in log.read_text())
            found = re.search(r"url=http://127\.0\.0\.1:(\d+)", log.read_text())
            assert found is not None
            yield Server(run.pid, int(found[1]), log)
        finally:
            run.terminate()
            run.wait(PATIENCE)


def until(condition: Callable[[], object]) -> None:
    """Wait until something is true."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it does not come true"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def pool() -> Iterator[SimulatedPool]:
    """Run a small pool."""
    estate = make_estate(hosts=2, vms=4, seed=3)
    with SimulatedPool(estate, event_delay_s=0.0).run_in_thread() as running:
        yield running


@pytest.fixture(scope="module")
def running(
    pool: SimulatedPool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, int, int]]:
    """Run the service; gives it with its descriptors and threads when it is warm."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(4096, hard)), hard))
    folder = tmp_path_factory.mktemp("attacks")
    with serving(pool, folder / "log", ("-m", "xo_exporter")) as server:
        at_once(server, 50)
        until(lambda: server.open_files() < 50)
        yield server, server.open_files(), server.threads()


@pytest.fixture
def server(running: tuple[Server, int, int], pool: SimulatedPool) -> Iterator[Server]:
    """Give the service, and see that a test leaves nothing behind in it."""
    server, files, threads = running
    said = len(server.log.read_text())
    yield server
    pool.faults.clear()
    # A connection to each host comes and goes; asyncio's pool of threads grows to its own bound.
    until(lambda: server.open_files() <= files + 3)
    until(lambda: server.threads() <= threads + (os.cpu_count() or 1) + 4)
    assert status(ask(server, get("/-/healthy"))) == 200
    assert not re.search("Traceback|level=error", server.log.read_text()[said:])


def get(path: str, *headers: str) -> bytes:
    """Write a request that ends its connection."""
    lines = (f"GET {path} HTTP/1.1", "Host: exporter", "Connection: close", *headers, "", "")
    return "\r\n".join(lines).encode()


def answer(connection: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    connection.settimeout(PATIENCE)
    got = b""
    try:
        while part := connection.recv(1 << 16):
            got += part
    except ConnectionError:
        pass  # it may be closed before all was read of what we sent
    return got


def ask(server: Server, request: bytes) -> bytes:
    """Send bytes, as far as they are taken, and give what comes until the connection is closed."""
    with server.connect() as connection:
        with suppress(ConnectionError):
            connection.sendall(request)
        return answer(connection)


def status(got: bytes) -> int:
    """Give the status of an answer."""
    found = re.match(rb"HTTP/1\.[01] (\d{3}) ", got)
    assert found is not None, got[:200]
    return int(found[1])


def at_once(server: Server, clients: int, *headers: str) -> list[bytes]:
    """Let that many clients scrape at once, and give what each got."""
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(clients)]
        for connection in connections:
            connection.sendall(get("/metrics", *headers))
        return [answer(connection) for connection in connections]


def whole(got: bytes) -> bool:
    """Say whether an answer is a scrape with everything in it."""
    head, _, body = got.partition(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    assert length is not None
    assert len(body) == int(length[1])
    return (
        status(got) == 200
        and b'xo_up{pool="main"} 1.0\n' in body
        and len(re.findall(rb"^xo_host_rrd_up\{.*\} 1\.0$", body, re.MULTILINE)) == 2
    )


# --- many of them


def test_connections_without_a_request_keep_nobody_out(server: Server) -> None:
    """A scrape is answered within its own timeout beside 1,000 connections that say nothing."""
    with ExitStack() as stack:
        for number in range(CLIENTS):
            connection = stack.enter_context(server.connect())
            if number % 2:
                connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: half")
        connection = stack.enter_context(server.connect())
        connection.sendall(get("/metrics", "X-Prometheus-Scrape-Timeout-Seconds: 10"))
        connection.settimeout(10)
        assert whole(answer(connection))


def test_1000_clients_at_once_share_a_reading(server: Server, pool: SimulatedPool) -> None:
    """Each gets the whole answer, and the pool has the work of one or two readings."""
    pool.faults.add(Slow(delay=2.0), path=RRD)
    pool.traffic.reset()
    answers = at_once(server, CLIENTS, "X-Prometheus-Scrape-Timeout-Seconds: 30")
    assert len(answers) == CLIENTS
    assert all(map(whole, answers))
    assert pool.calls[RRD] <= 2 * 2


def test_clients_that_go_away_take_nothing_from_others(server: Server, pool: SimulatedPool) -> None:
    """300 clients are gone in the middle of a scrape; who stays has all of it."""
    pool.faults.add(Slow(delay=1.0), path=RRD)
    pool.traffic.reset()
    with ExitStack() as stack:
        first = server.connect()
        first.sendall(get("/metrics"))
        stays = stack.enter_context(server.connect())
        stays.sendall(get("/metrics"))
        others = [server.connect() for _ in range(300)]
        for other in others:
            other.sendall(get("/metrics"))
        until(lambda: pool.calls[RRD])
        for number, other in enumerate((first, *others)):
            if number % 2:  # by a reset
                other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            other.close()
        assert whole(answer(stays))
    assert pool.calls[RRD] == 2


def test_a_reading_ends_when_all_are_gone(server: Server, pool: SimulatedPool) -> None:
    """What nobody waits for is not waited for: the connections to the pool are closed."""
    pool.faults.add(Slow(delay=600.0), path=RRD)
    pool.traffic.reset()
    before = server.open_files()
    connections = [server.connect() for _ in range(10)]
    for connection in connections:
        connection.sendall(get("/metrics", "X-Prometheus-Scrape-Timeout-Seconds: 600"))
    until(lambda: pool.calls[RRD])
    for connection in connections:
        connection.close()
    until(lambda: server.open_files() <= before)


def test_more_connections_than_descriptors_are_a_line_in_the_log(
    pool: SimulatedPool, tmp_path: Path
) -> None:
    """Where not even a connection can be taken the log says so once, and it goes on after it."""
    program = (
        "import resource, xo_exporter.cli, xo_exporter.web.listener as listener;"
        "listener._OTHER_FILES = 0;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64));"
        "xo_exporter.cli.main()"
    )
    with serving(pool, tmp_path / "log", ("-c", program)) as server:
        with ExitStack() as stack:
            for _ in range(200):
                stack.enter_context(server.connect())
            until(lambda: "descriptors" in server.log.read_text())
            time.sleep(2.5)  # asyncio tries again each second
        until(lambda: whole(ask(server, get("/metrics"))))
        told = server.log.read_text()
    assert "Traceback" not in told
    assert told.count("clients are turned away") == 1


# --- slow ones


@pytest.fixture(scope="module")
def impatient(
    pool: SimulatedPool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, int]]:
    """Run a service that has a second of patience; gives it with its descriptors."""
    program = (
        "import xo_exporter.cli, xo_exporter.service, xo_exporter.web.sending;"
        "xo_exporter.service.IDLE_TIMEOUT = 1.0;"
        "xo_exporter.web.sending.SEND_TIMEOUT = 1.0;"
        "xo_exporter.cli.main()"
    )
    log = tmp_path_factory.mktemp("impatient") / "log"
    with serving(pool, log, ("-c", program)) as server:
        assert whole(ask(server, get("/metrics")))
        yield server, server.open_files()


@pytest.mark.parametrize("first", [b"", get("/sd").replace(b"close", b"keep-alive")])
def test_a_head_that_drips_is_cut_off(impatient: tuple[Server, int], first: bytes) -> None:
    """A client has so long for the head of a request, the first and the next, however it drips."""
    server, _ = impatient
    with server.connect() as connection:
        connection.sendall(first + b"GET /metrics HTTP/1.1\r\n")
        if first:
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
        end = time.monotonic() + PATIENCE
        try:
            while not (select.select([connection], [], [], 0.1)[0] and not connection.recv(1)):
                connection.sendall(b"a")
                assert time.monotonic() < end, "the connection is kept"
        except ConnectionError:
            pass


@pytest.mark.parametrize(("path", "times"), [("/metrics", 500), ("/", 5000)])
def test_answers_that_are_not_taken_are_dropped(
    impatient: tuple[Server, int], path: str, times: int
) -> None:
    """Who asks again and again and reads nothing is cut off, and nothing of it is kept."""
    server, files = impatient
    request = get(path).replace(b"Connection: close\r\n", b"")
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.socket()) for _ in range(20)]
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(PATIENCE)
            client.connect(("127.0.0.1", server.port))
        until(lambda: server.open_files() > files + 15)
        for client in clients:
            client.settimeout(0.5)
            with suppress(OSError):  # no more is taken, or it was cut off already
                client.sendall(request * times)
        until(lambda: server.open_files() <= files + 3)
        assert all(answer(client).count(b"HTTP/1.1 200") < times for client in clients)
    assert whole(ask(server, get("/metrics")))
    assert "Traceback" not in server.log.read_text()


# --- odd ones

REFUSED: Final = {400, 414, 431}

HEADS: Final[dict[str, tuple[bytes, set[int]]]] = {
    "long URL": (get("/" + "a" * 10_000), REFUSED),
    "longer URL": (get("/" + "a" * 1_000_000), REFUSED),
    "long query": (get("/probe?target=" + "a" * 1_000_000), REFUSED),
    "long header": (get("/metrics", "X: " + "a" * 1_000_000), REFUSED),
    "long name": (get("/metrics", "X" * 1_000_000 + ": a"), REFUSED),
    "many headers": (get("/metrics", *(f"X-{n}: a" for n in range(100_000))), REFUSED),
    "no end of a line": (b"G" * 1_000_000, REFUSED),
    "line feeds alone": (get("/metrics").replace(b"\r\n", b"\n"), {200, 400}),
    "folded header": (get("/metrics", "X: a", " b"), {200, 400}),
    "NUL in a header": (get("/metrics", "X: a\0b"), REFUSED),
    "bytes in headers": (
        get("/metrics", "Accept: §;q=;,,", "Accept-Encoding: §;q=9e99", "Cookie: =;;"),
        {200},
    ),
    "no host": (b"GET /sd HTTP/1.1\r\nConnection: close\r\n\r\n", {200, 400}),
    "two hosts": (get("/sd", "Host: other"), {200, 400}),
    "odd host": (get("/sd").replace(b"exporter", b'"<\xff>:99999999'), {200, 400}),
    "unknown charset": (get("/sd", "Content-Type: text/plain; charset=none"), {200}),
    "a body that is none": (get("/sd", "Content-Encoding: gzip", "Content-Length: 0"), {200, 400}),
    "websocket": (get("/", "Upgrade: websocket") + b"\x81" * 1000, {200, 400}),
    "HTTP/2 by upgrade": (get("/metrics", "Upgrade: h2c", "HTTP2-Settings: AAA"), {200}),
    "unknown expectation": (get("/metrics", "Expect: coffee"), {200, 417}),
    "two lengths": (get("/", "Content-Length: 1", "Content-Length: 2"), REFUSED),
    "length below 0": (get("/", "Content-Length: -1"), REFUSED),
    "length and chunks": (get("/", "Content-Length: 4", "Transfer-Encoding: chunked"), REFUSED),
    "chunks that are none": (get("/", "Transfer-Encoding: chunked") + b"zz\r\n", {200, 400}),
}

PATHS: Final[dict[str, set[int]]] = {
    "/%2e%2e/%2e%2e/etc/passwd": {404},
    "/../../etc/passwd": {404},
    "//metrics": {404},
    "//elsewhere.example/metrics": {404},
    "/metrics/": {404},
    "/metrics%00": {404},
    "/\0": REFUSED,
    "/%": {400, 404},
    "/%ff%fe": {400, 404},
    "/-/healthy/../../metrics": {200, 404},
    "/metrics;a=b": {404},
    "/metrics#fragment": {200, 400},
    "/metrics?target=http://127.0.0.1/": {200},
    "http://elsewhere.example/-/healthy": {200, 404},
    "http://[::1/metrics": REFUSED,
    "http://a:99999999/metrics": REFUSED,
    "elsewhere.example:443": REFUSED,
    "*": REFUSED,
    "": REFUSED,
}

METHODS: Final = (
    *("POST", "PUT", "DELETE", "TRACE", "OPTIONS", "PROPFIND", "PURGE"),
    *("BREW", "get", "Get", "FOO"),  # of which HTTP knows nothing
)
NO_METHODS: Final = ("G\0T", "GET,", "M" * 10_000, "\xff", "CONNECT")


@pytest.mark.parametrize("name", HEADS)
def test_odd_heads(server: Server, name: str) -> None:
    """What HTTP does not allow, or is too long, is answered with a status that says so."""
    request, wanted = HEADS[name]
    assert status(ask(server, request)) in wanted


def test_odd_paths(server: Server) -> None:
    """A path is one of ours, to the letter, or there is nothing."""
    found = {path: status(ask(server, get(path))) for path in PATHS}
    assert {path: status for path, status in found.items() if status not in PATHS[path]} == {}


def test_odd_methods(server: Server) -> None:
    """A method other than GET and HEAD is refused, whether HTTP knows it or not."""
    found = {
        method: status(ask(server, method.encode("latin-1") + get("/metrics")[3:]))
        for method in (*METHODS, *NO_METHODS)
    }
    assert {found.pop(method) for method in METHODS} == {405}
    assert set(found.values()) <= {400, 404, 405, 501}


@pytest.mark.parametrize(
    "said",
    [
        b"GET /metrics\r\n\r\n",  # HTTP/0.9
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
        b"GET /metrics HTTP/9.9\r\nHost: a\r\n\r\n",
        bytes.fromhex("16030100c2010000be0303") + bytes(range(190)),  # TLS
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x05\x01\x00",  # SOCKS
        bytes(range(256)) * 20,
        b"\r\n" * 5000,
        b"\0" * 5000,
    ],
)
def test_other_protocols(server: Server, said: bytes) -> None:
    """What is no HTTP/1 is answered or closed; a client that goes away leaves nothing."""
    with server.connect() as connection:
        with suppress(OSError):  # it may be closed already
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
        assert b" 500 " not in answer(connection)[:20]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_body_without_end_is_not_read(server: Server, method: str) -> None:
    """A terabyte that is announced to /metrics is not waited for before the answer."""
    request = get("/metrics", f"Content-Length: {10**12}").replace(b"GET", method.encode())
    with server.connect() as connection:
        connection.sendall(request + b"a" * 100_000)
        assert status(connection.recv(1 << 16)) == (200 if method == "GET" else 405)


def test_requests_in_one_go_are_answered_in_order(server: Server) -> None:
    """Fifty requests at once on one connection get fifty answers, each its own."""
    paths = [("/sd", "/-/healthy", "/nowhere", "/metrics", "/probe")[n % 5] for n in range(49)]
    requests = b"".join(get(path).replace(b"Connection: close\r\n", b"") for path in paths)
    got = ask(server, requests + get("/-/healthy"))
    found = [int(one) for one in re.findall(rb"HTTP/1\.1 (\d{3}) ", got)]
    wanted = {"/nowhere": 404, "/probe": 400}
    assert found == [*(wanted.get(path, 200) for path in paths), 200]


# --- /probe


def test_probe_connects_to_no_address_that_it_is_given(server: Server) -> None:
    """URLs, hosts and addresses as a target are 404; nobody knocks at the address."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        port = trap.getsockname()[1]
        targets = [
            *(f"{scheme}://127.0.0.1:{port}{path}" for scheme in ("http", "https") for path in "/"),
            f"127.0.0.1:{port}",
            f"localhost:{port}",
            f"//127.0.0.1:{port}/",
            f"main@127.0.0.1:{port}",
            f"http://main@127.0.0.1:{port}/",
            f"main%23@127.0.0.1:{port}",
            f"main%0d%0aHost:%20127.0.0.1:{port}",
            f"%5b::ffff:127.0.0.1%5d:{port}",
            f"2130706433:{port}",
            f"main&target=127.0.0.1:{port}",
            "main%00",
            "file:///etc/passwd",
        ]
        found = {target: status(ask(server, get(f"/probe?target={target}"))) for target in targets}
        last = found.pop(f"main&target=127.0.0.1:{port}")
        assert set(found.values()) == {404}
        assert last in (200, 404)  # the first of two is the target
        elsewhere = [f"Host: 127.0.0.1:{port}", f"X-Forwarded-Host: 127.0.0.1:{port}"]
        assert status(ask(server, get(f"http://127.0.0.1:{port}/probe?target=main"))) == 200
        request = get("/probe?target=main", elsewhere[1]).replace(
            b"Host: exporter", elsewhere[0].encode()
        )
        assert status(ask(server, request)) == 200
        trap.settimeout(0.5)
        with pytest.raises(TimeoutError):
            trap.accept()

"""A health check: whether the service on this machine answers."""

import http.server
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trustme

from xo_exporter.health import answers
from xo_exporter.settings import Listen


@contextmanager
def _serving(
    status: int, context: ssl.SSLContext | None = None, path: str = "/-/healthy"
) -> Iterator[Listen]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == path else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Listen("", server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "alive"), [(200, True), (401, True), (503, False), (404, False)]
)
def test_by_its_answer(status: int, alive: bool) -> None:  # noqa: FBT001  a table of cases
    """Whoever answers that it is well, or that one has to say who one is, lives."""
    with _serving(status) as listen:
        assert answers(listen) == alive


@pytest.mark.parametrize(("status", "ready"), [(200, True), (401, True), (503, False)])
def test_whether_it_is_ready(status: int, ready: bool) -> None:  # noqa: FBT001  a table of cases
    """Whoever has not yet tried each pool is not ready, and whoever wants a password is."""
    with _serving(status, path="/-/ready") as listen:
        assert answers(listen, ready=True) == ready


@pytest.mark.parametrize("client_certificate", [False, True])
def test_by_tls(client_certificate: bool) -> None:  # noqa: FBT001  a table of cases
    """A service behind TLS lives, whatever its certificate, also where it wants one of ours."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example.org").configure_cert(context)
    if client_certificate:
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    with _serving(200, context) as listen:
        assert answers(listen)


def test_nobody_there() -> None:
    """Where nobody listens, nobody lives."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        assert not answers(Listen("127.0.0.1", probe.getsockname()[1]))


def test_the_command_says_so() -> None:
    """Where nobody answers the status is 1, with a line that says where it was asked."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
        command = [sys.executable, "-m", "xo_exporter", "health", "--listen", listen]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert listen in done.stderr

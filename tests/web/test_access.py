"""Who may read: our server and a Prometheus exporter in Go, with the same file, answer alike."""

import base64
import http.client
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import bcrypt
import pytest
import trustme

from tests.programs import eventually, found, free_port, running

PASSWORD = "correct horse"
FOLDER = Path(__file__).parents[2]


class Answer(NamedTuple):
    """What two servers can be compared by."""

    status: int
    authenticate: str | None
    frame_options: str | None
    transport_security: str | None
    body: bytes | None  # of errors alone: pages differ


class Server(NamedTuple):
    """A server under test."""

    name: str
    port: int


@contextmanager
def _running(*command: str, port: int, log: Path, **variables: str) -> Iterator[None]:
    """Run a server, which answers not everybody, until it takes connections."""
    with running(*command, log=log, **variables) as process:

        def listens() -> bool:
            assert process.poll() is None, log.read_text("utf-8", "replace")
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True

        eventually(listens)
        yield


@contextmanager
def _servers(folder: Path) -> Iterator[list[Server]]:
    """Both servers with the web configuration in `folder`."""
    pushgateway = found("prometheus-pushgateway")
    ours, theirs = free_port(), free_port()
    file = f"--web.config.file={folder / 'web.yml'}"
    with ExitStack() as stack:
        stack.enter_context(
            _running(
                *(sys.executable, "-m", "xo_exporter", "serve"),
                *(file, "--listen", f"127.0.0.1:{ours}"),
                port=ours,
                log=folder / "ours.log",
                XO_EXPORTER_URL="http://127.0.0.1:1",
                XO_EXPORTER_USERNAME="nobody",
                XO_EXPORTER_PASSWORD="nothing",
            )
        )
        address = f"--web.listen-address=127.0.0.1:{theirs}"
        log = folder / "theirs.log"
        stack.enter_context(_running(pushgateway, file, address, port=theirs, log=log))
        yield [Server("ours", ours), Server("theirs", theirs)]


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def _ask(
    server: Server,
    path: str = "/metrics",
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    connection = (
        http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        if tls is None
        else http.client.HTTPSConnection("127.0.0.1", server.port, timeout=20, context=tls)
    )
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        body = answer.read()
        return Answer(
            answer.status,
            answer.headers["WWW-Authenticate"],
            answer.headers["X-Frame-Options"],
            answer.headers["Strict-Transport-Security"],
            body if answer.status in (401, 500) else None,
        )
    finally:
        connection.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs the certificates of server and clients."""
    return trustme.CA()


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA) -> Path:
    """A folder with the server's certificate and key, and the authority's certificate."""
    _issue(authority, tmp_path)
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    return tmp_path


def _issue(authority: trustme.CA, folder: Path) -> None:
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "server.key")
    certificate.cert_chain_pems[0].write_to_path(folder / "server.crt")


def _users() -> str:
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(5)).decode()
    return f"basic_auth_users: {{alice: '{hashed}'}}\n"


HEADERS = (
    "http_server_config: {headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=9}}\n"
)

WAYS_IN: dict[str, dict[str, str]] = {
    "nothing": {},
    "right": _basic("alice", PASSWORD),
    "lower-case scheme": {
        "Authorization": _basic("alice", PASSWORD)["Authorization"].replace("Basic", "basic")
    },
    "wrong password": _basic("alice", "wrong"),
    "empty password": _basic("alice", ""),
    "nobody by that name": _basic("mallory", PASSWORD),
    "name in upper case": _basic("ALICE", PASSWORD),
    "longer than bcrypt looks at": _basic("alice", "x" * 100),
    "no colon": {"Authorization": f"Basic {base64.b64encode(b'alice').decode()}"},
    "no base64": {"Authorization": "Basic ***"},
    "another scheme": {"Authorization": "Bearer token"},
    "not UTF-8": {"Authorization": f"Basic {base64.b64encode(bytes([255, 58, 255])).decode()}"},
}


def test_basic_auth_is_that_of_the_toolkit(folder: Path) -> None:
    """Each way of asking gets the same status, header and words from both servers, every time."""
    (folder / "web.yml").write_text(_users() + HEADERS)
    with _servers(folder) as servers:
        for name, headers in WAYS_IN.items():
            for _ in range(2):  # the second verdict is a remembered one
                ours, theirs = (_ask(server, headers=headers) for server in servers)
                assert ours == theirs, name
        for path in ("/", "/-/healthy", "/nowhere"):
            ours, theirs = (_ask(server, path) for server in servers)
            assert ours == theirs
            assert ours.status == 401


def test_change_of_the_file_is_in_force_at_once(folder: Path) -> None:
    """A user who is taken out of the file is out; a file that can't be used lets nobody in."""
    file = folder / "web.yml"
    file.write_text(_users())
    with _servers(folder) as servers:
        right = _basic("alice", PASSWORD)
        assert [_ask(server, headers=right).status for server in servers] == [200, 200]
        file.write_text(_users().replace("alice", "bob"))
        assert [_ask(server, headers=right).status for server in servers] == [401, 401]
        file.write_text("basic_auth_users: 5\n")
        ours, theirs = (_ask(server, headers=right) for server in servers)
        assert ours == theirs
        assert ours.status == 500
        file.write_text(HEADERS)
        ours, theirs = (_ask(server) for server in servers)
        assert ours == theirs
        assert ours.frame_options == "deny"


def _client(folder: Path, certificate: trustme.LeafCert | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=folder / "ca.crt")
    if certificate is not None:
        certificate.configure_cert(context)
    return context


def _tries(server: Server, context: ssl.SSLContext) -> int | str:
    """The status, or that the connection was not taken."""
    try:
        return _ask(server, tls=context).status
    except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
        return "refused"


def test_tls_versions_and_certificates(folder: Path, authority: trustme.CA) -> None:
    """The oldest version allowed is kept to, and a renewed certificate is served at once."""
    file = folder / "web.yml"
    tls = "tls_server_config: {cert_file: server.crt, key_file: server.key"
    file.write_text(f"{tls}, min_version: TLS13}}\n{HEADERS}")
    with _servers(folder) as servers:
        old, new = _client(folder), _client(folder)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        assert [_tries(server, old) for server in servers] == ["refused", "refused"]
        ours, theirs = (_ask(server, tls=new) for server in servers)
        assert ours == theirs
        assert ours.transport_security == "max-age=9"
        before = [_served_certificate(server, folder) for server in servers]
        _issue(authority, folder)
        renewed = [_served_certificate(server, folder) for server in servers]
        assert before[0] == before[1] != renewed[0] == renewed[1]


def _served_certificate(server: Server, folder: Path) -> bytes | None:
    with (
        socket.create_connection(("127.0.0.1", server.port), 10) as raw,
        _client(folder).wrap_socket(raw, server_hostname="127.0.0.1") as connection,
    ):
        return connection.getpeercert(binary_form=True)


@pytest.mark.parametrize("policy", ["RequireAndVerifyClientCert", "VerifyClientCertIfGiven"])
def test_client_certificates(folder: Path, authority: trustme.CA, policy: str) -> None:
    """A client is let in by a certificate of the authority, and by no other."""
    (folder / "web.yml").write_text(
        "tls_server_config: {cert_file: server.crt, key_file: server.key, "
        f"client_ca_file: ca.crt, client_auth_type: {policy}}}\n"
    )
    clients = {
        "known": _client(folder, authority.issue_cert("prometheus")),
        "none": _client(folder),
        "foreign": _client(folder, trustme.CA().issue_cert("prometheus")),
    }
    with _servers(folder) as servers:
        for name, context in clients.items():
            ours, theirs = (_tries(server, context) for server in servers)
            assert ours == theirs, name
        assert _tries(servers[0], clients["known"]) == 200
        assert _tries(servers[0], clients["foreign"]) == "refused"


def test_changed_rules_of_tls_are_in_force_at_once(folder: Path, authority: trustme.CA) -> None:
    """The first connection after a change of the file is held to it, by both servers."""
    file = folder / "web.yml"
    plain = "tls_server_config: {cert_file: server.crt, key_file: server.key"
    old, known, none = (
        _client(folder),
        _client(folder, authority.issue_cert("prometheus")),
        _client(folder),
    )
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    file.write_text(f"{plain}}}\n")
    with _servers(folder) as servers:
        for rule, wanted in {
            "": [200, 200, 200],
            ", min_version: TLS13": ["refused", 200, 200],
            ", client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert": [
                *("refused", 200, "refused")
            ],
            ", max_version: TLS12": [200, 200, 200],
        }.items():
            file.write_text(f"{plain}{rule}}}\n")
            for server in servers:
                assert [_tries(server, who) for who in (old, known, none)] == wanted, rule


def test_client_certificate_of_another_name(folder: Path, authority: trustme.CA) -> None:
    """With client_allowed_sans only a certificate with one of these names is let in."""
    (folder / "web.yml").write_text(
        "tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: ca.crt, "
        "client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [prometheus]}\n"
    )
    port = free_port()
    command = [sys.executable, "-m", "xo_exporter", "demo", "--vms", "1", "--hosts", "1"]
    command += ["--listen", f"127.0.0.1:{port}", "--web.config.file", str(folder / "web.yml")]
    with _running(*command, port=port, log=folder / "log"):
        server = Server("ours", port)
        assert _tries(server, _client(folder, authority.issue_cert("prometheus"))) == 200
        assert _tries(server, _client(folder, authority.issue_cert("grafana"))) == "refused"


def test_unusable_file_ends_the_start(folder: Path) -> None:
    """A file that can't be used is one line on standard error and exit status 2."""
    (folder / "web.yml").write_text("basic_auth_users: {alice: plain}\n")
    command = [sys.executable, "-m", "xo_exporter", "demo", "--listen", "127.0.0.1:0"]
    command += ["--web.config.file", str(folder / "web.yml")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=FOLDER, check=False)
    assert ended.returncode == 2
    assert re.fullmatch(r"xo-exporter: .*web\.yml:1: .*bcrypt.*\n", ended.stderr)
    assert "plain" not in ended.stderr

"""Secrets: what the configuration and the pool keep to themselves appears nowhere."""

import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from tests.programs import environment
from xo_exporter.simulator import (
    Disconnect,
    Failure,
    Garbage,
    Hang,
    SimulatedPool,
    Status,
    Truncated,
    make_estate,
)
from xo_exporter.simulator.faults import Fault

PASSWORD = "pa55-w0rd-Of-The-Pool"
WRONG = "wr0ng-pa55-w0rd-Of-Ours"
PLANTED = "PLANTED"
LOG_IN = "session.login_with_password"
EVENTS = "event.from"
RRD = "/rrd_updates"
COMMAND = (sys.executable, "-m", "xo_exporter")
DEBUG = ("--log.level", "debug")
LISTEN = ("--listen", "127.0.0.1:0")
TEXTS = {
    "VM": ("last_booted_record", "snapshot_metadata", "recommendations", "PV_args"),
    "pool": ("wlb_username", "wlb_url", "repository_proxy_username"),
    "task": ("result", "backtrace"),
    "message": ("body",),
    "secret": ("value",),
    "Cluster": ("cluster_token",),
}


@pytest.fixture(scope="module")
def sessions() -> list[str]:
    """Collect the references of all sessions that were ever opened."""
    return []


@pytest.fixture(scope="module")
def pool(sessions: list[str]) -> Iterator[SimulatedPool]:
    """Run a pool whose every map, and every text that is a secret, holds one."""
    estate = make_estate(hosts=2, vms=4, seed=3)
    planted = 0
    for cls, table in estate.tables.items():
        for record in table.values():
            for field, value in record.items():
                if isinstance(value, dict):
                    record[field] = {**value, "password": f"{PLANTED}-{cls}-{field}"}
                    planted += 1
                elif field in TEXTS.get(cls, ()):
                    record[field] = f"{PLANTED}-{cls}-{field}"
                    planted += 1
    assert planted > 500
    simulated = SimulatedPool(estate, password=PASSWORD, event_delay_s=0.0)
    log_in = simulated.sessions.login

    def noted(*arguments: Any) -> str:
        sessions.append(log_in(*arguments))
        return sessions[-1]

    simulated.sessions.login = noted  # type: ignore[method-assign,assignment]  # watched
    with simulated.run_in_thread():
        yield simulated


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    """Run a server that sends back whatever it is sent, and give its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(0.3)
                    try:
                        while received := connection.recv(65536):
                            connection.sendall(received)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.fixture
def config_file(pool: SimulatedPool, echo: str, tmp_path: Path) -> Path:
    """Configure the pool, the same with a wrong password, and the server that echoes."""
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    (tmp_path / "password").chmod(0o644)
    file = tmp_path / "xo.yml"
    member = pool.url_of(list(pool.database.tables["host"])[1])
    file.write_text(
        f"pools:\n"
        f"  - {{name: good, url: '{pool.url}', username: root, password_file: password}}\n"
        f"  - {{name: bad, url: '{member}', username: root, password: '{WRONG}'}}\n"
        f"  - {{name: echo, url: '{echo}', username: root, password_file: password}}\n"
    )
    return file


def faults(ref: str) -> list[tuple[str, Fault, dict[str, str]]]:
    """Give failures of each kind; many repeat what only the pool and we should know."""
    repeated = f"{PASSWORD} {ref}"
    body = f"<html><{PASSWORD}>{repeated}</html>".encode()
    xml_fault = (
        "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>1</int>"
        "</value></member><member><name>faultString</name><value>"
        f"{repeated}</value></member></struct></value></fault></methodResponse>"
    ).encode()
    found: list[tuple[str, Fault, dict[str, str]]] = []
    for where in ({"method": LOG_IN}, {"method": EVENTS}, {"path": RRD}):
        found += [
            ("html", Garbage(body), where),
            ("json", Garbage(body, "application/json"), where),
            ("fault", Garbage(xml_fault, "text/xml"), where),
            ("status", Status(500, body, (("X-Secret", repeated),)), where),
            ("redirect", Status(302, body, (("Location", f"/?session_id={ref}"),)), where),
            ("refused", Status(401, body), where),
            ("truncated", Truncated(announced=True), where),
            ("closed", Disconnect(), where),
        ]
    for method in (LOG_IN, EVENTS):
        found += [
            ("invalid", Failure("SESSION_INVALID", (ref,)), {"method": method}),
            ("code", Failure(PASSWORD, (ref,)), {"method": method}),
            ("text", Failure(repeated, (repeated,)), {"method": method}),
            ("internal", Failure("INTERNAL_ERROR", (repeated,)), {"method": method}),
            ("early", Failure("HOST_STILL_BOOTING", (repeated,), early=True), {"method": method}),
            ("slave", Failure("HOST_IS_SLAVE", (repeated,)), {"method": method}),
            ("handle", Failure("HANDLE_INVALID", ("session", ref)), {"method": method}),
        ]
    refused = Failure("SESSION_AUTHENTICATION_FAILED", ("root", PASSWORD))
    found.append(("refused", refused, {"method": EVENTS}))
    return found


def reveals_nothing(text: str, sessions: list[str]) -> None:
    """See that no secret is in a text."""
    for secret in (PASSWORD, WRONG, PLANTED, *sessions, *(ref[-36:] for ref in sessions)):
        at = text.find(secret)
        assert at < 0, text[max(0, at - 300) : at + 100]


@contextmanager
def serving(config_file: Path, form: str) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """Run the service at the log level debug; gives its process, its URL and its log."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--config", str(config_file), *LISTEN, *DEBUG, "--log.format", form],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stderr is not None
    log: list[str] = []
    started = threading.Event()
    thread = threading.Thread(target=_drain, args=(process.stderr, log, started), daemon=True)
    thread.start()
    try:
        assert started.wait(20)
        found = re.search(r"http://[^\s\"]+", next(line for line in log if "serving" in line))
        assert found is not None
        yield process, found[0], log
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        thread.join(10)
    finally:
        process.kill()
        process.communicate()


def _drain(stream: IO[str], log: list[str], started: threading.Event) -> None:
    for line in stream:
        log.append(line)
        if "serving" in line:
            started.set()


def get(url: str, path: str, accept: str = "*/*") -> str:
    """Give all that comes back for a request, headers included."""
    headers = {"X-Prometheus-Scrape-Timeout-Seconds": "1.5", "Accept": accept}
    request = urllib.request.Request(f"{url}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return f"{answer.headers}\n{answer.read().decode()}"
    except urllib.error.HTTPError as error:
        return f"{error.headers}\n{error.read().decode()}"


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_the_service_reveals_nothing(
    form: str, pool: SimulatedPool, config_file: Path, sessions: list[str]
) -> None:
    """No log line, page, metric or argument has a secret in it, through every kind of failure."""
    with serving(config_file, form) as (process, url, log):
        seen = [get(url, "metrics"), get(url, "")]
        assert 'xo_up{pool="good"} 1.0' in seen[0]
        assert 'xo_up{pool="bad"} 0.0' in seen[0]
        assert 'xo_up{pool="echo"} 0.0' in seen[0]
        for name, fault, where in faults(sessions[-1]):
            if where.get("method") == LOG_IN:
                pool.do(pool.sessions.expire)
            rule = pool.faults.add(fault, **where)  # type: ignore[arg-type]  # method or path
            seen += [get(url, "probe?target=good"), get(url, "")]
            pool.faults.remove(rule)
            for line in log:
                assert "Traceback" not in line, (name, where, log)
        with pool.faults.active(Hang()):
            seen += [get(url, "metrics"), get(url, "")]
        seen += [get(url, "metrics", "application/openmetrics-text"), get(url, "sd"), get(url, "x")]
        seen += [get(url, "probe?target=nobody"), get(url, "probe"), get(url, "-/ready")]
        command = Path(f"/proc/{process.pid}/cmdline").read_text("utf-8")
    reveals_nothing("\n".join([*seen, command]), sessions)
    reveals_nothing("".join(log), sessions)
    text = "".join(log)
    assert text.count("every user of this machine can read the password file") == 1
    assert str(config_file.parent / "password") in text
    assert len(sessions) > 3
    pool.do(pool.sessions.expire)  # of those whose answer was garbled nobody knows


@pytest.mark.parametrize("command", ["metrics", "objects", "check"])
def test_commands_reveal_nothing(
    command: str, pool: SimulatedPool, config_file: Path, sessions: list[str]
) -> None:
    """Neither stream of a command has a secret in it, whether the pool can be read or not."""
    for fault in (None, Garbage(PASSWORD.encode()), Status(401), Failure(PASSWORD, (PASSWORD,))):
        pool.faults.clear()
        if fault is not None:
            pool.faults.add(fault)
        result = subprocess.run(
            [*COMMAND, command, "--config", str(config_file), *DEBUG],
            capture_output=True,
            text=True,
            env=environment(),
            timeout=60,
            check=False,
        )
        assert result.returncode == 1
        assert "Traceback" not in result.stderr
        assert len(result.stdout) > 100
        reveals_nothing(result.stdout + result.stderr, sessions)
    pool.faults.clear()
    assert pool.do(lambda: pool.sessions.open) == []

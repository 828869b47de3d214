"""The command line, as a process of its own: statuses, streams, signals."""

import json
import re
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.programs import environment, get
from xo_exporter import __version__
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.simulator import Hang, SimulatedPool, Slow, Status, make_estate

COMMANDS = ("serve", "metrics", "objects", "check", "demo", "simulate")
WITH_POOLS = ("serve", "metrics", "objects", "check")
HUNG_UP = 20.0  # seconds after which a process that should have ended has not

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def of(pool: SimulatedPool) -> dict[str, str]:
    """Give the variables that name a simulated pool."""
    return {
        "XO_EXPORTER_URL": pool.url,
        "XO_EXPORTER_USERNAME": pool.username,
        "XO_EXPORTER_PASSWORD": pool.password,
    }


def run(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "xo_exporter", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment(**(env or {})),
        cwd=cwd,
        timeout=60,
        check=False,
    )


def line_with(stream: IO[str], wanted: str) -> str:
    """Read on to a line that holds a text; there must be one in good time."""
    deadline = time.monotonic() + HUNG_UP
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        seen = []
        while selector.select(max(deadline - time.monotonic(), 0)):
            line = stream.readline()
            if wanted in line:
                return line
            if not line:
                break
            seen.append(line)
    pytest.fail(f"no line with {wanted!r} in {seen}")


@contextmanager
def running(
    *arguments: str, env: Mapping[str, str] | None = None
) -> "Iterator[subprocess.Popen[str]]":
    """Run a command that goes on until it is told to end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "xo_exporter", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
        env=environment(**(env or {})),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def url_of(process: "subprocess.Popen[str]") -> str:
    """Give where a service listens, from its log."""
    assert process.stderr is not None
    found = re.search(r"url=(\S+)", line_with(process.stderr, "event=serving"))
    assert found is not None
    return found[1].rstrip("/")


@pytest.fixture(scope="module")
def pool() -> Iterator[SimulatedPool]:
    """Run a small pool beside the tests."""
    with SimulatedPool(make_estate(hosts=2, vms=4, seed=3)).run_in_thread() as simulated:
        yield simulated


@pytest.fixture(autouse=True)
def no_faults(pool: SimulatedPool) -> Iterator[None]:
    """Switch the pool's faults off after each test."""
    yield
    pool.faults.clear()
    pool.traffic.reset()


def refused(result: "subprocess.CompletedProcess[str]") -> str:
    """Give the one line that says why a command can't run; nothing else may be printed."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("xo-exporter: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.strip()


# --- help, version, mistakes


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_and_version_are_everywhere(command: tuple[str, ...]) -> None:
    """--help and --version are answers: on standard output, with status 0, on each command."""
    helped = run(*command, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert helped.stdout.startswith("Usage: xo-exporter")
    for option in ("--log.level", "--log.format", "--version", "--help"):
        assert option in helped.stdout
    version = run(*command, "--version")
    assert (version.returncode, version.stderr) == (0, "")
    assert __version__ in version.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Missing command"),
        (("scrape",), "scrape"),
        (("metrics", "--nope"), "--nope"),
        (("metrics", "extra"), "extra"),
        (("serve", "--listen", "nowhere"), "HOST:PORT"),
        (("serve", "--listen", "127.0.0.1:99999"), "HOST:PORT"),
        (("serve", "--pool", "x"), "--pool"),
        (("objects", "--type", "network"), "network"),
        (("metrics", "--log.level", "loud"), "loud"),
        (("--log.format", "xml", "metrics"), "xml"),
        (("demo", "--hosts", "0"), "--hosts"),
        (("demo", "--config", "x"), "--config"),
        (("simulate", "--vms", "many"), "--vms"),
        (("simulate", "--generation", "g9"), "g9"),
        (("serve", "--collector.nope"), "--collector.nope"),
        (("metrics", "--config"), "--config"),
    ],
)
def test_a_mistake_in_the_command_line_is_one_line(arguments: tuple[str, ...], says: str) -> None:
    """Status 2, one line on standard error that names the mistake, nothing on standard output."""
    assert says in refused(run(*arguments))


@pytest.mark.parametrize("command", WITH_POOLS)
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "xo.yml"),
        ("pools: []\n", "pools"),
        ("pools:\n  - url: https://x\n    usrname: y\n", "usrname"),
        ("pools: [\n", "xo.yml:2: "),
    ],
)
def test_a_mistake_in_the_configuration_is_one_line(
    command: str, text: str | None, says: str, tmp_path: Path
) -> None:
    """Status 2 and one line that says where in which file, for every command that reads it."""
    file = tmp_path / "xo.yml"
    if text is not None:
        file.write_text(text)
    line = refused(run(command, "--config", str(file)))
    assert "xo.yml" in line
    assert says in line


@pytest.mark.parametrize("command", WITH_POOLS)
def test_no_configuration_is_one_line(command: str) -> None:
    """Status 2 and one line that says how to give one."""
    assert "XO_EXPORTER_URL" in refused(run(command))


@pytest.mark.parametrize("command", ["metrics", "objects"])
def test_a_pool_that_is_not_configured_is_one_line(command: str, pool: SimulatedPool) -> None:
    """Status 2 and one line that names those that are configured; nobody is asked."""
    line = refused(run(command, "--pool", "nobody", env=of(pool)))
    assert "nobody" in line
    assert pool.url.removeprefix("http://") in line
    assert pool.calls.total() == 0


@pytest.mark.parametrize("command", ["serve", "demo", "simulate"])
def test_a_port_that_is_taken_is_one_line(command: str, pool: SimulatedPool) -> None:
    """Status 2 and one line with the address, where somebody else listens; nobody is asked."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        env = of(pool) if command == "serve" else {}
        result = run(command, "--listen", f"127.0.0.1:{port}", env=env)
    assert str(port) in refused(result)
    assert pool.calls.total() == 0


# --- metrics and objects


def test_metrics_prints_the_exposition(pool: SimulatedPool) -> None:
    """Status 0, text format on standard output, nothing on standard error, logged out."""
    result = run("metrics", env=of(pool))
    assert (result.returncode, result.stderr) == (0, "")
    names = {family.name for family in text_string_to_metric_families(result.stdout)}
    assert {"xo_up", "xo_pool_info", "xo_vm_info", "xo_host_rrd_up"} <= names
    assert not [name for name in names if name.startswith("process_")]
    assert pool.sessions.open == []


def test_metrics_of_one_pool(pool: SimulatedPool, tmp_path: Path) -> None:
    """--pool NAME reads that pool alone, by its configured name or its URL's host and port."""
    (tmp_path / "password").write_text(f"{pool.password}\n")
    (tmp_path / "xo.yml").write_text(
        f"pools:\n"
        f"  - {{url: '{pool.url}', username: root, password_file: password}}\n"
        f"  - {{url: 'http://127.0.0.1:1', username: root, password: x, name: Gone}}\n"
    )
    netloc = pool.url.removeprefix("http://")
    result = run("metrics", "--config", "xo.yml", "--pool", netloc, cwd=tmp_path)
    assert result.returncode == 0
    assert "Gone" not in result.stdout
    gone = run("metrics", "--pool", "Gone", env={"XO_EXPORTER_CONFIG": "xo.yml"}, cwd=tmp_path)
    assert gone.returncode == 1
    assert 'xo_up{pool="Gone"} 0.0' in gone.stdout
    assert "xo_pools 0.0" in gone.stdout


def test_what_could_be_read_is_printed(pool: SimulatedPool) -> None:
    """A host that can't be read makes it status 1; the rest is printed all the same."""
    host = next(iter(pool.database.tables["host"]))
    pool.faults.add(Status(503), path="/rrd_updates", host=host)
    for command in ("metrics", "objects"):
        result = run(command, env=of(pool))
        assert result.returncode == 1
        assert "503" in result.stderr
        assert "Traceback" not in result.stderr
        assert len(result.stdout) > 10_000


@pytest.mark.parametrize("command", ["metrics", "objects", "check"])
def test_a_pool_that_is_down_is_status_1(command: str) -> None:
    """A pool that takes no connection is told on standard output, with status 1."""
    env = {
        "XO_EXPORTER_URL": "http://127.0.0.1:1",
        "XO_EXPORTER_USERNAME": "root",
        "XO_EXPORTER_PASSWORD": "hunter2",
    }
    result = run(command, env=env)
    assert result.returncode == 1
    assert result.stdout
    assert "Traceback" not in result.stderr
    assert "hunter2" not in result.stdout + result.stderr


def test_objects_prints_one_document(pool: SimulatedPool) -> None:
    """The model as one JSON document: the singleton, then the objects by type."""
    result = run("objects", env=of(pool))
    assert (result.returncode, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert document["xo"]["type"] == "xo"
    kinds = list(dict.fromkeys(thing["type"] for thing in document["objects"]))
    assert kinds == ["pool", "host", "VM", "SR", "PBD", "VDI", "VBD"]


def test_objects_are_whole_whatever_is_exported(pool: SimulatedPool, tmp_path: Path) -> None:
    """A choice of metrics takes no field from the model, neither what guests nor what RRDs tell."""
    file = tmp_path / "xo.yml"
    file.write_text(
        f"pools: [{{url: '{pool.url}', username: {pool.username}, password: {pool.password}}}]\n"
        "collectors: {vm: false, host: false}\nmetrics: {include: ['xo_sr_*']}\n"
        "vms: {power_states: [Paused]}\n"
    )
    result = run("objects", "--type", "VM", "--config", str(file), env={})
    assert result.returncode == 0
    running = [vm for vm in json.loads(result.stdout)["objects"] if vm["power_state"] == "Running"]
    assert any(vm["address"] for vm in running)
    assert any(vm["$CPU_usage"] is not None for vm in running)


@pytest.mark.parametrize("kind", ["VM", "vm", "host", "SR"])
def test_objects_of_one_type(pool: SimulatedPool, kind: str) -> None:
    """--type leaves the objects of that type, however its letters are written."""
    result = run("objects", "--type", kind, env=of(pool))
    found = {thing["type"] for thing in json.loads(result.stdout)["objects"]}
    assert {name.lower() for name in found} == {kind.lower()}


def test_the_singleton_alone(pool: SimulatedPool) -> None:
    """--type xo leaves the document with the singleton alone."""
    result = run("objects", "--type", "xo", env=of(pool))
    document = json.loads(result.stdout)
    assert (document["xo"]["type"], document["objects"]) == ("xo", [])


def test_check_says_what_works_and_what_does_not(pool: SimulatedPool) -> None:
    """Each step stands on standard output; status 0 when all is well, else 1."""
    well = run("check", env=of(pool))
    assert (well.returncode, well.stderr) == (0, "")
    hosts = [host["name_label"] for host in pool.database.tables["host"].values()]
    for expected in ("log-in", "objects", *hosts):
        assert expected in well.stdout
    assert "failed" not in well.stdout
    pool.faults.add(Status(503), path="/rrd_updates")
    ill = run("check", env=of(pool))
    assert ill.returncode == 1
    assert ill.stdout.count("503") == len(hosts)


def test_check_without_the_password_shows_the_certificate(
    tmp_path: Path,
) -> None:
    """What can be tried is, and told; the mistake of the configuration is told in the end."""
    file = tmp_path / "xo.yml"
    with SimulatedPool(make_estate(hosts=1, vms=0, seed=3), tls=True).run_in_thread() as pool:
        file.write_text(
            f"pools:\n  - url: {pool.url}\n    username: root\n    password_file: gone\n"
        )
        done = run("check", "--config", "xo.yml", cwd=tmp_path)
    assert done.returncode == 2
    assert pool.fingerprint in done.stdout
    assert "failed  log-in: can't read" in done.stdout
    assert len(done.stderr.splitlines()) == 1
    assert "xo.yml:4: pools[0].password_file: can't read" in done.stderr


# --- logs


@pytest.mark.parametrize(
    "arguments",
    [
        ("--log.level", "debug", "--log.format", "json", "metrics"),
        ("metrics", "--log.level", "debug", "--log.format", "json"),
        ("--log.level", "debug", "metrics", "--log.format", "json"),
        ("--log.level", "error", "metrics", "--log.format", "json", "--log.level", "debug"),
    ],
)
def test_log_options_stand_before_or_after_the_command(
    pool: SimulatedPool, arguments: tuple[str, ...]
) -> None:
    """Level and format hold wherever they are said, the last word counting."""
    result = run(*arguments, env=of(pool))
    assert result.returncode == 0
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert "logged in" in [line["event"] for line in lines]
    assert {"timestamp", "level", "event"} <= set(lines[0])


def test_logs_are_logfmt_and_warnings_alone_by_default(pool: SimulatedPool) -> None:
    """`metrics` says nothing when all is well, and one logfmt line for a fault."""
    assert run("metrics", env=of(pool)).stderr == ""
    assert run("metrics", "--log.level", "info", env=of(pool)).stderr.startswith("timestamp=")
    pool.faults.add(Status(503), path="/rrd_updates")
    result = run("metrics", "--log.level", "error", env=of(pool))
    assert (result.returncode, result.stderr) == (1, "")
    lines = run("metrics", env=of(pool)).stderr.splitlines()
    assert len(lines) == len(pool.database.tables["host"])
    assert all(re.match(r"timestamp=\S+ level=warning event=", line) for line in lines)


def test_a_log_line_is_one_line(pool: SimulatedPool) -> None:
    """A name with line breaks and quotes can't make up a log line."""
    host, record = next(iter(pool.database.tables["host"].items()))
    before = record["name_label"]
    hostile = 'x"\nlevel=error event="made up"\r\n\x1b[31m'
    pool.do(lambda: pool.database.modify("host", host, name_label=hostile))
    pool.faults.add(Status(503), path="/rrd_updates", host=host)
    try:
        for form in ("logfmt", "json"):
            result = run("metrics", "--log.format", form, env=of(pool))
            assert len(result.stderr.splitlines()) == 1
            assert "\x1b" not in result.stderr
    finally:
        pool.do(lambda: pool.database.modify("host", host, name_label=before))


# --- streams


def test_a_reader_that_has_seen_enough_is_no_error(pool: SimulatedPool) -> None:
    """A closed pipe ends the output in silence."""
    command = f"{sys.executable} -m xo_exporter metrics | head -c 1"
    result = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        env=environment(**of(pool)),
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"#", b"")


@pytest.mark.parametrize("redirection", ["> /dev/full", ">&-"])
@pytest.mark.parametrize("command", ["metrics", "objects"])
def test_an_output_that_cant_be_written_is_one_line(
    pool: SimulatedPool, command: str, redirection: str
) -> None:
    """A full disk or a closed standard output is an error of one line."""
    result = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m xo_exporter {command} {redirection}"],
        capture_output=True,
        text=True,
        env=environment(**of(pool)),
        timeout=60,
        check=False,
    )
    assert "standard output" in refused(result)


# --- signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_with_0_and_logs_out(pool: SimulatedPool, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end `serve` with status 0, without an open session at the pool."""
    with running("serve", "--listen", "127.0.0.1:0", env=of(pool)) as process:
        url = url_of(process)
        assert "xo_up" in get(f"{url}/metrics")
        assert len(pool.sessions.open) == 1
        process.send_signal(number)
        assert process.wait(HUNG_UP) == 0
        assert pool.sessions.open == []
        assert process.stdout is not None
        assert process.stdout.read() == ""


@pytest.mark.parametrize("command", ["serve", "demo", "simulate"])
def test_they_can_be_ended_before_they_run(command: str) -> None:
    """SIGTERM ends them with status 0 as soon as they have begun to load what they need."""
    pool = {
        "XO_EXPORTER_URL": "http://127.0.0.1:1",
        "XO_EXPORTER_USERNAME": "root",
        "XO_EXPORTER_PASSWORD": "none",
    }
    env = pool if command == "serve" else {}
    with running(command, "--listen", "127.0.0.1:0", env=env) as process:
        status = Path(f"/proc/{process.pid}/status")
        deadline = time.monotonic() + HUNG_UP
        caught = 0
        while not caught >> signal.SIGTERM - 1 & 1 and time.monotonic() < deadline:
            found = re.search(r"^SigCgt:\s+(\w+)$", status.read_text(), re.MULTILINE)
            caught = int(found[1], 16) if found else 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(HUNG_UP) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", ["demo", "simulate"])
def test_demo_and_simulate_end_with_0(command: str, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end them with status 0, without a complaint."""
    with running(command, "--listen", "127.0.0.1:0", "--log.level", "info") as process:
        if command == "demo":
            url_of(process)
        else:
            assert process.stdout is not None
            line_with(process.stdout, "url=")
        process.send_signal(number)
        assert process.wait(HUNG_UP) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_a_scrape_in_flight_is_finished(pool: SimulatedPool) -> None:
    """SIGTERM lets a scrape come to its end; then all is logged out."""
    with running("serve", "--listen", "127.0.0.1:0", env=of(pool)) as process:
        url = url_of(process)
        get(f"{url}/metrics")
        pool.traffic.reset()
        pool.faults.add(Slow(delay=1.0), path="/rrd_updates")
        answers: list[str] = []
        scrape = threading.Thread(target=lambda: answers.append(get(f"{url}/metrics")))
        scrape.start()
        deadline = time.monotonic() + HUNG_UP
        while not pool.calls["/rrd_updates"] and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(HUNG_UP) == 0
        scrape.join(HUNG_UP)
        assert answers
        ups = re.findall(r"^xo_host_rrd_up\{.*\} (\S+)$", answers[0], re.MULTILINE)
        assert ups == ["1.0"] * len(pool.database.tables["host"])
        assert pool.sessions.open == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_scrape_that_is_ended_logs_out(pool: SimulatedPool, number: signal.Signals) -> None:
    """A command that is ended before its time leaves no session behind, and no traceback."""
    pool.faults.add(Hang(), path="/rrd_updates")
    with running("metrics", env=of(pool)) as process:
        deadline = time.monotonic() + HUNG_UP
        while not pool.calls["/rrd_updates"] and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait(HUNG_UP) == 128 + number
        assert pool.sessions.open == []
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


# --- the simulated pool


def test_simulate_prints_its_one_line() -> None:
    """One line with URL and user when it is ready, and the pool answers there."""
    with running("simulate", "--listen", "127.0.0.1:0", "--username", "me") as process:
        assert process.stdout is not None
        found = re.fullmatch(
            r"url=(http://127\.0\.0\.1:\d+) username=me\n", process.stdout.readline()
        )
        assert found is not None
        env = {
            "XO_EXPORTER_URL": found[1],
            "XO_EXPORTER_USERNAME": "me",
            "XO_EXPORTER_PASSWORD": "simulated",
        }
        result = run("metrics", env=env)
        assert (result.returncode, result.stderr) == (0, "")
        process.terminate()
        assert process.communicate(timeout=HUNG_UP)[0] == ""


def test_simulate_with_tls_can_be_pinned() -> None:
    """The line has the certificate's fingerprint, which is all that is needed to log in."""
    arguments = ("--listen", "127.0.0.1:0", "--tls", "--password", "other", "--generation", "g1")
    with running("simulate", *arguments) as process:
        assert process.stdout is not None
        found = re.fullmatch(
            r"url=(https://127\.0\.0\.1:\d+) username=root fingerprint_sha256=([0-9A-F:]{95})\n",
            process.stdout.readline(),
        )
        assert found is not None
        env = {
            "XO_EXPORTER_URL": found[1],
            "XO_EXPORTER_USERNAME": "root",
            "XO_EXPORTER_PASSWORD": "other",
        }
        pinned = run("metrics", env={**env, "XO_EXPORTER_FINGERPRINT_SHA256": found[2]})
        assert (pinned.returncode, pinned.stderr) == (0, "")
        unpinned = run("metrics", env=env)
        assert unpinned.returncode == 1
        assert found[2] in unpinned.stderr


def test_simulate_can_say_that_all_hosts_are_at_one_address() -> None:
    """With --advertise every host is at that address, and the exporter reads them all there."""
    arguments = ("--listen", "127.0.0.1:0", "--advertise", "127.0.0.1", "--hosts", "3")
    with running("simulate", *arguments) as process:
        assert process.stdout is not None
        found = re.search(r"url=(\S+) ", process.stdout.readline())
        assert found is not None
        env = {
            "XO_EXPORTER_URL": found[1],
            "XO_EXPORTER_USERNAME": "root",
            "XO_EXPORTER_PASSWORD": "simulated",
        }
        result = run("metrics", env=env)
        assert result.returncode == 0
        assert len(re.findall(r"^xo_host_rrd_up\{.*\} 1\.0$", result.stdout, re.MULTILINE)) == 3


def test_every_collector_has_its_switch() -> None:
    """`serve` takes all of them, on and off, at once."""
    on = [f"--collector.{name}" for name in COLLECTORS]
    off = [f"--no-collector.{name}" for name in COLLECTORS]
    for switches in (on, off):
        assert "URL" in refused(run("serve", *switches))

"""What `check` finds, step by step."""

import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.programs import free_port
from xo_exporter.check import check
from xo_exporter.config import Config, PoolConfig, Secret, Tls, Url
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.simulator import (
    Disconnect,
    Failure,
    Garbage,
    Hang,
    SimulatedPool,
    Status,
    make_estate,
)
from xo_exporter.simulator.faults import Fault

NOTHING_TRIED = "  -       not tried: log-in, role, objects, RRDs; first mend what failed above"


@pytest.fixture
async def pool() -> AsyncIterator[SimulatedPool]:
    """Run a small pool with a certificate of its own."""
    async with SimulatedPool(make_estate(hosts=2, vms=4, seed=3), tls=True) as running:
        yield running


@pytest.fixture
def config(pool: SimulatedPool) -> PoolConfig:
    """Give the configuration of the pool, pinned."""
    return PoolConfig(
        url=Url.parse(pool.url),
        username=pool.username,
        password=Secret(pool.password),
        tls=Tls(fingerprint_sha256=(bytes.fromhex(pool.fingerprint.replace(":", "")),)),
    )


async def findings(*pools: PoolConfig) -> tuple[list[str], bool]:
    """Give the lines that are printed, and whether all is well."""
    text, all_well = await check(Config(pools=pools, collectors=dict(COLLECTORS)))
    return text.splitlines(), all_well


def steps(lines: list[str]) -> list[str]:
    """Give each step's verdict and name."""
    return [line.split(": ")[0].strip() for line in lines if line[2:4] in ("ok", "fa")]


async def test_each_step_that_works_is_told(pool: SimulatedPool, config: PoolConfig) -> None:
    """TLS, log-in, role, objects and each host's RRDs, in this order; and nobody stays in."""
    lines, all_well = await findings(config)
    hosts = sorted(pool.database.tables["host"].values(), key=lambda host: str(host["uuid"]))
    assert lines[0] == f"{config.url.netloc} ({config.url})"
    assert steps(lines) == [
        "ok      TLS",
        "ok      log-in",
        "ok      role",
        "ok      objects",
        *(f"ok      RRDs of {host['name_label']}" for host in hosts),
    ]
    assert pool.fingerprint in lines[1]
    assert "superuser" in lines[3]
    assert all_well
    assert pool.sessions.open == []


async def test_a_clock_that_is_off_is_told(pool: SimulatedPool, config: PoolConfig) -> None:
    """By how much a host's clock is off stands with its RRDs, and is no failure."""
    first, second, *_ = sorted(pool.database.tables["host"])
    pool.faults.clock_offset.update({first: 7200.0, second: -90.0})
    lines, all_well = await findings(config)
    told = {line.split(": ")[0]: line for line in lines if "its clock is" in line}
    assert len(told) == 2
    assert any("s ahead of ours" in line for line in told.values())
    assert any("s behind ours" in line for line in told.values())
    assert all_well


async def test_a_name_is_resolved(config: PoolConfig) -> None:
    """A host name is told with its addresses; one that nobody knows, with what to do."""
    local = dataclasses.replace(config, url=Url("https", "localhost", config.url.port))
    lines, _ = await findings(local)
    assert "127.0.0.1" in lines[1]
    assert lines[1].startswith("  ok      name: localhost is ")
    unknown = dataclasses.replace(config, url=Url("https", "xcp.invalid", 443), timeout=5.0)
    lines, all_well = await findings(unknown)
    assert not all_well
    assert steps(lines) == ["failed  name"]
    assert "DNS" in lines[2]


async def test_a_name_may_end_with_a_dot(
    pool: SimulatedPool, config: PoolConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name with the dot of the root is looked for in the certificate without it."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: resolve(str(host).removesuffix("."), *rest, **more),
    )
    (tmp_path / "host.pem").write_bytes(pool.certificate)
    url = Url("https", "localhost.", config.url.port)
    lines, all_well = await findings(
        dataclasses.replace(config, url=url, tls=Tls(ca_file=tmp_path / "host.pem"))
    )
    assert all_well, lines


async def test_a_closed_port_is_told(config: PoolConfig) -> None:
    """A host that takes no connection is told as that, with what to look for."""
    url = Url("https", "127.0.0.1", free_port())
    lines, all_well = await findings(dataclasses.replace(config, url=url))
    assert not all_well
    assert steps(lines) == ["failed  connection"]
    assert "refused" in lines[1]
    assert "firewall" in lines[2]
    assert lines[3:] == [NOTHING_TRIED]


async def test_a_refused_certificate_is_told_with_its_fingerprint(
    pool: SimulatedPool, config: PoolConfig
) -> None:
    """What would have to be pinned stands there, and no password was sent."""
    lines, all_well = await findings(dataclasses.replace(config, tls=Tls()))
    assert not all_well
    assert steps(lines) == ["failed  TLS"]
    assert pool.fingerprint in lines[1]
    assert "fingerprint_sha256" in lines[2]
    assert lines[3:] == [NOTHING_TRIED]
    assert pool.calls["session.login_with_password"] == 0


async def test_a_wrong_password_is_tried_once(pool: SimulatedPool, config: PoolConfig) -> None:
    """A refused log-in ends the check of that pool, and its password is told nowhere.

    What could not be tried without it is said.
    """
    lines, all_well = await findings(dataclasses.replace(config, password=Secret("hunter2")))
    assert not all_well
    assert steps(lines) == ["ok      TLS", "failed  log-in"]
    assert lines[-1] == "  -       not tried: role, objects, RRDs; first mend what failed above"
    assert pool.sessions.refused == 1
    assert "hunter2" not in "\n".join(lines)


async def test_a_password_file_that_is_gone_is_a_failed_log_in(
    config: PoolConfig, tmp_path: Path
) -> None:
    """What can't be read any more is told, not raised; the fingerprint is told all the same."""
    gone = dataclasses.replace(config, password=None, password_file=tmp_path / "gone")
    lines, all_well = await findings(gone)
    assert not all_well
    assert steps(lines) == ["ok      TLS", "failed  log-in"]
    assert "gone" in lines[2]


async def test_a_password_and_a_certificate_are_told_apart(
    pool: SimulatedPool, config: PoolConfig, tmp_path: Path
) -> None:
    """Where neither is as it must be, each is told once."""
    neither = dataclasses.replace(config, password=None, password_file=tmp_path / "gone", tls=Tls())
    lines, _ = await findings(neither)
    assert steps(lines) == ["failed  TLS", "failed  log-in"]
    assert pool.fingerprint in lines[1]
    assert "gone" in lines[3]


async def test_a_member_that_answers_is_enough(pool: SimulatedPool, config: PoolConfig) -> None:
    """Where one address of several takes no connection, the log-in is tried at the others."""
    closed = Url("https", "127.0.0.1", free_port())
    lines, all_well = await findings(
        dataclasses.replace(config, url=closed, members=(config.url,), timeout=5.0)
    )
    assert not all_well
    assert steps(lines)[:3] == ["failed  connection", "ok      TLS", "ok      log-in"]


async def test_a_host_without_rrds_is_told(pool: SimulatedPool, config: PoolConfig) -> None:
    """One host's failure is told beside what works of the others."""
    host, record = next(iter(pool.database.tables["host"].items()))
    name = record["name_label"]
    pool.database.modify("host", host, name_label=f"{name}\n\x1b[31m")
    pool.faults.add(Status(503), path="/rrd_updates", host=host)
    lines, all_well = await findings(config)
    assert not all_well
    failed = [line for line in lines if line.startswith("  failed")]
    assert len(failed) == 1
    assert name in failed[0]
    assert "503" in failed[0]
    assert "\x1b" not in failed[0]


async def test_members_are_tried_too(pool: SimulatedPool, config: PoolConfig) -> None:
    """Each further address has its own steps, whether or not it is needed."""
    other = pool.url_of(list(pool.database.tables["host"])[1])
    member = dataclasses.replace(config, members=(Url.parse(other),))
    lines, all_well = await findings(member)
    assert all_well
    for line, url in zip(lines[1:3], (pool.url, other), strict=True):
        assert line.startswith(f"  ok      TLS: {url}, certificate pinned")


async def test_every_pool_is_checked(pool: SimulatedPool, config: PoolConfig) -> None:
    """A pool that hangs does not keep the others from being told, in the order given."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = Url("https", "127.0.0.1", silent.getsockname()[1])
        hung = dataclasses.replace(config, url=url, name="hung", timeout=0.5)
        lines, all_well = await findings(hung, dataclasses.replace(config, name="well"))
    assert not all_well
    heads = [line for line in lines if not line.startswith(" ")]
    assert heads == [f"hung ({url})", f"well ({config.url})"]
    assert "in time" in lines[1]
    assert steps(lines[lines.index(heads[1]) :])[0] == "ok      TLS"


async def test_a_server_that_knows_no_roles_is_well(
    pool: SimulatedPool, config: PoolConfig
) -> None:
    """Where XAPI has no such question, what can be read shows that the role is enough."""
    unknown = Failure("MESSAGE_METHOD_UNKNOWN", ("session.get_is_local_superuser",))
    pool.faults.add(unknown, method="session.get_is_local_superuser")
    lines, all_well = await findings(config)
    assert "ok      role" in steps(lines)
    assert all_well


async def test_a_role_that_is_not_told_does_not_hold_up_the_check(
    pool: SimulatedPool, config: PoolConfig
) -> None:
    """A question that is never answered fails its step in time; what follows is still tried."""
    pool.faults.add(Hang(), method="session.get_is_local_superuser")
    lines, all_well = await findings(dataclasses.replace(config, timeout=1.0))
    assert not all_well
    assert "failed  role" in steps(lines)
    assert "ok      objects" in steps(lines)


LOG_IN = "session.login_with_password"
ROLE = "session.get_is_local_superuser"

FAULTS = {
    "a log-in that hangs": (LOG_IN, Hang(), "log-in", "timeout"),
    "XAPI that starts": (LOG_IN, Failure("HOST_STILL_BOOTING"), "log-in", "starting"),
    "a member without a master": (LOG_IN, Failure("HOST_IS_SLAVE", ("",)), "log-in", "emergency"),
    "an unknown error": (LOG_IN, Failure("INTERNAL_ERROR", ("x",)), "log-in", "xensource.log"),
    "404 at the log-in": (LOG_IN, Status(404), "log-in", "web server"),
    "503 at the log-in": (LOG_IN, Status(503), "log-in", "starting"),
    "no answer at the log-in": (LOG_IN, Disconnect(), "log-in", "firewalls"),
    "a role that hangs": (ROLE, Hang(), "role", "timeout"),
    "a role of no HTTP": (ROLE, Disconnect(), "role", "firewalls"),
    "a role that is a page": (ROLE, Garbage(), "role", "web server"),
    "objects that hang": ("event.from", Hang(), "objects", "timeout"),
    "objects that are a page": ("event.from", Garbage(), "objects", "web server"),
    "RRDs that hang": ("/rrd_updates", Hang(), "RRDs", "members"),
    "RRDs of status 500": ("/rrd_updates", Status(500), "RRDs", "xcp-rrdd"),
    "RRDs that are cut off": ("/rrd_updates", Disconnect(), "RRDs", "members"),
    "RRDs of another kind": ("/rrd_updates", Garbage(b"<rrd/>", "text/xml"), "RRDs", "xcp-rrdd"),
}


def hints(lines: list[str], step: str) -> list[str]:
    """Give what stands below each step of this name that failed."""
    return [
        below.strip() if below.startswith(" " * 10) else ""
        for line, below in zip(lines, [*lines[1:], ""], strict=True)
        if line.startswith(f"  failed  {step}")
    ]


@pytest.mark.parametrize(("where", "fault", "step", "word"), FAULTS.values(), ids=FAULTS)
async def test_each_step_that_fails_says_what_to_do(
    pool: SimulatedPool, config: PoolConfig, where: str, fault: Fault, step: str, word: str
) -> None:
    """Below what failed stands what to look for, whatever it was."""
    if where.startswith("/"):
        pool.faults.add(fault, path=where)
    else:
        pool.faults.add(fault, method=where)
    lines, all_well = await findings(dataclasses.replace(config, timeout=1.0))
    assert not all_well
    found = hints(lines, step)
    assert found
    assert all(word in hint for hint in found), lines
    assert all(hints(lines, "")), lines


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_server_that_speaks_no_http_is_told_with_what_to_do(
    config: PoolConfig, scheme: str
) -> None:
    """Where something else listens, each step that fails says what to look for."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-another\r\n")
        await reader.read(1 << 16)
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        url = Url(scheme, "127.0.0.1", server.sockets[0].getsockname()[1])
        lines, all_well = await findings(
            dataclasses.replace(config, url=url, tls=Tls(), timeout=2.0)
        )
    assert not all_well
    assert any(step.startswith("failed") for step in steps(lines))
    assert all(hints(lines, "")), lines


async def test_a_password_file_that_is_gone_says_what_to_do(
    config: PoolConfig, tmp_path: Path
) -> None:
    """What keeps the log-in from being tried has a hint as well."""
    gone = dataclasses.replace(config, password=None, password_file=tmp_path / "gone")
    lines, _ = await findings(gone)
    assert all(hints(lines, "log-in")), lines


async def test_a_credential_of_systemd_says_how_to_check(config: PoolConfig) -> None:
    """A file that is there only while the service runs has a hint that says so."""
    file = Path("/run/credentials/xo-exporter.service/password")
    lines, _ = await findings(dataclasses.replace(config, password=None, password_file=file))
    (hint,) = hints(lines, "log-in")
    assert "as root" in hint

"""Pools as they are: hosts behind NAT, certificates for names, IPv6, hosts with their own ones."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from tests.programs import free_port
from xo_exporter.config import Tls, Url
from xo_exporter.simulator import SimulatedPool, make_estate
from xo_exporter.simulator.tls import Identity, self_signed

if TYPE_CHECKING:
    from tests.faults.conftest import Rig, Scraped

NAMES = ("xcp1.example.org", "xcp2.example.org", "xcp3.example.org")
REACHED = {name: f"127.0.0.{number}" for number, name in enumerate(NAMES, 1)}
BEHIND_NAT = ("127.0.1.1", "127.0.1.2", "127.0.1.3")  # nobody listens there
RRD = "/rrd_updates"


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """Make an authority that no system knows."""
    return trustme.CA()


@pytest.fixture
def verified(ca: trustme.CA, tmp_path: Path) -> Tls:
    """Give the configuration that accepts what this authority has signed."""
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    return Tls(ca_file=tmp_path / "ca.pem")


@pytest.fixture(autouse=True)
def resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the hosts' names lead to where they listen; no other name or place can be had."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        address = REACHED.get(str(host).removesuffix("."), str(host))
        if not address.startswith("127.") and address != "::1":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(address, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def issued(ca: trustme.CA, names: Sequence[str]) -> list[ssl.SSLContext]:
    """Give a server's context for each of these names."""
    return [serving(ca.issue_cert(name)) for name in names]


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Give a server's context with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


async def run(
    stack: AsyncExitStack, contexts: Sequence[ssl.SSLContext], addresses: Sequence[str] = ()
) -> SimulatedPool:
    """Run the hosts xcp1 (the master), xcp2, xcp3 with these certificates.

    They listen at 127.0.0.1, .2, .3, and XAPI knows them by `addresses`, if these are given.
    """
    estate = make_estate(hosts=3, vms=6, seed=3)
    hosts = master_first(estate.tables["host"], estate.master)
    for host, name in zip(hosts, NAMES, strict=True):
        estate.modify("host", host, hostname=name)
    pool = SimulatedPool(
        estate,
        port=free_port(),  # which `forwarded` finds free at other addresses
        ssl_contexts=dict(zip(hosts, contexts, strict=True)),
        addresses=dict(zip(hosts, addresses, strict=True)) if addresses else None,
        event_delay_s=0.0,
    )
    return await stack.enter_async_context(pool)


def master_first(hosts: Any, master: str) -> list[str]:
    """Give the references of the hosts in the order of their numbers."""
    return sorted(hosts, key=lambda host: host != master)


async def forwarded(stack: AsyncExitStack, host: str, port: int, to: tuple[str, int]) -> int:
    """Forward what comes to an address, as NAT does; port 0 picks one, which is given back."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while received := await reader.read(65536):
                writer.write(received)
                await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*to)
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

    server = await asyncio.start_server(connected, host, port)
    stack.push_async_callback(server.wait_closed)
    stack.callback(server.close)
    return int(server.sockets[0].getsockname()[1])


def uuids(pool: SimulatedPool, hosts: Sequence[str]) -> list[str]:
    """Give the UUIDs of hosts."""
    return [pool.database.tables["host"][host]["uuid"] for host in hosts]


def all_read(scraped: "Scraped", pool: SimulatedPool) -> None:
    """See that all of the pool was read, each host's RRDs too, and that nothing was amiss."""
    assert scraped.warnings == []
    assert scraped.up("broken") == scraped.up("sound") == 1
    assert scraped.hosts_up("broken") == dict.fromkeys(
        uuids(pool, list(pool.database.tables["host"])), 1.0
    )


def all_but_one_read(scraped: "Scraped", pool: SimulatedPool, missing: str) -> str:
    """See that the RRDs of one host alone are missing; give the line that the log has of it."""
    assert scraped.up("broken") == scraped.up("sound") == 1
    hosts = list(pool.database.tables["host"])
    (uuid,) = uuids(pool, [missing])
    assert scraped.hosts_up("broken") == {each: float(each != uuid) for each in uuids(pool, hosts)}
    named = {
        dict(labels)["uuid"] for name, labels in scraped.of("broken") if name == "xo_host_info"
    }
    assert named == set(uuids(pool, hosts))
    assert scraped.errors("broken") == {"rrd": 1.0}
    (line,) = scraped.warnings
    record = pool.database.tables["host"][missing]
    assert (line["stage"], line["host"]) == ("rrd", record["name_label"])
    assert RRD not in pool.traffic.by_host.get(missing, {})
    return str(line["error"])


# --- behind NAT


async def test_a_pool_behind_nat(
    unserved: "Rig", stack: AsyncExitStack, ca: trustme.CA, verified: Tls
) -> None:
    """Hosts at addresses nobody reaches are read as the members say: by name, at their ports.

    So is a new master, to which the old one leads without a word to anybody else.
    """
    pool = unserved.broken = await run(stack, issued(ca, NAMES), BEHIND_NAT)
    first, second, third = master_first(pool.database.tables["host"], pool.master)
    port = await forwarded(stack, "127.0.0.2", 0, ("127.0.0.2", pool.port))
    members = [
        Url.parse(f"https://{NAMES[0]}:{pool.port}"),
        Url.parse(f"https://{NAMES[1]}:{port}"),
        Url.parse(f"https://{NAMES[2]}:{pool.port}"),
    ]
    await unserved.serve(stack, url=members[0], members=tuple(members), tls=verified)
    all_read(await unserved.scrape(), pool)
    assert unserved.logins == 1
    pool.move_master(third)
    pool.traffic.reset()
    all_read(await unserved.scrape(), pool)
    assert unserved.logins == 2
    assert pool.traffic.by_host[first].keys() >= {RRD, "pool.get_all"}
    assert pool.traffic.by_host[second].keys() == {RRD}


@pytest.mark.parametrize("nobody", ["refused", "silent"])
async def test_a_member_behind_nat(
    nobody: str, unserved: "Rig", stack: AsyncExitStack, ca: trustme.CA, verified: Tls
) -> None:
    """Before hostnames are known, the master is found among the members in the first scrape.

    The configured host names it by an address that refuses connections or swallows them.
    """
    pool = unserved.broken = await run(stack, issued(ca, NAMES), BEHIND_NAT)
    if nobody == "silent":
        swallowing = socket.create_server((BEHIND_NAT[0], pool.port))
        stack.callback(swallowing.close)
    members = tuple(Url.parse(f"https://{name}:{pool.port}") for name in NAMES)
    await unserved.serve(stack, url=members[1], members=members, tls=verified, timeout=2.0)
    all_read(await unserved.scrape(), pool)
    assert unserved.logins == 1
    assert pool.sessions.logins == 1


async def test_a_host_behind_nat_that_no_member_names(
    unserved: "Rig", stack: AsyncExitStack, ca: trustme.CA, verified: Tls
) -> None:
    """It is asked at its address in XAPI; the line of the log says that it can't be had there."""
    pool = unserved.broken = await run(stack, issued(ca, NAMES), BEHIND_NAT)
    url, named, _ = (Url.parse(f"https://{name}:{pool.port}") for name in NAMES)
    await unserved.serve(stack, url=url, members=(named,), tls=verified)
    missing = master_first(pool.database.tables["host"], pool.master)[2]
    error = all_but_one_read(await unserved.scrape(), pool, missing)
    assert error.startswith(f"no connection with https://{BEHIND_NAT[2]}:{pool.port}")


# --- certificates for names


async def test_certificates_for_hostnames(
    unserved: "Rig", stack: AsyncExitStack, ca: trustme.CA, verified: Tls
) -> None:
    """At the addresses that XAPI gives, certificates may be for the hostnames; so for a master."""
    pool = unserved.broken = await run(stack, issued(ca, NAMES))
    await unserved.serve(stack, url=Url.parse(f"https://{NAMES[0]}:{pool.port}"), tls=verified)
    all_read(await unserved.scrape(), pool)
    pool.move_master(master_first(pool.database.tables["host"], pool.master)[1])
    all_read(await unserved.scrape(), pool)
    assert unserved.logins == 2


async def test_a_certificate_for_another_name(
    unserved: "Rig", stack: AsyncExitStack, ca: trustme.CA, verified: Tls
) -> None:
    """Its host's RRDs alone are missing, and it never sees the session; a right one mends it."""
    contexts = issued(ca, [NAMES[0], "xcp9.example.org", NAMES[2]])
    pool = unserved.broken = await run(stack, contexts)
    await unserved.serve(stack, url=Url.parse(f"https://{NAMES[0]}:{pool.port}"), tls=verified)
    missing = master_first(pool.database.tables["host"], pool.master)[1]
    error = all_but_one_read(await unserved.scrape(), pool, missing)
    assert f"https://127.0.0.2:{pool.port}" in error
    assert NAMES[1] in error
    ca.issue_cert(NAMES[1]).configure_cert(contexts[1])
    all_read(await unserved.scrape(), pool)
    assert unserved.logins == 1


@pytest.mark.parametrize(
    "hostname", [".", "..", ".xcp2", "x" * 64], ids=["1", "2", "label", "long"]
)
async def test_a_hostname_that_is_none(
    hostname: str, unserved: "Rig", stack: AsyncExitStack, ca: trustme.CA, verified: Tls
) -> None:
    """No certificate is for it: where the address isn't certified either, the host is not read."""
    pool = unserved.broken = await run(stack, issued(ca, NAMES))
    missing = master_first(pool.database.tables["host"], pool.master)[1]
    pool.database.modify("host", missing, hostname=hostname)
    await unserved.serve(stack, url=Url.parse(f"https://{NAMES[0]}:{pool.port}"), tls=verified)
    error = all_but_one_read(await unserved.scrape(), pool, missing)
    assert error.startswith(f"the certificate of https://127.0.0.2:{pool.port} is not accepted")


async def test_names_that_end_with_a_dot(
    unserved: "Rig", stack: AsyncExitStack, ca: trustme.CA, verified: Tls
) -> None:
    """A name with the dot of the root is the name that certificates have without it."""
    pool = unserved.broken = await run(stack, issued(ca, NAMES))
    hosts = master_first(pool.database.tables["host"], pool.master)
    for host, name in zip(hosts, NAMES, strict=True):
        pool.database.modify("host", host, hostname=f"{name}.")
    url = Url.parse(f"https://{NAMES[0]}.:{pool.port}")
    await unserved.serve(stack, url=url, tls=verified)
    all_read(await unserved.scrape(), pool)
    pool.move_master(hosts[1])
    all_read(await unserved.scrape(), pool)


# --- IPv6


def has_ipv6() -> bool:
    """Say whether this machine has the IPv6 address of itself."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("name", ["::1", NAMES[1]], ids=["address", "hostname"])
async def test_an_ipv6_host(
    name: str, unserved: "Rig", stack: AsyncExitStack, ca: trustme.CA, verified: Tls
) -> None:
    """A host that XAPI knows by an IPv6 address is read there; as the master, too."""
    contexts = issued(ca, ["127.0.0.1", name, "127.0.0.3"])
    pool = unserved.broken = await run(stack, contexts, ["127.0.0.1", "::1", "127.0.0.3"])
    await forwarded(stack, "::1", pool.port, ("127.0.0.2", pool.port))
    await unserved.serve(stack, tls=verified)
    all_read(await unserved.scrape(), pool)
    pool.move_master(master_first(pool.database.tables["host"], pool.master)[1])
    after = await unserved.scrape()
    all_read(after, pool)
    (line,) = after.lines
    assert line["master"] == f"https://[::1]:{pool.port}"
    assert unserved.logins == 2


# --- certificates of the hosts' own


def own() -> list[Identity]:
    """Make for each host a certificate of its own, which names no place that it is asked at."""
    return [self_signed(f"xcp{number}.local", ()) for number in (1, 2, 3)]


def pins(identities: Sequence[Identity]) -> Tls:
    """Give the configuration that accepts these certificates."""
    return Tls(
        fingerprint_sha256=tuple(
            bytes.fromhex(each.fingerprint.replace(":", "")) for each in identities
        )
    )


async def test_pinned_certificates(unserved: "Rig", stack: AsyncExitStack) -> None:
    """With the hosts' own certificates in the list, all is read, whatever they name."""
    hosts = own()
    pool = unserved.broken = await run(stack, [each.context for each in hosts])
    await unserved.serve(stack, tls=pins(hosts))
    all_read(await unserved.scrape(), pool)
    pool.move_master(master_first(pool.database.tables["host"], pool.master)[1])
    all_read(await unserved.scrape(), pool)


async def test_a_host_that_is_not_pinned(unserved: "Rig", stack: AsyncExitStack) -> None:
    """Its RRDs alone are missing; the line of the log says what is to be pinned, and where."""
    hosts = own()
    pool = unserved.broken = await run(stack, [each.context for each in hosts])
    await unserved.serve(stack, tls=pins([hosts[0], hosts[2]]))
    missing = master_first(pool.database.tables["host"], pool.master)[1]
    error = all_but_one_read(await unserved.scrape(), pool, missing)
    assert f"https://127.0.0.2:{pool.port}" in error
    assert hosts[1].fingerprint in error
    assert "add it to the list" in error
    assert "tls.fingerprint_sha256" in error
    assert (await unserved.scrape()).warnings == []


async def test_a_master_that_is_not_pinned(unserved: "Rig", stack: AsyncExitStack) -> None:
    """The pool is down, the master is sent nothing, and the line of the log says what to pin."""
    hosts = own()
    pool = unserved.broken = await run(stack, [each.context for each in hosts])
    await unserved.serve(stack, tls=pins(hosts[1:]))
    struck = await unserved.scrape()
    assert (struck.up("broken"), struck.up("sound")) == (0, 1)
    assert not pool.calls
    (line,) = struck.warnings
    assert (line["stage"], "host" in line) == ("login", False)
    assert hosts[0].fingerprint in line["error"]
    assert "add it to the list" in line["error"]

"""Which certificates are accepted, and that nothing is sent to a host whose one is not."""

import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import trustme

from xo_exporter.config import PoolConfig, Tls, Url
from xo_exporter.errors import PoolError, TlsRefused
from xo_exporter.simulator import Database, SimulatedPool
from xo_exporter.xapi import tls
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.session import Session

ConfigOf = Callable[..., PoolConfig]
LogIn = Callable[..., Awaitable[Session]]
Run = Callable[..., Awaitable[SimulatedPool]]

_STRINGS = msgspec.json.Decoder(list[str])
_HOSTNAME = "xcp1.example.org"


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """Make an authority that no system knows."""
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> Path:
    """Write its certificate to a file."""
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return path


@pytest.fixture
async def run(estate: Database, ca: trustme.CA) -> AsyncIterator[Run]:
    """Run the estate with certificates for these names, the master's first; the last one again."""
    async with AsyncExitStack() as stack:

        async def start(*names: str, contexts: list[ssl.SSLContext] | None = None) -> SimulatedPool:
            pool = SimulatedPool(estate, event_delay_s=0.0)
            hosts = sorted(estate.tables["host"], key=lambda host: host != pool.master)
            given = contexts or [_serving(ca.issue_cert(name)) for name in names]
            pool = SimulatedPool(
                estate,
                event_delay_s=0.0,
                ssl_contexts={
                    host: given[min(position, len(given) - 1)]
                    for position, host in enumerate(hosts)
                },
            )
            return await stack.enter_async_context(pool)

        yield start


def _serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def _write(file: Path, text: str | None) -> None:
    if text is None:
        file.unlink()
    else:
        file.write_text(text)


def _sha256(certificate: trustme.LeafCert) -> bytes:
    pem = certificate.cert_chain_pems[0].bytes().decode()
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()


def _others(pool: SimulatedPool) -> list[str]:
    return [host for host in pool.database.tables["host"] if host != pool.master]


async def _call(session: Session) -> list[str]:
    return await session.call(_STRINGS, "pool.get_all")


async def _rrd(session: Session, target: Target) -> bytes:
    query = {"start": "-10", "host": "true"}
    return await session.fetch_rrd(target, query, limit=1_000_000)


# --- verified


@pytest.mark.parametrize("jsonrpc", ["works", "missing"])
async def test_certificates_of_the_authority_are_accepted(
    jsonrpc: str, run: Run, ca_file: Path, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """With ca_file, certificates of that authority are accepted: log-in, calls and RRDs."""
    pool = await run("127.0.0.1", "127.0.0.2", "127.0.0.3")
    pool.faults.jsonrpc = jsonrpc  # type: ignore[assignment]  # one of its literals
    session = await log_in_to(config_of(pool, tls=Tls(ca_file=ca_file)))
    assert await _call(session) == list(pool.database.tables["pool"])
    for host in pool.database.tables["host"]:
        target = Target(Url.parse(pool.url_of(host)))
        assert b"<xport>" in await _rrd(session, target)


async def test_a_certificate_of_an_unknown_authority_is_refused(
    run: Run, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """By default the system's authorities count, and nothing is sent to a host they don't know."""
    pool = await run("127.0.0.1")
    with pytest.raises(TlsRefused, match="not accepted"):
        await log_in_to(config_of(pool))
    assert not pool.calls


async def test_a_self_signed_certificate_is_refused_with_its_fingerprint(
    estate: Database, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """A fresh host's certificate is refused; the error shows its SHA-256 and what to do with it."""
    async with SimulatedPool(estate, tls=True) as pool:
        with pytest.raises(TlsRefused) as caught:
            await log_in_to(config_of(pool))
        assert not pool.calls
    assert pool.fingerprint in caught.value.message
    assert "self-signed" in caught.value.message
    assert "tls.ca_file" in caught.value.hint
    assert "tls.fingerprint_sha256" in caught.value.hint


async def test_the_refusal_stands_where_the_fingerprint_cannot_be_had(
    run: Run, config_of: ConfigOf, log_in_to: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the host doesn't answer a second time, the error is the same without a fingerprint."""

    def fails(url: Url) -> bytes:
        raise ConnectionRefusedError(url)

    monkeypatch.setattr(tls, "_presented", fails)
    pool = await run("127.0.0.1")
    with pytest.raises(TlsRefused, match="not accepted") as caught:
        await log_in_to(config_of(pool))
    assert "SHA-256" not in caught.value.message


async def test_a_self_signed_certificate_may_be_its_own_authority(
    estate: Database, config_of: ConfigOf, log_in_to: LogIn, tmp_path: Path
) -> None:
    """A host's own certificate as ca_file is accepted, as far as it names the address."""
    async with SimulatedPool(estate, tls=True) as pool:
        ca_file = tmp_path / "host.pem"
        ca_file.write_bytes(pool.certificate)
        session = await log_in_to(config_of(pool, tls=Tls(ca_file=ca_file)))
        assert await _call(session)


async def test_a_certificate_in_ca_file_need_not_be_an_authority(
    run: Run, ca: trustme.CA, config_of: ConfigOf, log_in_to: LogIn, tmp_path: Path
) -> None:
    """What is in ca_file is trusted as it is, also without the authority that signed it."""
    certificate = ca.issue_cert("127.0.0.1")
    pool = await run(contexts=[_serving(certificate)])
    ca_file = tmp_path / "leaf.pem"
    ca_file.write_bytes(certificate.cert_chain_pems[0].bytes())
    session = await log_in_to(config_of(pool, tls=Tls(ca_file=ca_file)))
    assert await _call(session)


async def test_an_expired_certificate_is_refused(
    run: Run, ca: trustme.CA, ca_file: Path, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """A certificate of the right authority and name that is out of date is refused."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    certificate = ca.issue_cert("127.0.0.1", not_after=yesterday)
    pool = await run(contexts=[_serving(certificate)])
    with pytest.raises(TlsRefused, match="expired"):
        await log_in_to(config_of(pool, tls=Tls(ca_file=ca_file)))
    assert not pool.calls


# --- names


async def test_a_certificate_for_another_address_is_refused(
    run: Run, ca_file: Path, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """A certificate for another address than the configured one is refused before the log-in."""
    pool = await run("127.0.0.9")
    with pytest.raises(TlsRefused, match="mismatch"):
        await log_in_to(config_of(pool, tls=Tls(ca_file=ca_file)))
    assert not pool.calls


async def test_a_hostname_is_no_excuse_at_a_configured_address(
    run: Run, ca_file: Path, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """At an address of the configuration, a certificate for the host's hostname is refused."""
    pool = await run(_HOSTNAME)
    config = config_of(pool, tls=Tls(ca_file=ca_file))
    with pytest.raises(TlsRefused, match="mismatch"):
        await log_in_to(config, hostnames={"127.0.0.1": _HOSTNAME})
    assert not pool.calls


@pytest.mark.parametrize("jsonrpc", ["works", "missing"])
async def test_a_master_may_have_a_certificate_for_its_hostname(
    jsonrpc: str, run: Run, ca_file: Path, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """At the address that a member names, a certificate for the master's hostname is accepted."""
    pool = await run(_HOSTNAME, "127.0.0.2")
    pool.faults.jsonrpc = jsonrpc  # type: ignore[assignment]  # one of its literals
    member = pool.url_of(_others(pool)[0])
    config = config_of(pool, url=member, tls=Tls(ca_file=ca_file))
    session = await log_in_to(config, hostnames={"127.0.0.1": _HOSTNAME})
    assert str(session.target.url) == pool.url
    assert await _call(session)
    assert b"<xport>" in await _rrd(session, session.target)


async def test_a_master_with_a_certificate_for_another_hostname_is_refused(
    run: Run, ca_file: Path, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """At the address that a member names, a certificate for somebody else's name is refused."""
    pool = await run("xcp9.example.org", "127.0.0.2")
    config = config_of(pool, url=pool.url_of(_others(pool)[0]), tls=Tls(ca_file=ca_file))
    with pytest.raises(TlsRefused, match="mismatch"):
        await log_in_to(config, hostnames={"127.0.0.1": _HOSTNAME})
    assert pool.master not in pool.traffic.by_host


async def test_a_host_may_have_a_certificate_for_its_hostname(
    run: Run, ca_file: Path, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """RRDs are read from an address of XAPI where the certificate is for either of its names."""
    pool = await run("127.0.0.1", "xcp2.example.org", "127.0.0.3")
    session = await log_in_to(config_of(pool, tls=Tls(ca_file=ca_file)))
    for number in (2, 3):
        url = Url.parse(f"https://127.0.0.{number}:{pool.port}")
        for _ in range(2):
            assert b"<xport>" in await _rrd(session, Target(url, f"xcp{number}.example.org"))


@pytest.mark.parametrize("hostname", [None, "xcp3.example.org"])
async def test_rrds_of_a_host_with_a_wrong_name_are_not_asked_for(
    hostname: str | None, run: Run, ca_file: Path, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """A host whose certificate is for neither of its names never sees the session."""
    pool = await run("127.0.0.1", "xcp2.example.org")
    session = await log_in_to(config_of(pool, tls=Tls(ca_file=ca_file)))
    target = Target(Url.parse(f"https://127.0.0.2:{pool.port}"), hostname)
    with pytest.raises(TlsRefused, match="SHA-256"):
        await _rrd(session, target)
    assert pool.calls["/rrd_updates"] == 0


# --- pinned


async def test_pinned_certificates_are_accepted_whatever_they_name(
    run: Run, ca: trustme.CA, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """Each certificate in the list is accepted; neither authority nor name nor date counts."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    certificates = [
        ca.issue_cert("nobody.example.org"),
        ca.issue_cert("10.0.0.9", not_after=yesterday),
        trustme.CA().issue_cert("127.0.0.1"),
    ]
    pool = await run(contexts=[_serving(certificate) for certificate in certificates])
    pins = tuple(_sha256(certificate) for certificate in certificates)
    session = await log_in_to(config_of(pool, tls=Tls(fingerprint_sha256=pins)))
    assert await _call(session)
    for host in pool.database.tables["host"]:
        assert b"<xport>" in await _rrd(session, Target(Url.parse(pool.url_of(host)), "any"))


async def test_a_certificate_that_is_not_pinned_is_refused_before_the_log_in(
    estate: Database, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """With another pin nothing is sent; the error shows the SHA-256 that was presented."""
    async with SimulatedPool(estate, tls=True) as pool:
        pins = (b"\0" * 32, b"\1" * 32)
        with pytest.raises(TlsRefused, match=r"not in tls\.fingerprint_sha256") as caught:
            await log_in_to(config_of(pool, tls=Tls(fingerprint_sha256=pins)))
        assert not pool.calls
    assert pool.fingerprint in caught.value.message
    assert "add it to the list" in caught.value.hint


async def test_a_good_authority_does_not_make_up_for_a_missing_pin(
    run: Run, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """Where certificates are pinned, a valid one that is not in the list is refused."""
    pool = await run("127.0.0.1")
    with pytest.raises(TlsRefused):
        await log_in_to(config_of(pool, tls=Tls(fingerprint_sha256=(b"\0" * 32,))))
    assert not pool.calls


async def test_rrds_of_a_host_that_is_not_pinned_are_not_asked_for(
    run: Run, ca: trustme.CA, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """A host whose certificate is not in the list never sees the session; the error shows it."""
    master, other = ca.issue_cert("127.0.0.1"), ca.issue_cert("127.0.0.2")
    pool = await run(contexts=[_serving(master), _serving(other)])
    session = await log_in_to(config_of(pool, tls=Tls(fingerprint_sha256=(_sha256(master),))))
    with pytest.raises(TlsRefused) as caught:
        await _rrd(session, Target(Url.parse(f"https://127.0.0.2:{pool.port}")))
    assert tls.colons(_sha256(other)) in caught.value.message
    assert pool.calls["/rrd_updates"] == 0


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize("jsonrpc", ["works", "missing"])
async def test_a_certificate_that_changes_after_the_log_in_is_refused(
    pinned: bool,  # noqa: FBT001  as pytest gives it
    jsonrpc: str,
    run: Run,
    ca: trustme.CA,
    ca_file: Path,
    config_of: ConfigOf,
    log_in_to: LogIn,
) -> None:
    """Calls judge certificates as the log-in does: a host that has become another gets none."""
    certificate = ca.issue_cert("127.0.0.1")
    context = _serving(certificate)
    pool = await run(contexts=[context])
    pool.faults.jsonrpc = jsonrpc  # type: ignore[assignment]  # one of its literals
    pins = Tls(fingerprint_sha256=(_sha256(certificate),))
    session = await log_in_to(config_of(pool, tls=pins if pinned else Tls(ca_file=ca_file)))
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    pool.traffic.reset()
    with pytest.raises(TlsRefused):
        await _call(session)
    assert not pool.calls


# --- not verified, and read anew


async def test_without_verification_any_certificate_will_do(
    run: Run, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """With verify false, authority and name don't count, for the log-in, for calls, for RRDs."""
    pool = await run("nobody.example.org")
    session = await log_in_to(config_of(pool, tls=Tls(verify=False)))
    assert await _call(session)
    assert b"<xport>" in await _rrd(session, session.target)


async def test_the_ca_file_is_read_at_each_log_in(
    run: Run, ca: trustme.CA, ca_file: Path, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """A ca_file that changes counts from the next log-in on; one that is gone is named."""
    pool = await run("127.0.0.1")
    config = config_of(pool, tls=Tls(ca_file=ca_file))
    trustme.CA().cert_pem.write_to_path(ca_file)
    with pytest.raises(TlsRefused, match="not accepted"):
        await log_in_to(config)
    ca.cert_pem.write_to_path(ca_file)
    session = await log_in_to(config)
    _write(ca_file, "no certificate\n")
    with pytest.raises(TlsRefused, match=r"ca\.pem can't be used"):
        await log_in_to(config)
    _write(ca_file, None)
    with pytest.raises(TlsRefused, match=r"ca\.pem can't be used \(No such file"):
        await log_in_to(config)
    assert await _call(session)


def test_authorities_are_loaded_once(
    ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many pools share what takes long to load, the system's and a file's, until it changes."""
    of_file, of_system = Tls(ca_file=ca_file), Tls()
    system = tmp_path / "system.pem"
    trustme.CA().cert_pem.write_to_path(system)
    monkeypatch.setenv("SSL_CERT_FILE", str(system))
    monkeypatch.setattr(tls, "_FRESH", -1.0)
    for which, path in ((of_file, ca_file), (of_system, system)):
        first = tls.client_context(which)
        assert tls.client_context(which) is first
        trustme.CA().cert_pem.write_to_path(path, append=True)
        second = tls.client_context(which)
        assert second is not first
        assert len(second.get_ca_certs()) == len(first.get_ca_certs()) + 1
        assert tls.client_context(which) is second


async def test_a_host_without_tls_is_an_error_of_ours(
    estate: Database, config_of: ConfigOf, log_in_to: LogIn
) -> None:
    """HTTPS with a host that speaks HTTP fails as TLS; the other way round it fails, too."""
    async with SimulatedPool(estate) as plain:
        url = plain.url.replace("http:", "https:")
        with pytest.raises(TlsRefused, match="fails"):
            await log_in_to(config_of(plain, url=url, tls=Tls(verify=False)))
    async with SimulatedPool(estate, tls=True) as encrypted:
        url = encrypted.url.replace("https:", "http:")
        with pytest.raises(PoolError):
            await log_in_to(config_of(encrypted, url=url))
        assert not encrypted.calls

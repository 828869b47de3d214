"""`--web.config.file`: the file's own rules, held against promtool's."""

import subprocess
import sys
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from tests.programs import found
from xo_exporter.errors import ConfigError
from xo_exporter.web.access import WebConfigFile
from xo_exporter.web.server_tls import server_context
from xo_exporter.web.web_config import WebConfig, read_web_config

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"

TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key"

GOOD = {
    "empty": "",
    "tls": TLS + "}",
    "versions": TLS + ", min_version: TLS13, max_version: TLS13}",
    "ciphers": TLS + ", cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], "
    "prefer_server_cipher_suites: false}",
    "cipher of TLS 1.3": TLS + ", cipher_suites: [TLS_AES_128_GCM_SHA256]}",
    "curve": TLS + ", curve_preferences: [X25519]}",
    "client certificates": TLS + ", client_auth_type: RequireAndVerifyClientCert, "
    "client_ca_file: ca.crt}",
    "users": f"basic_auth_users: {{alice: '{HASH}', bob: '{HASH}'}}",
    "headers": "http_server_config: {http2: false, headers: {X-Frame-Options: deny, "
    "Strict-Transport-Security: max-age=1, Content-Security-Policy: default-src 'self', "
    "X-Content-Type-Options: nosniff, X-XSS-Protection: '0'}}",
}

BAD = {
    "unknown key": "tls: {}",
    "unknown key in tls": TLS + ", colour: red}",
    "no key file": "tls_server_config: {cert_file: server.crt}",
    "no certificate file": "tls_server_config: {key_file: server.key}",
    "unknown version": TLS + ", min_version: TLS14}",
    "unknown cipher": TLS + ", cipher_suites: [ROT13]}",
    "unknown curve": TLS + ", curve_preferences: [circle]}",
    "unknown client_auth_type": TLS + ", client_auth_type: Maybe}",
    "authorities without a policy": TLS + ", client_ca_file: ca.crt}",
    "plain password": "basic_auth_users: {alice: secret}",
    "cost that is too low": f"basic_auth_users: {{alice: '{HASH.replace('$10$', '$03$')}'}}",
    "cost that is too high": f"basic_auth_users: {{alice: '{HASH.replace('$10$', '$32$')}'}}",
    "header that is not ours to set": "http_server_config: {headers: {Server: me}}",
    "frame option": "http_server_config: {headers: {X-Frame-Options: maybe}}",
    "a list": "- tls_server_config",
    "missing certificate": "tls_server_config: {cert_file: no.crt, key_file: server.key}",
}

NOT_HONOURED = {
    "certificates asked for unverified": TLS + ", client_auth_type: RequestClientCert}",
    "any certificate": TLS + ", client_auth_type: RequireAnyClientCert}",
    "the first kind of bcrypt": f"basic_auth_users: {{alice: '{HASH.replace('2y', '2')}'}}",
    "several curves": TLS + ", curve_preferences: [X25519, CurveP256]}",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a certificate, its key, and an authority."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "server.crt")
    certificate.private_key_pem.write_to_path(tmp_path / "server.key")
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    return tmp_path


def _use(folder: Path, text: str) -> None:
    path = folder / "web.yml"
    path.write_text(text)
    server_context(WebConfigFile(path))


def _promtool(folder: Path) -> bool:
    command = [found("promtool"), "check", "web-config", str(folder / "web.yml")]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_good_file_is_taken(folder: Path, text: str) -> None:
    """A file that promtool finds nothing wrong with is taken."""
    _use(folder, text)
    assert _promtool(folder)


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_bad_file_is_refused(folder: Path, text: str) -> None:
    """A file that promtool refuses is a configuration error of one line."""
    with pytest.raises(ConfigError) as caught:
        _use(folder, text)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert not _promtool(folder)


@pytest.mark.parametrize("text", NOT_HONOURED.values(), ids=NOT_HONOURED)
def test_key_that_cannot_be_honoured_is_refused(folder: Path, text: str) -> None:
    """What promtool takes and this server can't do is a configuration error, never ignored."""
    with pytest.raises(ConfigError, match=r"web\.yml:1"):
        _use(folder, text)
    assert _promtool(folder)


def test_key_with_a_password_is_refused(folder: Path) -> None:
    """A key that would need a password is a configuration error; nobody is asked for one."""
    key = serialization.load_pem_private_key((folder / "server.key").read_bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (folder / "server.key").write_bytes(encrypted)
    (folder / "web.yml").write_text(GOOD["tls"])
    program = (
        "import sys, pathlib; from xo_exporter.web import access, server_tls;"
        "server_tls.server_context(access.WebConfigFile(pathlib.Path(sys.argv[1])))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(folder / "web.yml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        start_new_session=True,
    )
    assert "ConfigError" in ended.stderr
    assert "pass phrase" not in ended.stderr


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """A file that isn't there is a configuration error."""
    with pytest.raises(ConfigError, match="No such file"):
        read_web_config(tmp_path / "web.yml")


def test_file_is_read_anew_when_it_changes(folder: Path) -> None:
    """A changed file is in force at once, and one that can't be used is an error until mended."""
    path = folder / "web.yml"
    path.write_text("")
    file = WebConfigFile(path)
    assert file.current() == WebConfig()
    path.write_text(GOOD["users"])
    assert set(file.current().users) == {"alice", "bob"}
    path.write_text(BAD["plain password"])
    with pytest.raises(ConfigError):
        file.current()
    path.write_text(GOOD["headers"])
    assert file.current().headers["X-Frame-Options"] == "deny"

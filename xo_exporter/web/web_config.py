"""`--web.config.file`: TLS, client certificates, headers and basic auth of our own server.

The format is that of the Prometheus exporter toolkit. A key that can't be honoured here is a
configuration error; `http2` is taken and has no effect, since this server speaks HTTP/1.1.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from ssl import TLSVersion
from typing import Final

from xo_exporter.config_yaml import Place, read_yaml
from xo_exporter.errors import ConfigError

VERSIONS: Final[Mapping[str, TLSVersion]] = {
    "TLS10": TLSVersion.TLSv1,
    "TLS11": TLSVersion.TLSv1_1,
    "TLS12": TLSVersion.TLSv1_2,
    "TLS13": TLSVersion.TLSv1_3,
}
CIPHERS: Final[Mapping[str, str]] = {
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
}
"""OpenSSL's names by the standard ones, of all suites up to TLS 1.2 that the toolkit knows."""
# Of TLS 1.3 the toolkit takes the names and lets all suites be; so do we.
TLS13_CIPHERS: Final = frozenset(
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
)
CURVES: Final[Mapping[str, str]] = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}
CLIENT_AUTH: Final = ("NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert")
_UNVERIFIED: Final = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")
_HEADERS: Final[Mapping[str, Sequence[str]]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
# With the costs that bcrypt has: 4 to 31.
_BCRYPT: Final = re.compile(r"\$2[abxy]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """`tls_server_config`."""

    cert_file: Path
    key_file: Path
    client_auth_type: str = "NoClientCert"
    client_ca_file: Path | None = None
    client_allowed_sans: tuple[str, ...] = ()
    min_version: TLSVersion = TLSVersion.TLSv1_2
    max_version: TLSVersion = TLSVersion.TLSv1_3
    ciphers: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    curve: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """The whole file; hashes of passwords by user, headers by name."""

    tls: ServerTls | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, bytes] = field(default_factory=dict)


def read_web_config(path: Path) -> WebConfig:
    """The file at `path`; files it names are relative to its folder. Raises ConfigError."""
    try:
        if not path.read_bytes().strip():
            return WebConfig()  # as the toolkit: nothing asked for, nothing done
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from error
    top = read_yaml(path).fields(("tls_server_config", "http_server_config", "basic_auth_users"))
    http = top.get("http_server_config")
    return WebConfig(
        tls=_tls(top["tls_server_config"], path.parent) if "tls_server_config" in top else None,
        headers=_headers(http) if http else {},
        users=_users(top["basic_auth_users"]) if "basic_auth_users" in top else {},
    )


def _tls(place: Place, folder: Path) -> ServerTls | None:
    keys = place.fields(
        (
            "cert_file",
            "key_file",
            "client_auth_type",
            "client_ca_file",
            "client_allowed_sans",
            "min_version",
            "max_version",
            "cipher_suites",
            "prefer_server_cipher_suites",
            "curve_preferences",
        )
    )
    if not keys.keys() & {"cert_file", "key_file", "client_ca_file", "client_auth_type"}:
        return None
    for name in ("cert_file", "key_file"):
        if name not in keys:
            raise place.error(f"expected the key {name}, which is missing")
    auth = _choice(keys, "client_auth_type", CLIENT_AUTH, "NoClientCert")
    client_ca = folder / keys["client_ca_file"].text() if "client_ca_file" in keys else None
    if client_ca is not None and auth == "NoClientCert":
        raise keys["client_ca_file"].error("expected client_auth_type beside it")
    if client_ca is None and auth != "NoClientCert":
        raise keys["client_auth_type"].error("expected client_ca_file beside it")
    sans = (
        tuple(item.text() for item in keys["client_allowed_sans"].items())
        if ("client_allowed_sans" in keys)
        else ()
    )
    if sans and auth != "RequireAndVerifyClientCert":
        raise keys["client_allowed_sans"].error(
            "expected client_auth_type: RequireAndVerifyClientCert beside it"
        )
    curves = _list(keys, "curve_preferences", CURVES)
    if len(curves) > 1:
        raise keys["curve_preferences"].error("expected one curve: this server can't rank several")
    suites = _list(keys, "cipher_suites", (*CIPHERS, *TLS13_CIPHERS))
    prefer = keys.get("prefer_server_cipher_suites")
    return ServerTls(
        cert_file=folder / keys["cert_file"].text(),
        key_file=folder / keys["key_file"].text(),
        client_auth_type=auth,
        client_ca_file=client_ca,
        client_allowed_sans=sans,
        min_version=VERSIONS[_choice(keys, "min_version", VERSIONS, "TLS12")],
        max_version=VERSIONS[_choice(keys, "max_version", VERSIONS, "TLS13")],
        ciphers=tuple(CIPHERS[suite] for suite in suites if suite in CIPHERS),
        prefer_server_cipher_suites=prefer.boolean() if prefer else True,
        curve=CURVES[curves[0]] if curves else None,
    )


def _choice(
    keys: Mapping[str, Place], name: str, known: Sequence[str] | Mapping[str, object], default: str
) -> str:
    if name not in keys:
        return default
    text = keys[name].text()
    if text in _UNVERIFIED:
        raise keys[name].error(f"{text} can't be honoured, it asks for certificates unverified")
    if text not in known:
        raise keys[name].error(f"expected one of {', '.join(known)}")
    return text


def _list(
    keys: Mapping[str, Place], name: str, known: Sequence[str] | Mapping[str, object]
) -> list[str]:
    if name not in keys:
        return []
    found = []
    for item in keys[name].items():
        if item.text() not in known:
            raise item.error(f"expected one of {', '.join(known)}")
        found.append(item.text())
    return found


def _headers(place: Place) -> dict[str, str]:
    keys = place.fields(("http2", "headers"))
    if "http2" in keys:
        keys["http2"].boolean()
    if "headers" not in keys:
        return {}
    headers: dict[str, str] = {}
    for name, value in keys["headers"].fields(tuple(_HEADERS)).items():
        text, allowed = value.text(), _HEADERS[name]
        if allowed and text not in allowed:
            raise value.error(f"expected one of {', '.join(allowed)}")
        if not text.isprintable():
            raise value.error("expected one line of visible characters")
        headers[name] = text
    return headers


def _users(place: Place) -> dict[str, bytes]:
    users: dict[str, bytes] = {}
    for name, value in place.any_fields(secret=True).items():
        text = value.text()
        if not _BCRYPT.fullmatch(text):
            raise value.error("expected a bcrypt hash, as `htpasswd -nB` prints one")
        users[name] = text.encode()
    return users

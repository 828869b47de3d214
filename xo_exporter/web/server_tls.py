"""TLS of our own server; certificates are read anew when their files change."""

import ssl
from pathlib import Path
from typing import Any, Final

import structlog

from xo_exporter.errors import ConfigError
from xo_exporter.web.access import WebConfigFile
from xo_exporter.web.web_config import ServerTls

log = structlog.get_logger()

_VERIFY: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


def server_context(file: WebConfigFile) -> ssl.SSLContext | None:
    """The context to listen with; None without TLS. Raises ConfigError.

    Each handshake is done with what the files hold at that time. Whether there is TLS at all is
    settled when the server starts.
    """
    tls = file.current().tls
    return None if tls is None else _Reloading(file, tls).context


class _Reloading:
    def __init__(self, file: WebConfigFile, tls: ServerTls) -> None:
        self._file = file
        self._stamp = _stamp(tls)
        self._latest = _context(tls)
        self.context = _context(tls)
        self.context.sni_callback = self._on_hello

    def _on_hello(
        self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _: ssl.SSLContext
    ) -> None:
        try:
            tls = self._file.current().tls
            if tls is not None and (stamp := _stamp(tls)) != self._stamp:
                self._latest = _context(tls)
                self._stamp = stamp
                # A connection takes these from the context it began with.
                self.context.minimum_version = tls.min_version
                self.context.maximum_version = tls.max_version
                self.context.verify_mode = _VERIFY[tls.client_auth_type]
                log.info("the server's certificate was read anew", file=str(tls.cert_file))
        except ConfigError as error:
            log.warning("the server's certificate can't be read anew", error=str(error))
        connection.context = self._latest


def _stamp(tls: ServerTls) -> tuple[object, ...]:
    stamps: list[object] = [tls]
    for path in (tls.cert_file, tls.key_file, tls.client_ca_file):
        try:
            status = path.stat() if path else None
        except OSError:
            status = None
        stamps.append(status and (status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(stamps)


def _context(tls: ServerTls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = tls.min_version, tls.max_version
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(tls.cert_file, tls.key_file)
    except (OSError, ssl.SSLError) as error:
        raise _unusable(tls.cert_file, error, f"with the key {tls.key_file}") from error
    if tls.client_ca_file is not None:
        try:
            context.load_verify_locations(tls.client_ca_file)
        except (OSError, ssl.SSLError) as error:
            raise _unusable(tls.client_ca_file, error, "as authorities of clients") from error
    context.verify_mode = _VERIFY[tls.client_auth_type]
    if tls.ciphers:
        context.set_ciphers(":".join(tls.ciphers))
    if not tls.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if tls.curve is not None:
        context.set_ecdh_curve(tls.curve)
    if tls.client_allowed_sans:
        _allow_only(context, frozenset(tls.client_allowed_sans))
    return context


def _unusable(path: Path, error: OSError, how: str) -> ConfigError:
    return ConfigError(f"{path} can't be used {how} ({error.strerror or error})")


def _allow_only(context: ssl.SSLContext, allowed: frozenset[str]) -> None:
    class Checked(ssl.SSLObject):
        """A server's side of a connection, whose client must have one of the names."""

        def do_handshake(self) -> None:
            super().do_handshake()
            certificate = self.getpeercert() or {}
            entries: Any = certificate.get("subjectAltName", ())  # pairs of kind and value
            names = {entry[1] for entry in entries}
            if not names & allowed:
                raise ssl.SSLError(1, "the client's certificate has none of the allowed names")

    context.sslobject_class = Checked

"""TLS of our own server; all of it is read anew when its files change."""

import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

from xo_exporter.errors import ConfigError
from xo_exporter.web.access import WebConfigFile
from xo_exporter.web.files import FromFiles, stamp_of
from xo_exporter.web.web_config import ServerTls

_VERIFY: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_TO_REFUSE: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # has no certificate for a handshake


def server_context(file: WebConfigFile) -> ssl.SSLContext | None:
    """The context to listen with; None without TLS. Raises ConfigError.

    Each connection is held to what the files say when it comes. Whether there is TLS at all is
    settled when the server starts.
    """
    tls = file.current().tls
    return None if tls is None else _Listening(_Latest(file, tls).context)


class _Listening(ssl.SSLContext):
    """Hands each connection to the context that `choose` gives when it comes."""

    # A callback at the client's hello would be too late: by then OpenSSL has settled some of it
    # by the context that the connection began with, and asyncio all of the handshake's checks.
    def __new__(cls, _choose: Callable[[], ssl.SSLContext]) -> Self:
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, choose: Callable[[], ssl.SSLContext]) -> None:
        self._choose = choose

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002  ssl's own
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """A connection's side of TLS, by the rules of now."""
        return self._choose().wrap_bio(incoming, outgoing, server_side, server_hostname, session)


class _Latest:
    """The context by what the web configuration and the files that it names say now."""

    def __init__(self, file: WebConfigFile, tls: ServerTls) -> None:
        self._file = file
        self._tls = tls
        self._files = FromFiles("TLS of this server", lambda: _context(self._tls), self._stamp)
        self._good = self._rules(), self._files.current()

    def context(self) -> ssl.SSLContext:
        """The context for a connection that comes now.

        Where the certificate and its key can't be used, or don't fit because one of them is
        still to be renewed, those before go on. Where the rules can't be followed nobody is let in.
        """
        # While the web configuration can't be used each request is answered so.
        with contextlib.suppress(ConfigError):
            self._tls = self._file.current().tls or self._tls
        try:
            self._good = self._rules(), self._files.current()
        except ConfigError:
            if self._good[0] != self._rules():
                return _TO_REFUSE
        return self._good[1]

    def _rules(self) -> object:
        return self._tls, stamp_of(self._tls.client_ca_file)

    def _stamp(self) -> object:
        return self._rules(), stamp_of(self._tls.cert_file), stamp_of(self._tls.key_file)


def _context(tls: ServerTls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = tls.min_version, tls.max_version
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a password OpenSSL would ask for one on the terminal.
        context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except (OSError, ssl.SSLError) as error:
        raise _unusable(tls.cert_file, error, f"with the key {tls.key_file}") from error
    if tls.client_ca_file is not None:
        try:
            context.load_verify_locations(tls.client_ca_file)
        except (OSError, ssl.SSLError) as error:
            raise _unusable(tls.client_ca_file, error, "as authorities of clients") from error
    context.verify_mode = _VERIFY[tls.client_auth_type]
    if tls.ciphers:
        try:
            context.set_ciphers(":".join(tls.ciphers))
        except ssl.SSLError as error:
            raise ConfigError("this system's OpenSSL allows none of cipher_suites") from error
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

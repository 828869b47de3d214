"""Which certificate of a pool is accepted.

With `verify` the chain is checked against the system's authorities or `ca_file`, and the name
against the address that is asked. With pinned fingerprints the certificate itself must be in
the list, and neither chain nor name counts. Either way it is settled in the handshake, before
a byte of ours is sent.
"""

import hashlib
import ssl

from xo_exporter.config import Tls
from xo_exporter.errors import TlsRefused


class CertificateNotPinned(ssl.SSLError):
    """The handshake's own error for a certificate that is not in the list."""


def colons(fingerprint: bytes) -> str:
    """A fingerprint as people compare it: `AB:CD:…`."""
    return fingerprint.hex(":").upper()


def _check_pinned(connection: ssl.SSLObject | ssl.SSLSocket, pinned: tuple[bytes, ...]) -> None:
    certificate = connection.getpeercert(binary_form=True)
    presented = hashlib.sha256(certificate or b"").digest()
    if presented not in pinned:
        raise CertificateNotPinned(
            ssl.SSLErrorNumber.SSL_ERROR_SSL,
            f"the certificate presented, SHA-256 {colons(presented)}, is not in "
            "fingerprint_sha256; if it is the host's own, add it there",
        )


def _pinning_context(pinned: tuple[bytes, ...]) -> ssl.SSLContext:
    class PinnedObject(ssl.SSLObject):
        """What asyncio does its handshakes with."""

        def do_handshake(self) -> None:
            super().do_handshake()
            _check_pinned(self, pinned)

    class PinnedSocket(ssl.SSLSocket):
        """What blocking connections do their handshakes with."""

        def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002  ssl's own
            super().do_handshake(block)
            _check_pinned(self, pinned)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.sslobject_class = PinnedObject
    context.sslsocket_class = PinnedSocket
    return context


def client_context(tls: Tls) -> ssl.SSLContext:
    """The TLS context of one log-in; the CA file is read now.

    Raises TlsRefused when that file can't be used.
    """
    if tls.fingerprint_sha256:
        return _pinning_context(tls.fingerprint_sha256)
    if not tls.verify:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        return ssl.create_default_context(cafile=tls.ca_file)
    except OSError as error:
        raise TlsRefused(
            f"ca_file {tls.ca_file} can't be used ({error.strerror or error})",
            hint="it has to hold certificates in PEM form",
        ) from error


def is_wrong_name(error: BaseException) -> bool:
    """Whether a certificate was refused for its name alone."""
    hostname_mismatch, ip_mismatch = 62, 64
    return isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in (
        hostname_mismatch,
        ip_mismatch,
    )


def refusal(error: ssl.SSLError, where: str) -> TlsRefused:
    """Our error for a handshake with `where` that failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsRefused(
            f"the certificate of {where} is not accepted ({error.verify_message})",
            hint="give its authority in tls.ca_file, or pin it in tls.fingerprint_sha256",
        )
    reason = error.args[1] if len(error.args) > 1 else error
    return TlsRefused(f"TLS with {where} fails ({reason})")

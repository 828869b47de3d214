"""Which certificate of a pool is accepted.

With `verify` the chain is checked against the system's authorities or `ca_file`, and the name
against the address that is asked. With pinned fingerprints the certificate itself must be in
the list, and neither chain nor name counts. Either way it is settled in the handshake, before
a byte of ours is sent.
"""

import asyncio
import hashlib
import ssl
from contextlib import suppress
from typing import Final

from xo_exporter.config import Tls, Url
from xo_exporter.errors import TlsRefused
from xo_exporter.xapi.blocking import in_thread

_LOOK_TIMEOUT: Final = 2.0  # seconds to see which certificate it was that is not accepted


class CertificateNotPinned(ssl.SSLError):
    """The handshake's own error for a certificate that is not in the list."""

    def __init__(self, presented: bytes) -> None:
        super().__init__(ssl.SSLErrorNumber.SSL_ERROR_SSL, "the certificate is not pinned")
        self.presented = presented


def colons(fingerprint: bytes) -> str:
    """A fingerprint as people compare it: `AB:CD:…`."""
    return fingerprint.hex(":").upper()


def _check_pinned(connection: ssl.SSLObject | ssl.SSLSocket, pinned: tuple[bytes, ...]) -> None:
    certificate = connection.getpeercert(binary_form=True)
    presented = hashlib.sha256(certificate or b"").digest()
    if presented not in pinned:
        raise CertificateNotPinned(presented)


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

    context = _unverified_context()
    context.sslobject_class = PinnedObject
    context.sslsocket_class = PinnedSocket
    return context


def _unverified_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def client_context(tls: Tls) -> ssl.SSLContext:
    """The TLS context of one log-in; the CA file is read now.

    Raises TlsRefused when that file can't be used.
    """
    if tls.fingerprint_sha256:
        return _pinning_context(tls.fingerprint_sha256)
    if not tls.verify:
        return _unverified_context()
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except OSError as error:
        raise TlsRefused(
            f"ca_file {tls.ca_file} can't be used ({error.strerror or error})",
            hint="it has to hold certificates in PEM form",
        ) from error
    # The same by every version of Python: what is in ca_file is trusted, be it a host's own
    # certificate, and XAPI's own ones lack fields that only pedants miss.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def is_wrong_name(error: BaseException | None) -> bool:
    """Whether a certificate was refused for its name alone."""
    hostname_mismatch, ip_mismatch = 62, 64
    return isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in (
        hostname_mismatch,
        ip_mismatch,
    )


def refusal(error: ssl.SSLError, where: str, presented: bytes | None = None) -> TlsRefused:
    """Our error for a handshake with `where` that failed.

    `presented` is the SHA-256 of the certificate, where it is known.
    """
    digest = f"; its SHA-256 is {colons(presented)}" if presented else ""
    if isinstance(error, CertificateNotPinned):
        return TlsRefused(
            f"the certificate of {where} is not in tls.fingerprint_sha256{digest}",
            hint="if that is the host's own certificate, add it to the list",
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsRefused(
            f"the certificate of {where} is not accepted ({error.verify_message}){digest}",
            hint="give its authority in tls.ca_file or, if that is the host's own certificate, "
            "pin it in tls.fingerprint_sha256",
        )
    reason = error.args[1] if len(error.args) > 1 else error
    return TlsRefused(f"TLS with {where} fails ({reason})")


async def explained_refusal(error: ssl.SSLError, url: Url) -> TlsRefused:
    """As `refusal`, with the SHA-256 of the certificate that `url` presents, if it can be had."""
    presented = None
    if isinstance(error, CertificateNotPinned):
        presented = error.presented
    elif isinstance(error, ssl.SSLCertVerificationError):
        # OpenSSL doesn't hand out a certificate that it has refused: look at it once more,
        # on a connection that nothing is sent on.
        with suppress(TimeoutError, OSError, ValueError):
            async with asyncio.timeout(_LOOK_TIMEOUT):
                presented = await in_thread(lambda: _presented(url), abandon=lambda: None)
    return refusal(error, str(url), presented)


def _presented(url: Url) -> bytes:
    address = (url.host, url.effective_port)
    pem = ssl.get_server_certificate(address, timeout=_LOOK_TIMEOUT)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()

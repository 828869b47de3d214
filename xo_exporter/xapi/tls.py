"""Which certificate of a pool is accepted.

With `verify` the chain is checked against the system's authorities or `ca_file`, and the name
against the address that is asked. With pinned fingerprints the certificate itself must be in
the list, and neither chain nor name counts. Either way it is settled in the handshake, before
a byte of ours is sent.
"""

import asyncio
import hashlib
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

from xo_exporter.config import Tls, Url
from xo_exporter.errors import PoolError, TlsRefused
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
    """The TLS context of one log-in; blocks: the CA file, or the system's, is read now.

    Those with the same authorities share one, since to load the system's takes some 30
    milliseconds and a megabyte. Raises TlsRefused when the CA file can't be used.
    """
    if tls.fingerprint_sha256:
        return _pinning_context(tls.fingerprint_sha256)
    if not tls.verify:
        return _unverified_context()
    try:
        # A file may be far away, and keeps nobody else waiting.
        text = None if tls.ca_file is None else tls.ca_file.read_bytes()
        with _loading:
            return _verifying_context(
                tls.ca_file, _state_of_the_systems() if text is None else text
            )
    except OSError as error:
        raise TlsRefused(
            f"ca_file {tls.ca_file} can't be used ({error.strerror or error})",
            hint="it has to hold certificates in PEM form",
        ) from error


READERS: Final = ThreadPoolExecutor(4, "authorities")
"""Where `client_context` is called beside the event loop; hundreds at once would hold it up."""
_FRESH: Final = 1.0  # seconds; some hundred files are looked at
_looked_at: tuple[float, object] | None = None
_loading: Final = threading.Lock()
# By CA file, None for the system's authorities: what was read, and the context with it.
_loaded: Final[dict[Path | None, tuple[object, ssl.SSLContext]]] = {}


def _verifying_context(ca_file: Path | None, state: object) -> ssl.SSLContext:
    known = _loaded.get(ca_file)
    if known is not None and known[0] == state:
        return known[1]
    context = ssl.create_default_context(cafile=ca_file)
    # The same by every version of Python: what is in ca_file is trusted, be it a host's own
    # certificate, and XAPI's own ones lack fields that only pedants miss.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    _loaded[ca_file] = state, context
    return context


def _state_of_the_systems() -> object:
    """What changes when the system's authorities do, at most so many seconds later."""
    global _looked_at  # noqa: PLW0603  as long as the process
    now = time.monotonic()
    if _looked_at is None or now - _looked_at[0] > _FRESH:
        _looked_at = now, _authorities()
    return _looked_at[1]


def _authorities() -> frozenset[tuple[str, int, int, int]]:
    """The files that the system's authorities are looked for in, and what changes with them."""
    paths = ssl.get_default_verify_paths()
    files = [Path(paths.cafile)] if paths.cafile else []
    if paths.capath:
        with suppress(OSError):  # it may not be read: then OpenSSL finds nothing there, either
            files += Path(paths.capath).iterdir()
    state = []
    for file in files:
        with suppress(OSError):  # a link to what is gone
            stat = file.stat()
            state.append((str(file), stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return frozenset(state)


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
        with suppress(TimeoutError, OSError, ValueError, PoolError):
            async with asyncio.timeout(_LOOK_TIMEOUT):
                presented = await in_thread(lambda: _presented(url), abandon=lambda: None)
    return refusal(error, str(url), presented)


def _presented(url: Url) -> bytes:
    address = (url.host, url.effective_port)
    pem = ssl.get_server_certificate(address, timeout=_LOOK_TIMEOUT)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()

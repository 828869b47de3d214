"""How the XenAPI package reaches a pool: our transport under its session.

XenAPI is a blocking `xmlrpc.client`; it has no timeouts, checks certificates in one way only
and reads a body of any length. This transport bounds all of that, and mends ill-formed text.
"""

import http.client
import socket
import ssl
import time
import xmlrpc.client
from collections.abc import Callable
from typing import Any, Final
from xml.parsers.expat import ExpatError

import XenAPI

from xo_exporter import __version__
from xo_exporter.errors import (
    ApiFailure,
    BadAnswer,
    HostIsSlave,
    LoginRefused,
    PoolError,
    SessionInvalid,
    TooLate,
    Unreachable,
)
from xo_exporter.xapi import tls, xml_text

USER_AGENT: Final = f"xo-exporter/{__version__}"
ORIGINATOR: Final = "xo-exporter"
MAX_BODY: Final = 1 << 30
"""Bytes; a full read of the largest pool that XAPI supports is 70 MB of XML."""

_CHUNK: Final = 1 << 16


class _TlsConnection(http.client.HTTPSConnection):
    """An HTTPS connection whose certificate may be for another name than the address."""

    def __init__(
        self, host: str, *, context: ssl.SSLContext, timeout: float, name: str | None
    ) -> None:
        super().__init__(host, context=context, timeout=timeout)
        self._tls_context = context
        self._certificate_name = name

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        name = self._certificate_name or self.host
        self.sock = self._tls_context.wrap_socket(self.sock, server_hostname=name)


class PoolTransport(xmlrpc.client.Transport):
    """The transport of one XenAPI session: TLS, timeouts, limits, our User-Agent.

    `deadline` (of time.monotonic) is set before each call and bounds all of it.
    """

    user_agent = USER_AGENT
    accept_gzip_encoding = False  # XAPI compresses nothing, and a bomb is not let in

    def __init__(self, context: ssl.SSLContext | None, *, certificate_name: str | None) -> None:
        super().__init__()
        self._context = context
        self._certificate_name = certificate_name
        self._live: http.client.HTTPConnection | None = None
        self.connected = False  # whether somebody took the connection, and TLS is agreed
        self.deadline = time.monotonic()

    def _remaining(self) -> float:
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        return remaining

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        """The kept connection to `host`, or a new one; its timeout is what time there is left."""
        if self._connection[0] == host and self._live is not None:
            self._live.timeout = self._remaining()
            if self._live.sock is not None:
                self._live.sock.settimeout(self._live.timeout)
            return self._live
        timeout = self._remaining()
        if self._context is None:
            self._live = http.client.HTTPConnection(host, timeout=timeout)
        else:
            self._live = _TlsConnection(
                host, context=self._context, timeout=timeout, name=self._certificate_name
            )
        self._connection = host, self._live
        return self._live

    def send_headers(self, connection: Any, headers: Any) -> None:
        """Connect, where that isn't done, and send the head of a request."""
        if connection.sock is None:
            connection.connect()
        self.connected = True
        super().send_headers(connection, headers)

    def parse_response(self, response: Any) -> Any:
        """The values in an HTTP response: read whole, within limits, mended if need be."""
        chunks: list[bytes] = []
        size = 0
        while chunk := response.read1(_CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BODY:
                self.abort()
                raise BadAnswer(f"the answer is longer than {MAX_BODY} bytes")
            self._remaining()
        body = b"".join(chunks)
        try:
            return self._parse(body)
        except ExpatError:
            return self._parse(xml_text.mend(body))

    def _parse(self, body: bytes) -> Any:
        parser, unmarshaller = self.getparser()
        parser.feed(body)
        parser.close()
        return unmarshaller.close()

    def abort(self) -> None:
        """End what the transport is doing, from whichever thread."""
        live = self._live
        if live is not None and live.sock is not None:
            try:
                live.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                live.sock.close()


_REFUSED_CODES: Final = frozenset(
    {
        "SESSION_AUTHENTICATION_FAILED",
        "SESSION_AUTHORIZATION_FAILED",
        "RBAC_PERMISSION_DENIED",
        "USER_IS_NOT_LOCAL_SUPERUSER",
    }
)


def api_failure(details: list[str]) -> ApiFailure:
    """Our error for XAPI's: its code first, then the parameters."""
    code = str(details[0]) if details else "(no code)"
    params = tuple(str(param) for param in details[1:])
    if code == "HOST_IS_SLAVE":
        return HostIsSlave(code, params)
    if code == "SESSION_INVALID":
        return SessionInvalid(code)
    if code in _REFUSED_CODES:
        return LoginRefused(
            code, params, hint="check the user, the password and the role it has on the pool"
        )
    return ApiFailure(code, params)


def call(function: Callable[[], Any], where: str) -> Any:
    """The result of a XenAPI call to `where`; whatever it raises becomes an error of ours."""
    try:
        return function()
    except XenAPI.Failure as error:
        raise api_failure(list(error.details)) from error
    except xmlrpc.client.Fault as error:
        if error.faultCode == 401:
            raise SessionInvalid("SESSION_INVALID") from error
        raise BadAnswer(f"{where} gives no XAPI answer ({error.faultString})") from error
    except xmlrpc.client.ProtocolError as error:
        raise BadAnswer(f"{where} answers HTTP status {error.errcode}") from error
    except ssl.SSLError as error:
        raise tls.refusal(error, where) from error
    except TimeoutError as error:
        raise TooLate(f"{where} did not answer in time") from error
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"no connection with {where} ({describe(error)})") from error
    except PoolError:
        raise
    except Exception as error:
        # xmlrpc.client and XenAPI raise what comes (TypeError, KeyError, ExpatError, …) on
        # answers of another form than they expect.
        raise BadAnswer(f"{where} gives no XAPI answer ({type(error).__name__})") from error


def describe(error: BaseException) -> str:
    """What a library says went wrong, in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__

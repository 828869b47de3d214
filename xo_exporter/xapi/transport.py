"""How the XenAPI package reaches a pool: our transport under its session.

XenAPI is a blocking `xmlrpc.client`; it has no timeouts, checks certificates in one way only,
asks again by itself when a connection is cut, and reads a body of any length. This transport
bounds all of that, and mends ill-formed text.
"""

import contextlib
import http.client
import os
import socket
import ssl
import threading
import time
import xmlrpc.client
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar
from xml.parsers.expat import ExpatError

import XenAPI

from xo_exporter import __version__
from xo_exporter.errors import (
    BadAnswer,
    PoolError,
    SessionInvalid,
    TooLate,
    Unreachable,
    bounded,
)
from xo_exporter.xapi import tls, xml_text
from xo_exporter.xapi.failures import api_failure
from xo_exporter.xapi.http_connections import Connection, TlsConnection

T = TypeVar("T")

USER_AGENT: Final = f"xo-exporter/{__version__}"
ORIGINATOR: Final = "xo-exporter"
MAX_BODY: Final = 80_000_000
"""Bytes of JSON; the VMs of a pool that has 10,000 are 50 MB, and are asked for by themselves."""
XML_IS_LONGER: Final = 2
"""How many times as long an answer may be in XML; these VMs are 117 MB there."""
SHORT_BODY: Final = 1 << 20
"""Bytes of an answer to a log-in."""

_CHUNK: Final = 1 << 16


class _Unreadable(Exception):
    """An answer that is not looked at any further; the text says why."""


class PoolTransport(xmlrpc.client.Transport):
    """A transport for XenAPI: TLS, a time limit, a size limit, our User-Agent.

    Each call has a connection of its own and is sent once. All of it must be done by `deadline`
    (of time.monotonic). Where `certificate_name` is set, the certificate must be for that name,
    else for the address. An answer may have `limit` bytes.
    """

    user_agent = USER_AGENT
    accept_gzip_encoding = False  # XAPI compresses nothing, and a bomb is not let in

    def __init__(
        self,
        context: ssl.SSLContext | None,
        *,
        certificate_name: str | None,
        deadline: float,
        limit: int = SHORT_BODY,
    ) -> None:
        super().__init__()
        self._limit = limit
        self.deadline = deadline
        self._context = context
        self._certificate_name = certificate_name
        self._socket: socket.socket | None = None
        self._aborted = False
        self._sent = False
        self._state = threading.Lock()

    @property
    def has_sent(self) -> bool:
        """Whether a server may have got anything of what was asked."""
        return self._sent

    def _publish(self, connection: socket.socket) -> None:
        with self._state:
            self._socket = connection
            if self._aborted:
                raise TimeoutError

    def _remaining(self) -> float:
        remaining = self.deadline - time.monotonic()
        if remaining <= 0 or self._aborted:
            raise TimeoutError
        return remaining

    def request(self, host: Any, handler: str, request_body: Any, verbose: bool = False) -> Any:  # noqa: FBT001, FBT002  xmlrpc's own
        """Send one call and give the values of its answer; never twice."""
        return self.single_request(host, handler, request_body, verbose)

    def single_request(
        self,
        host: Any,
        handler: str,
        request_body: Any,
        verbose: bool = False,  # noqa: FBT001, FBT002  xmlrpc's own
    ) -> Any:
        """As `request`; the body of an HTTP error is not even read."""
        try:
            connection = self.send_request(host, handler, request_body, verbose)
            response = connection.getresponse()
            if response.status != 200:
                raise xmlrpc.client.ProtocolError(str(host), response.status, response.reason, {})
            return self.parse_response(response)
        finally:
            self.close()

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        """A new connection to `host`; its timeout is what time there is left."""
        timeout = self._remaining()
        connection: http.client.HTTPConnection
        if self._context is None:
            connection = Connection(host, timeout=timeout, publish=self._publish)
        else:
            connection = TlsConnection(
                host,
                context=self._context,
                timeout=timeout,
                name=self._certificate_name,
                publish=self._publish,
            )
        self._connection = host, connection
        return connection

    def send_headers(self, connection: Any, headers: Any) -> None:
        """Connect, and send the head of the request if there is still time for it."""
        connection.connect()
        with self._state:
            connection.sock.settimeout(self._remaining())
            self._sent = True
        super().send_headers(connection, headers)

    def parse_response(self, response: Any) -> Any:
        """The values in an HTTP response: read whole, within limits, mended if need be."""
        chunks: list[bytes] = []
        size = 0
        while chunk := response.read1(_CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size > self._limit:
                raise _Unreadable(f"longer than {self._limit} bytes")
            if self._socket is not None:
                self._socket.settimeout(self._remaining())
        if response.length:  # bytes that were announced and never came
            raise http.client.IncompleteRead(b"", response.length)
        body = b"".join(chunks)
        chunks.clear()
        if xml_text.has_document_type(body):
            raise _Unreadable("a web page, or another document with a type")
        try:
            return self._parse(xml_text.pieces(body, _CHUNK))
        except ExpatError:
            return self._parse(map(xml_text.mend, xml_text.pieces(body, _CHUNK)))

    def _parse(self, pieces: Iterable[bytes]) -> Any:
        parser, unmarshaller = self.getparser()
        for piece in pieces:
            parser.feed(piece)
            self._remaining()  # nobody waits for the rest of a very long one
        parser.close()
        return unmarshaller.close()

    def abort(self) -> None:
        """End for good what the transport is doing, from whichever thread."""
        with self._state:
            self._abort()

    def abort_unless_sent(self) -> bool:
        """As `abort`, where no server can have got anything yet; gives whether that was so."""
        with self._state:
            if not self._sent:
                self._abort()
            return not self._sent

    def _abort(self) -> None:
        self._aborted = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # The socket's own: that of TLS takes away what a handshake still needs.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def call(function: Callable[[], T], where: str) -> T:
    """The result of a XenAPI call to `where`; whatever it raises becomes an error of ours."""
    try:
        return function()
    except XenAPI.Failure as error:
        failure = api_failure(list(error.details))
    except (xmlrpc.client.Error, _Unreadable) as error:
        raise _no_answer(error, where) from error
    except ssl.SSLError as error:
        raise tls.refusal(error, where) from error
    except TimeoutError as error:
        raise TooLate(f"{where} did not answer in time") from error
    except (OSError, http.client.HTTPException) as error:
        raise _no_http(error, where) from error
    except PoolError:
        raise
    except ExpatError as error:
        raise BadAnswer(f"{where} gives no XAPI answer (no XML)") from error
    except Exception as error:
        # xmlrpc.client and XenAPI raise what comes (TypeError, KeyError, …) on answers of
        # another form than they expect.
        raise BadAnswer(f"{where} gives no XAPI answer (XML of another form)") from error
    # Raised out here, since XenAPI's error tells all the parameters, a session's reference too.
    raise failure


def _no_answer(error: Exception, where: str) -> PoolError:
    match error:
        case xmlrpc.client.Fault(faultCode=401):
            return SessionInvalid("SESSION_INVALID")
        case xmlrpc.client.ProtocolError(errcode=status):
            return BadAnswer(f"{where} answers HTTP status {status}")
        case _Unreadable():
            return BadAnswer(f"{where} gives no XAPI answer ({error})")
        case xmlrpc.client.Fault():  # its text is the server's own
            return BadAnswer(f"{where} gives no XAPI answer, but a fault of XML-RPC")
        case _:
            return BadAnswer(f"{where} gives no XAPI answer (XML of another form)")


def _no_http(error: OSError | http.client.HTTPException, where: str) -> PoolError:
    """Our error for what the libraries below say; some quote what came, which may be a secret."""
    match error:
        case http.client.IncompleteRead():
            return cut_off(where)
        case ConnectionResetError() | BrokenPipeError() | ConnectionAbortedError():
            return Unreachable(f"{where} closed the connection")
        case OSError():
            return Unreachable(f"no connection with {where} ({describe(error)})")
        case _:
            return BadAnswer(f"{where} answers no HTTP")


def cut_off(where: str) -> Unreachable:
    """Our error for an answer that breaks off."""
    return Unreachable(f"{where} closed the connection before its answer was complete")


def describe(error: OSError) -> str:
    """What kept a connection from being made, in the words of the operating system."""
    if not isinstance(error, ssl.SSLError | socket.gaierror) and error.errno:
        with contextlib.suppress(ValueError, OverflowError):
            # asyncio's own text names the address alone; gaierror's numbers are others
            return os.strerror(error.errno)
    return bounded(error.strerror or str(error) or type(error).__name__)

"""Connections that XenAPI's calls go over: to any address of a name, and ended from elsewhere."""

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Callable
from typing import Final

_SHORTEST: Final = 0.001  # seconds; a timeout of 0 would mean another thing

Publish = Callable[[socket.socket], None]
"""Tells of a socket before anything is waited for on it; raises TimeoutError where nobody waits."""


def _connected(host: str, port: int, seconds: float, publish: Publish) -> socket.socket:
    """A connection to one of the addresses of `host`, of which none may take all the time."""
    deadline = time.monotonic() + seconds
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    errors: list[OSError] = []
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        share = (deadline - time.monotonic()) / (len(addresses) - position)
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(max(share, _SHORTEST))
            publish(connection)
            connection.connect(address)
        except OSError as error:
            connection.close()
            errors.append(error)
        else:
            connection.settimeout(max(deadline - time.monotonic(), _SHORTEST))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
    raise errors[0]


class Connection(http.client.HTTPConnection):
    """An HTTP connection to whichever address of a name answers."""

    def __init__(self, host: str, *, timeout: float, publish: Publish) -> None:
        super().__init__(host, timeout=timeout)
        self._seconds = timeout
        self._publish = publish

    def connect(self) -> None:
        """Connect; raises OSError."""
        self.sock = _connected(self.host, self.port, self._seconds, self._publish)


class TlsConnection(http.client.HTTPSConnection):
    """An HTTPS connection whose certificate may be for another name than the address."""

    def __init__(
        self,
        host: str,
        *,
        context: ssl.SSLContext,
        timeout: float,
        name: str | None,
        publish: Publish,
    ) -> None:
        super().__init__(host, context=context, timeout=timeout)
        self._tls_context = context
        self._certificate_name = name
        self._seconds = timeout
        self._publish = publish

    def connect(self) -> None:
        """Connect, and look at the certificate; raises OSError."""
        connection = _connected(self.host, self.port, self._seconds, self._publish)
        # Certificates have names without the dot of the root.
        name = self._certificate_name or self.host.removesuffix(".")
        with contextlib.ExitStack() as unless_it_works:
            unless_it_works.callback(connection.close)
            wrapped = self._tls_context.wrap_socket(
                connection, server_hostname=name, do_handshake_on_connect=False
            )
            unless_it_works.callback(wrapped.close)
            self._publish(wrapped)
            wrapped.do_handshake()
            self.sock = wrapped
            unless_it_works.pop_all()

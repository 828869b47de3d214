"""Whether a service of this machine answers: what a container's health check or probe runs."""

import http.client
import ssl
from typing import Final

from xo_exporter.settings import Listen

_TIMEOUT: Final = 4.0  # seconds
_HEALTHY: Final = "/-/healthy"
_READY: Final = "/-/ready"
_ALIVE: Final = (200, 401)  # who may read is another question than whether it lives


def answers(listen: Listen, *, ready: bool = False) -> bool:
    """Whether the service that listens there answers that it is well, by HTTP or else by TLS.

    It is asked on loopback where it listens at every address. A service that wants a client's
    certificate or a password lives, too: its refusal is an answer. With `ready` it is asked
    whether each pool was tried; such a service does not tell, and counts as ready.
    """
    path = _READY if ready else _HEALTHY
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104  asked, not bound
    plain = http.client.HTTPConnection(host, listen.port, timeout=_TIMEOUT)
    return _asked(plain, path) or _by_tls(host, listen.port, path)


def _asked(connection: http.client.HTTPConnection, path: str) -> bool:
    try:
        connection.request("GET", path)
        return connection.getresponse().status in _ALIVE
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _by_tls(host: str, port: int, path: str) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The certificate is for the name that others use; nothing secret is sent.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT, context=context)
    try:
        connection.connect()
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except OSError:
        return False
    try:
        connection.request("GET", path)
        return connection.getresponse().status in _ALIVE
    except (ssl.SSLError, ConnectionError):
        return True  # by TLS 1.3 it says only now that it wants a certificate
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

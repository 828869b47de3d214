"""Asking a pool's hosts over HTTP: certificates, limits, and our errors for aiohttp's."""

import ssl
from collections.abc import Mapping
from typing import Final, NamedTuple

import aiohttp

from xo_exporter.errors import BadAnswer, PoolError, TooLate, Unreachable
from xo_exporter.xapi import tls, transport
from xo_exporter.xapi.addresses import Target

_TRIES: Final = 2
_READ_BUFFER: Final = 1 << 18


class Answer(NamedTuple):
    """HTTP status, content type in lower case, and body."""

    status: int
    content_type: str
    body: bytes


class HttpClient:
    """Asks the hosts of one pool, all of whose certificates are judged by `context`.

    There is no time limit: who awaits an answer cancels it. Redirects are never followed.
    """

    def __init__(self, context: ssl.SSLContext | None) -> None:
        # Targets whose certificate is for their hostname: that name is tried first.
        self._by_hostname: set[Target] = set()
        self._calls = self._session(context)
        # Hosts close a connection after they gave their RRDs. Closed at once by us it does not
        # lie about, with a quarter of a megabyte, until it is looked for.
        self._downloads = self._session(context, force_close=True)

    def _session(
        self, context: ssl.SSLContext | None, *, force_close: bool = False
    ) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context or True, limit=0, force_close=force_close),
            cookie_jar=aiohttp.DummyCookieJar(),
            # XAPI compresses nothing, and a bomb is not let in.
            headers={"User-Agent": transport.USER_AGENT, "Accept-Encoding": "identity"},
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=_READ_BUFFER,
        )

    async def get(
        self,
        target: Target,
        path: str,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        limit: int,
    ) -> Answer:
        """What `target` answers to a GET of `path`, on a connection of its own.

        Raises Unreachable, after `close` too, TlsRefused, and BadAnswer for no HTTP or a body
        longer than `limit`.
        """
        return await self._ask(target, f"{target.url}{path}", query, headers, None, limit)

    async def post_json(self, target: Target, path: str, body: bytes, *, limit: int) -> Answer:
        """What `target` answers to a POST of JSON, that must be safe to send twice; as `get`."""
        headers = {"Content-Type": "application/json"}
        return await self._ask(target, f"{target.url}{path}", {}, headers, body, limit)

    async def _ask(
        self,
        target: Target,
        url: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes | None,
        limit: int,
    ) -> Answer:
        for position, name in enumerate(self._certificate_names(target)):
            try:
                answer = await self._ask_as(name, url, query, headers, body, limit)
            except aiohttp.ClientConnectorCertificateError as error:
                if not position and target.hostname and tls.is_wrong_name(error.certificate_error):
                    continue
                raise await _translated(error, target) from error
            except (aiohttp.ClientError, OSError) as error:
                raise await _translated(error, target) from error
            (self._by_hostname.add if name else self._by_hostname.discard)(target)
            return answer
        raise AssertionError("the last name either answers or raises")

    def _certificate_names(self, target: Target) -> list[str | None]:
        """The names that the certificate may be for, the likely one first; None: the address."""
        if not target.hostname:
            return [None]
        by_hostname = target in self._by_hostname
        return [target.hostname, None] if by_hostname else [None, target.hostname]

    async def _ask_as(
        self,
        certificate_name: str | None,
        url: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes | None,
        limit: int,
    ) -> Answer:
        session = self._downloads if body is None else self._calls
        if session.closed:
            raise Unreachable("the session was closed meanwhile")
        for tries_left in reversed(range(_TRIES)):
            try:
                async with session.request(
                    "GET" if body is None else "POST",
                    url,
                    params=query,
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    server_hostname=certificate_name,
                ) as response:
                    content = await _read(response, url, limit)
                    return Answer(response.status, response.content_type, content)
            except aiohttp.ClientConnectorError:
                raise
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionResetError):
                # A kept connection that the server has closed meanwhile.
                if not tries_left:
                    raise
        raise AssertionError("the last try either answers or raises")

    async def close(self) -> None:
        """Close all connections."""
        await self._calls.close()
        await self._downloads.close()


async def _read(response: aiohttp.ClientResponse, url: str, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise BadAnswer(f"{url} answers with more than {limit} bytes")
    return b"".join(chunks)


async def _translated(error: Exception, target: Target) -> PoolError:
    where = str(target.url)
    match error:
        case aiohttp.ClientConnectorCertificateError(certificate_error=cause):
            return await tls.explained_refusal(_ssl_error(cause), target.url)
        case aiohttp.ClientConnectorSSLError(os_error=cause):
            return await tls.explained_refusal(_ssl_error(cause), target.url)
        case _:
            return _no_answer(error, where)


def _no_answer(error: Exception, where: str) -> PoolError:
    """Our error for what aiohttp says; it quotes what came, which may be what was sent."""
    match error:
        case TimeoutError():
            return TooLate(f"{where} did not answer in time")
        case aiohttp.ClientConnectorError(os_error=cause):
            return Unreachable(f"no connection with {where} ({transport.describe(cause)})")
        case aiohttp.ClientPayloadError():
            return transport.cut_off(where)
        case aiohttp.ClientConnectionError() | OSError():
            return Unreachable(f"{where} closed the connection")
        case _:
            return BadAnswer(f"{where} answers no HTTP")


def _ssl_error(error: BaseException) -> ssl.SSLError:
    return error if isinstance(error, ssl.SSLError) else ssl.SSLError(0, str(error))

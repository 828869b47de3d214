"""One XAPI session: calls over JSON-RPC or XML-RPC, files over HTTP, log-out."""

import asyncio
import ssl
import time
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import aiohttp
import msgspec
import XenAPI

from xo_exporter.errors import BadAnswer, LoginRefused, SessionInvalid, TooLate, Unreachable
from xo_exporter.xapi import json_text, tls, transport
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.blocking import in_thread

T = TypeVar("T")

_FOREVER: Final = 3600.0  # seconds; whoever calls cancels long before
_NEW_CONNECTION_TRIES: Final = 2


class _Reply(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: msgspec.Raw = msgspec.Raw(b"null")


class _ErrorObject(msgspec.Struct):
    message: str = ""
    data: list[str] | None = None


_REPLY: Final = msgspec.json.Decoder(_Reply)
# JSON-RPC 1.0 puts XAPI's list of code and parameters into `error`; so does 2.0 for errors
# before a call is dispatched (a host that is still booting); otherwise 2.0 has an object.
_ERROR: Final = msgspec.json.Decoder(list[str] | _ErrorObject | None)


class NoJsonRpc(BadAnswer):
    """This server has no usable `/jsonrpc`."""


class Session:
    """A log-in that is in force; `log_out` ends it.

    `target` is the master that answered the log-in, `ref` the session's reference. Calls and
    reads have no time limit of their own: who awaits them cancels them.
    """

    def __init__(
        self,
        target: Target,
        ref: str,
        *,
        context: ssl.SSLContext | None,
        xenapi: XenAPI.Session,
        xenapi_transport: transport.PoolTransport,
    ) -> None:
        self.target = target
        self._ref = ref
        self._xenapi = xenapi
        self._xenapi_transport = xenapi_transport
        self._xenapi_lock = asyncio.Lock()
        self._json = True
        self._certificate_names: dict[str, str | None] = {}
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context or True, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": transport.USER_AGENT},
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=1 << 18,
        )

    def __repr__(self) -> str:
        return f"Session({self.target.url})"

    async def call(self, decoder: msgspec.json.Decoder[T], method: str, *params: object) -> T:
        """The result of an XAPI call, by `decoder`; the session's reference is put in front.

        Raises PoolError: ApiFailure for XAPI's own errors, BadAnswer for what is none of its
        answers.
        """
        if self._json:
            try:
                return await self._call_json(decoder, method, params)
            except NoJsonRpc:
                result = await self._call_xml(method, params)
                self._json = False
        else:
            result = await self._call_xml(method, params)
        # As JSON, so that one decoder reads both; XML-RPC has dates of a type of its own.
        body = msgspec.json.encode(result, enc_hook=str)
        return json_text.decode(decoder, body, f"the answer of {self.target.url} to {method}")

    async def _call_json(
        self, decoder: msgspec.json.Decoder[T], method: str, params: tuple[object, ...]
    ) -> T:
        request = msgspec.json.encode(
            {"jsonrpc": "2.0", "method": method, "params": [self._ref, *params], "id": 1}
        )
        status, content_type, body = await self.fetch(
            self.target, "/jsonrpc", body=request, limit=transport.MAX_BODY
        )
        if status != 200 or content_type != "application/json":
            raise NoJsonRpc(
                f"{self.target.url} answers /jsonrpc with HTTP status {status}, {content_type}"
            )
        what = f"the answer of {self.target.url} to {method}"
        reply = json_text.decode(_REPLY, body, what)
        del body
        error = json_text.decode(_ERROR, reply.error, what)
        if isinstance(error, list):
            raise transport.api_failure(error)
        if error is not None:
            raise transport.api_failure([error.message, *(error.data or [])])
        return json_text.decode(decoder, reply.result, what)

    async def _call_xml(self, method: str, params: tuple[object, ...]) -> Any:
        where = str(self.target.url)

        def run() -> Any:
            self._xenapi_transport.deadline = time.monotonic() + _FOREVER
            return transport.call(lambda: self._xenapi.xenapi_request(method, params), where)

        async with self._xenapi_lock:
            return await in_thread(run, abandon=self._xenapi_transport.abort)

    async def fetch(
        self,
        target: Target,
        path: str,
        *,
        limit: int,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[int, str, bytes]:
        """HTTP status, content type and body that `target` answers, never following a redirect.

        With `body` it is a POST of JSON. Raises Unreachable, TlsRefused, TooLate, and BadAnswer
        for a body longer than `limit` bytes.
        """
        where = str(target.url)
        names = [self._certificate_names.get(where)]
        names += [name for name in (None, target.hostname) if name not in names]
        for position, name in enumerate(names):
            try:
                answer = await self._fetch_once(target, path, query, headers, body, limit, name)
            except aiohttp.ClientConnectorCertificateError as error:
                wrong_name = tls.is_wrong_name(error.certificate_error)
                if wrong_name and position + 1 < len(names):
                    continue
                raise tls.refusal(_ssl_error(error.certificate_error), where) from error
            except aiohttp.ClientConnectorSSLError as error:
                raise tls.refusal(_ssl_error(error.os_error), where) from error
            except TimeoutError as error:
                raise TooLate(f"{where} did not answer in time") from error
            except aiohttp.ClientConnectorError as error:
                reason = transport.describe(error.os_error)
                raise Unreachable(f"no connection with {where} ({reason})") from error
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
                reason = transport.describe(error)
                raise Unreachable(f"{where} closed the connection ({reason})") from error
            except aiohttp.ClientError as error:
                reason = transport.describe(error)
                raise BadAnswer(f"{where} answers no HTTP ({reason})") from error
            self._certificate_names[where] = name
            return answer
        raise AssertionError("the last name either answers or raises")

    async def _fetch_once(
        self,
        target: Target,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        body: bytes | None,
        limit: int,
        certificate_name: str | None,
    ) -> tuple[int, str, bytes]:
        url = f"{target.url}{path}"
        for attempt in range(_NEW_CONNECTION_TRIES):
            try:
                async with self._http.request(
                    "GET" if body is None else "POST",
                    url,
                    params=query,
                    data=body,
                    headers={"Content-Type": "application/json", **(headers or {})}
                    if body is not None
                    else headers,
                    allow_redirects=False,
                    server_hostname=certificate_name,
                ) as response:
                    chunks: list[bytes] = []
                    size = 0
                    async for chunk in response.content.iter_any():
                        chunks.append(chunk)
                        size += len(chunk)
                        if size > limit:
                            raise BadAnswer(f"{url} answers with more than {limit} bytes")
                    return response.status, response.content_type, b"".join(chunks)
            except (aiohttp.ServerDisconnectedError, ConnectionResetError):
                # A kept connection that the server has closed meanwhile; all we ask is read only.
                if attempt + 1 == _NEW_CONNECTION_TRIES:
                    raise
        raise AssertionError("the last try either answers or raises")

    async def fetch_rrd(self, target: Target, query: Mapping[str, str], *, limit: int) -> bytes:
        """The body of `/rrd_updates` of a host, as XML; raises PoolError when there is none."""
        status, _, body = await self.fetch(
            target,
            "/rrd_updates",
            query=query,
            # The session stands in the cookie: a URL ends up in logs. xapi hands the socket
            # over to another daemon and closes it, so that there is nothing to keep.
            headers={
                "Accept": "text/xml",
                "Cookie": f"session_id={self._ref}",
                "Connection": "close",
            },
            limit=limit,
        )
        if status == 401:
            raise SessionInvalid("SESSION_INVALID")
        if status == 403:
            raise LoginRefused(
                "RBAC_PERMISSION_DENIED", hint="the role has to be read-only or more"
            )
        if status != 200:
            raise BadAnswer(f"{target.url}/rrd_updates answers HTTP status {status}")
        return body

    async def log_out(self) -> None:
        """End the session on the server, as far as it answers, and close all connections."""
        try:
            await self.call(_ANYTHING, "session.logout")
        finally:
            await self.close()

    async def close(self) -> None:
        """Close all connections; the session on the server is left as it is."""
        await self._http.close()
        self._xenapi_transport.close()


_ANYTHING: Final = msgspec.json.Decoder()


def _ssl_error(error: BaseException) -> ssl.SSLError:
    return error if isinstance(error, ssl.SSLError) else ssl.SSLError(0, str(error))

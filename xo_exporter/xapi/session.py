"""One XAPI session: calls over JSON-RPC or XML-RPC, RRDs over HTTP, log-out."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from xo_exporter.errors import BadAnswer, LoginRefused, SessionInvalid
from xo_exporter.xapi import json_text, transport
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.failures import api_failure
from xo_exporter.xapi.http_client import HttpClient
from xo_exporter.xapi.xml_rpc import call_xml

T = TypeVar("T")

_XML_CALLS_AT_ONCE: Final = 4  # each has a thread and a connection of its own


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
_ANYTHING: Final = msgspec.json.Decoder()


class NoJsonRpc(BadAnswer):
    """What answers at `/jsonrpc` is no JSON-RPC; `for_good` where it won't be one next time."""

    def __init__(self, where: str, status: int, content_type: str) -> None:
        super().__init__(f"{where} answers /jsonrpc with HTTP status {status}, {content_type}")
        self.for_good = status < 500


class Session:
    """A log-in that is in force; `log_out` ends it.

    `target` is the master that answered the log-in, `ref` the session's reference, and
    `certificate_name` the name that the master's certificate was accepted for where that isn't
    its address. Calls and reads have no time limit of their own: who awaits them cancels them.
    """

    def __init__(
        self,
        target: Target,
        ref: str,
        *,
        context: ssl.SSLContext | None,
        certificate_name: str | None,
    ) -> None:
        self.target = target
        self._ref = ref
        self._context = context
        self._certificate_name = certificate_name
        self._json = True
        self._xml_calls = asyncio.Semaphore(_XML_CALLS_AT_ONCE)
        self._http = HttpClient(context)

    def __repr__(self) -> str:
        return f"Session({self.target.url})"

    async def call(self, decoder: msgspec.json.Decoder[T], method: str, *params: object) -> T:
        """The result of an XAPI call, by `decoder`; the session's reference is put in front.

        The call may be sent twice. Raises PoolError: ApiFailure for XAPI's own errors,
        BadAnswer for what is none of its answers.
        """
        if self._json:
            try:
                return await self._call_json(decoder, method, params)
            except NoJsonRpc as missing:
                body = await self._call_xml(method, params)
                self._json = not missing.for_good
        else:
            body = await self._call_xml(method, params)
        return json_text.decode(decoder, body, self._answer_to(method))

    async def field(self, decoder: msgspec.json.Decoder[T], name: str) -> T:
        """A field of the session's own record, such as `is_local_superuser`; as `call`."""
        return await self.call(decoder, f"session.get_{name}", self._ref)

    def _answer_to(self, method: str) -> str:
        return f"the answer of {self.target.url} to {method}"

    async def _call_json(
        self, decoder: msgspec.json.Decoder[T], method: str, params: tuple[object, ...]
    ) -> T:
        request = msgspec.json.encode(
            {"jsonrpc": "2.0", "method": method, "params": [self._ref, *params], "id": 1}
        )
        answer = await self._http.post_json(
            self.target, "/jsonrpc", request, limit=transport.MAX_BODY
        )
        if answer.status != 200 or answer.content_type != "application/json":
            raise NoJsonRpc(str(self.target.url), answer.status, answer.content_type)
        what = self._answer_to(method)
        reply = json_text.decode(_REPLY, answer.body, what)
        del answer
        error = json_text.decode(_ERROR, reply.error, what)
        if isinstance(error, list):
            raise api_failure(error)
        if error is not None:
            raise api_failure([error.message, *(error.data or [])])
        return json_text.decode(decoder, reply.result, what)

    async def _call_xml(self, method: str, params: tuple[object, ...]) -> bytes:
        async with self._xml_calls:
            return await call_xml(
                self.target,
                method,
                (self._ref, *params),
                context=self._context,
                certificate_name=self._certificate_name,
            )

    async def fetch_rrd(self, target: Target, query: Mapping[str, str], *, limit: int) -> bytes:
        """The body of `/rrd_updates` of a host, as XML; raises PoolError when there is none."""
        answer = await self._http.get(
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
        if answer.status == 401:
            raise SessionInvalid("SESSION_INVALID")
        if answer.status == 403:
            raise LoginRefused(
                "RBAC_PERMISSION_DENIED", hint="the role has to be read-only or more"
            )
        if answer.status != 200:
            raise BadAnswer(f"{target.url}/rrd_updates answers HTTP status {answer.status}")
        return answer.body

    async def log_out(self) -> None:
        """End the session on the server, as far as it answers, and close all connections."""
        try:
            await self.call(_ANYTHING, "session.logout")
        finally:
            await self.close()

    async def close(self) -> None:
        """Close all connections; the session on the server is left as it is."""
        await self._http.close()

"""One XAPI session: calls over JSON-RPC or XML-RPC, RRDs over HTTP, log-out."""

import asyncio
import ssl
import threading
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import msgspec

from xo_exporter.errors import BadAnswer, LoginRefused, SessionInvalid
from xo_exporter.xapi import batch, reply, transport
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.blocking import in_thread
from xo_exporter.xapi.http_client import HttpClient
from xo_exporter.xapi.xml_rpc import call_xml

T = TypeVar("T")

_XML_CALLS_AT_ONCE: Final = 4  # each has a thread and a connection of its own


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
        BadAnswer for what is none of its answers, and for one longer than a mebibyte.
        """
        body = await self._reply(method, params, limit=transport.SHORT_BODY)
        what = self._answer_to(method)
        if len(body) < batch.LARGE:
            return reply.result(decoder, body, what)
        return await in_thread(lambda: reply.result(decoder, body, what), abandon=lambda: None)

    async def event_from(
        self, classes: Iterable[str], token: str, records: batch.Decoders = batch.DECODERS
    ) -> batch.Batch:
        """What has changed in these classes since `token`, all of them where it is empty.

        As `call`, but the answer may be long; then it is read beside the event loop.
        """
        # A float it must be: some servers refuse an integer here.
        params = (list(classes), token, 0.0)
        body = await self._reply("event.from", params, limit=transport.MAX_BODY)
        what = self._answer_to("event.from")
        given_up = threading.Event()
        if len(body) < batch.LARGE:
            return batch.read(body, what, given_up.is_set, records)
        return await in_thread(
            lambda: batch.read(body, what, given_up.is_set, records), abandon=given_up.set
        )

    async def field(self, decoder: msgspec.json.Decoder[T], name: str) -> T:
        """A field of the session's own record, such as `is_local_superuser`; as `call`."""
        return await self.call(decoder, f"session.get_{name}", self._ref)

    def _answer_to(self, method: str) -> str:
        return f"the answer of {self.target.url} to {method}"

    async def _reply(self, method: str, params: tuple[object, ...], *, limit: int) -> bytes:
        """The answer to a call in JSON-RPC, whichever dialect the server speaks."""
        if self._json:
            try:
                return await self._call_json(method, params, limit)
            except NoJsonRpc as missing:
                body = await self._call_xml(method, params, limit)
                self._json = not missing.for_good
                return body
        return await self._call_xml(method, params, limit)

    async def _call_json(self, method: str, params: tuple[object, ...], limit: int) -> bytes:
        request = msgspec.json.encode(
            {"jsonrpc": "2.0", "method": method, "params": [self._ref, *params], "id": 1}
        )
        answer = await self._http.post_json(self.target, "/jsonrpc", request, limit=limit)
        if answer.status != 200 or answer.content_type != "application/json":
            raise NoJsonRpc(str(self.target.url), answer.status, answer.content_type)
        return answer.body

    async def _call_xml(self, method: str, params: tuple[object, ...], limit: int) -> bytes:
        async with self._xml_calls:
            return await call_xml(
                self.target,
                method,
                (self._ref, *params),
                context=self._context,
                certificate_name=self._certificate_name,
                limit=limit * transport.XML_IS_LONGER,
            )

    async def fetch_rrd(self, target: Target, query: Mapping[str, str], *, limit: int) -> bytes:
        """The body of `/rrd_updates` of a host, as XML; raises PoolError when there is none."""
        answer = await self._http.get(
            target,
            "/rrd_updates",
            query=query,
            # The session stands in the cookie: a URL ends up in logs.
            headers={"Accept": "text/xml", "Cookie": f"session_id={self._ref}"},
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

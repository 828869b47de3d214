"""One host's HTTP side: what it answers at each path, and how faults change that."""

import asyncio
import base64
import binascii
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web

from xo_exporter.errors import ApiFailure
from xo_exporter.simulator import faults as fault_kinds
from xo_exporter.simulator import rpc, rrd_http
from xo_exporter.simulator.api import Api
from xo_exporter.simulator.faults import Fault, Faults
from xo_exporter.simulator.rrd import Rrd
from xo_exporter.simulator.schema import Generation, Release
from xo_exporter.simulator.sessions import Sessions

RRD_PATH = "/rrd_updates"
_ERROR_PAGE = "<html><body><h1>HTTP {status}</h1></body></html>"


class Traffic:
    """What was asked of the pool, for tests to read.

    calls: by method of XAPI, and by path for /rrd_updates; by_host: the same for each host's
    reference; bytes_sent: the size of the answers' bodies, by the same names.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.by_host: dict[str, Counter[str]] = {}
        self.bytes_sent: Counter[str] = Counter()

    def count(self, host: str, name: str) -> None:
        """Count one request."""
        self.calls[name] += 1
        self.by_host.setdefault(host, Counter())[name] += 1

    def reset(self) -> None:
        """Start again from nothing."""
        self.calls.clear()
        self.by_host.clear()
        self.bytes_sent.clear()


@dataclass(frozen=True, slots=True)
class Shared:
    """What all hosts of a pool have in common; `clock` gives a host's time by its reference."""

    api: Api
    rrd: Rrd
    sessions: Sessions
    faults: Faults
    traffic: Traffic
    clock: Callable[[str], float]
    generation: Generation
    release: Release


class Site:
    """Answers the requests that come to one address.

    host gives the reference of the host that answers; rrd_hosts those whose RRDs it shows.
    """

    def __init__(
        self, shared: Shared, host: Callable[[], str], rrd_hosts: Callable[[], Sequence[str]]
    ) -> None:
        self._host = host
        self._rrd_hosts = rrd_hosts
        self._api = shared.api
        self._rrd = shared.rrd
        self._sessions = shared.sessions
        self._faults = shared.faults
        self._traffic = shared.traffic
        self._clock = shared.clock
        self._generation = shared.generation
        self._release = shared.release

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP request."""
        path = request.path
        is_rpc = request.method == "POST" and (path in rpc.XML_PATHS or path == rpc.JSON_PATH)
        if is_rpc:
            return await self._answer_rpc(request, path)
        self._traffic.count(self._host(), path)
        fault = self._faults.strike(self._host(), path, "")
        instead = await self._instead(request, fault)
        if instead is not None:
            return instead
        if path == RRD_PATH:
            response = self._rrd_updates(request)
        elif request.method == "GET" and path == "/":
            response = web.Response(body=fault_kinds.HTML_PAGE, content_type="text/html")
        else:
            response = _page(403)
        return await self._sent(request, response, fault, path)

    # --- XML-RPC and JSON-RPC

    async def _answer_rpc(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        body = await request.read()
        if path == rpc.JSON_PATH and self._faults.jsonrpc != "works":
            self._traffic.count(self._host(), path)
            if self._faults.jsonrpc == "missing":
                return _page(404)
            return web.Response(body=fault_kinds.HTML_PAGE, content_type="text/html")
        try:
            call = rpc.parse(path, body)
        except rpc.MalformedCall:
            self._traffic.count(self._host(), path)
            return _page(500)
        self._traffic.count(self._host(), call.method)
        fault = self._faults.strike(self._host(), path, call.method)
        instead = await self._instead(request, fault)
        if instead is not None:
            return instead
        answer = await self._call(call, fault)
        response = web.Response(body=answer, headers={"Content-Type": call.content_type})
        return await self._sent(request, response, fault, call.method)

    async def _call(self, call: rpc.Call, fault: Fault | None) -> bytes:
        if self._faults.booting:
            return rpc.early_failure(call, ApiFailure("HOST_STILL_BOOTING"))
        if isinstance(fault, fault_kinds.Failure):
            wrap = rpc.early_failure if fault.early else rpc.failure
            return wrap(call, ApiFailure(fault.code, fault.params))
        try:
            reply = await self._api.call(self._host(), call.method, call.params)
            return rpc.success(call, reply)
        except ApiFailure as error:
            return rpc.failure(call, error)

    # --- RRDs

    def _rrd_updates(self, request: web.BaseRequest) -> web.Response:
        if request.method != "GET":
            return _page(403)
        if not self._is_known(request):
            headers = {"WWW-Authenticate": 'Basic realm="get_rrd_updates"'}
            return _page(401, headers)
        now = self._clock(self._host())
        try:
            query = rrd_http.Query.read(
                list(request.query.items()),
                request.headers.get("Accept"),
                self._generation,
                self._release,
            )
            answer = rrd_http.answer(self._rrd, self._rrd_hosts(), query, now, self._generation)
        except rrd_http.RrdProblem as problem:
            return _page(problem.status)
        headers = {"Access-Control-Allow-Origin": "*"}
        if answer.content_type:
            headers["Content-Type"] = answer.content_type
        response = web.Response(body=answer.body, headers=headers)
        # The header says keep-alive, yet each answer is the last one on its connection.
        response.headers["Connection"] = "keep-alive"
        response.force_close()
        return response

    def _is_known(self, request: web.BaseRequest) -> bool:
        session = _cookie(request.headers.get("Cookie", ""), "session_id")
        if session is None:
            session = request.query.get("session_id")
        if session is not None:
            try:
                self._sessions.check(session)
            except ApiFailure:
                return False
            return True
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return self._sessions.accepts(user, password)

    # --- faults

    async def _instead(
        self, request: web.BaseRequest, fault: Fault | None
    ) -> web.StreamResponse | None:
        match fault:
            case fault_kinds.Hang():
                await asyncio.Event().wait()
            case fault_kinds.Slow(delay=delay):
                await asyncio.sleep(delay)
            case fault_kinds.Garbage():
                headers = {"Content-Type": fault.content_type}
                return web.Response(body=fault.body, headers=headers)
            case fault_kinds.Status():
                headers = {"Content-Type": "text/html", **dict(fault.headers)}
                return web.Response(status=fault.code, body=fault.body, headers=headers)
            case fault_kinds.Disconnect():
                _cut(request)
                return web.Response()
            case fault_kinds.Endless():
                stream = web.StreamResponse(headers={"Content-Type": fault.content_type})
                await stream.prepare(request)
                while True:
                    await stream.write(fault.chunk)
            case _:
                pass
        return None

    async def _sent(
        self, request: web.BaseRequest, response: web.Response, fault: Fault | None, name: str
    ) -> web.StreamResponse:
        body = response.body if isinstance(response.body, bytes) else b""
        self._traffic.bytes_sent[name] += len(body)
        match fault:
            case fault_kinds.Truncated():
                keep = int(fault.keep * len(body)) if fault.keep < 1 else int(fault.keep)
                if not fault.announced:
                    response.body = body[:keep]
                    return response
                stream = _stream_like(response, len(body))
                await stream.prepare(request)
                await stream.write(body[:keep])
                _cut(request)
                return stream
            case fault_kinds.Slow(drip=drip) if drip:
                stream = _stream_like(response, len(body))
                await stream.prepare(request)
                for offset in range(0, len(body), drip):
                    await stream.write(body[offset : offset + drip])
                    await asyncio.sleep(fault.pause)
                return stream
            case _:
                return response


def _stream_like(response: web.Response, length: int) -> web.StreamResponse:
    stream = web.StreamResponse(status=response.status, headers=response.headers)
    stream.content_length = length
    return stream


def _cut(request: web.BaseRequest) -> None:
    transport = request.transport
    if transport is not None:
        transport.close()


def _page(status: int, headers: dict[str, str] | None = None) -> web.Response:
    text = _ERROR_PAGE.format(status=status)
    return web.Response(
        status=status, text=text, headers={"Content-Type": "text/html", **(headers or {})}
    )


def _cookie(header: str, wanted: str) -> str | None:
    for pair in header.split(";"):
        name, _, value = pair.strip().partition("=")
        if name == wanted:
            return unquote(value.strip('"'))
    return None

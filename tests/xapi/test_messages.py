"""What is said of answers that are none: plain words, of bounded length, and nothing that came."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest

from xo_exporter.config import PoolConfig, Secret, Url
from xo_exporter.errors import ApiFailure, BadAnswer, PoolError, Unreachable
from xo_exporter.simulator import SimulatedPool
from xo_exporter.xapi.addresses import Target
from xo_exporter.xapi.session import Session

ConfigOf = Callable[..., PoolConfig]
LogIn = Callable[..., Awaitable[Session]]
Reply = Callable[[bytes], bytes]
Raw = Callable[[Reply], Awaitable[str]]

PASSWORD = "pa55-w0rd-Of-The-Pool"
_STRINGS = msgspec.json.Decoder(list[str])
_MOST = 600  # characters
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"


@pytest.fixture
async def raw() -> AsyncIterator[Raw]:
    """Run a server that answers each request with these very bytes, and give its URL."""
    servers: list[asyncio.Server] = []

    async def start(reply: Reply) -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = await reader.readuntil(b"\r\n\r\n")
            length = request.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
            request += await reader.readexactly(int(length or 0))
            writer.write(reply(request))
            writer.close()

        servers.append(await asyncio.start_server(handle, "127.0.0.1", 0))
        return f"http://127.0.0.1:{servers[-1].sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


def _echo(request: bytes) -> bytes:
    return request[request.index(PASSWORD.encode()) :]


_REPLIES: dict[str, tuple[Reply, type[PoolError], str]] = {
    "what it was sent": (_echo, BadAnswer, "answers no HTTP"),
    "what it was sent, as a status line": (
        lambda request: b"HTTP/" + _echo(request), BadAnswer, "answers no HTTP",
    ),
    "what it was sent, as a status": (
        lambda request: b"HTTP/1.1 " + _echo(request), BadAnswer, "answers no HTTP",
    ),
    "a long line": (lambda _: b"HTTP/1.1 200 " + b"x" * 100_000, BadAnswer, "answers no HTTP"),
    "many headers": (
        lambda _: b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300 + b"\r\n",
        BadAnswer,
        "answers no HTTP",
    ),
    "nothing": (lambda _: b"", Unreachable, "closed the connection"),
    "a part": (
        lambda _: _OK + b"Content-Length: 1000\r\n\r\n<a>",
        Unreachable,
        "closed the connection before its answer was complete",
    ),
    "a part of a chunk": (
        lambda _: _OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\n<a>",
        Unreachable,
        "closed the connection before its answer was complete",
    ),
    "chunks that are none": (
        lambda _: _OK + b"Transfer-Encoding: chunked\r\n\r\nno number\r\n<a>",
        PoolError,
        "",
    ),
    "no xml": (lambda _: _OK + b"\r\n" + b"hello", BadAnswer, "gives no XAPI answer (no XML)"),
    "other xml": (
        lambda _: _OK + b"\r\n<methodResponse><params><param><value><int>many</int></value>"
        b"</param></params></methodResponse>",
        BadAnswer,
        "gives no XAPI answer (XML of another form)",
    ),
    "xml of nothing": (
        lambda _: _OK + b"\r\n<methodResponse></methodResponse>",
        BadAnswer,
        "gives no XAPI answer (XML of another form)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("reply", "kind", "words"), _REPLIES.values(), ids=_REPLIES)
async def test_a_log_in_that_is_answered_by_no_xapi_says_so_in_plain_words(
    reply: Reply, kind: type[PoolError], words: str, raw: Raw, pool: SimulatedPool,
    config_of: ConfigOf, log_in_to: LogIn,
) -> None:  # fmt: skip
    """It is told what is wrong with the answer, without a word of it or of any library's."""
    url = await raw(reply)
    with pytest.raises(kind) as caught:
        await log_in_to(config_of(pool, url=url, password=Secret(PASSWORD)))
    said = str(caught.value)
    assert said.startswith(url)
    assert words in said
    for odd in (PASSWORD, "no connection", "Error", "message=", "<", "headers", "Incomplete"):
        assert odd not in said
    assert len(said) < _MOST


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (lambda request: b"HTTP/1.1 " + request[-40:], "answers no HTTP"),
        (lambda request: request, "answers no HTTP"),
        (lambda _: b"HTTP/1.1 200 O", "closed the connection"),
        (lambda _: b"", "closed the connection"),
        (
            lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}",
            "closed the connection before its answer was complete",
        ),
    ],
    ids=["no status", "what it was sent", "a part of a line", "nothing", "a part"],
)
async def test_a_call_that_is_answered_by_no_xapi_says_so_in_plain_words(
    reply: Reply, words: str, raw: Raw
) -> None:
    """The same of calls by JSON-RPC, whose libraries have words of their own."""
    url = await raw(reply)
    session = Session(Target(Url.parse(url)), "SECRET", context=None, certificate_name=None)
    with pytest.raises(PoolError) as caught:
        await session.call(_STRINGS, "pool.get_all")
    await session.close()
    said = str(caught.value)
    assert words in said
    for odd in ("SECRET", "pool.get_all", "Error", "message=", "<", "Raw"):
        assert odd not in said


def _http(body: bytes, content_type: bytes = b"application/json") -> Reply:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    return lambda _: head % (content_type, len(body)) + body


_LONG = "R" * 500_000


@pytest.mark.parametrize(
    "reply",
    [
        _http(json.dumps({"error": ["HANDLE_INVALID", _LONG]}).encode()),
        _http(json.dumps({"error": [_LONG]}).encode()),
        _http(json.dumps({"result": {_LONG: 1}}).encode()),
        _http(b"{}", b"text/" + b"x" * 5000),
    ],
    ids=["parameter", "code", "key", "content type"],
)
async def test_no_text_of_a_servers_makes_a_message_long(reply: Reply, raw: Raw) -> None:
    """However long a text a server sends, what is said of it is a line that people can read."""
    url = await raw(reply)
    session = Session(Target(Url.parse(url)), "OpaqueRef:1", context=None, certificate_name=None)
    with pytest.raises(PoolError) as caught:
        await session.call(_STRINGS, "pool.get_all")
    await session.close()
    assert len(str(caught.value)) < _MOST


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    """What is cut out of a message is its middle: it begins with what and ends with why."""
    error = BadAnswer(f"the vm record {_LONG} can't be decoded (no text)", hint="mend it")
    assert str(error).startswith("the vm record RRR")
    assert "…" in str(error)
    assert str(error).endswith("can't be decoded (no text): mend it")
    assert len(str(error)) < _MOST
    assert BadAnswer("short").message == "short"
    assert "\n" not in str(BadAnswer("two\nlines"))


def test_the_parameters_of_an_error_are_bounded() -> None:
    """What is kept of XAPI's own error is bounded, too, since errors are remembered."""
    assert len(ApiFailure("CODE", (_LONG, _LONG)).params[1]) < _MOST

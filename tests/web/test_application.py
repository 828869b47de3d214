"""Every endpoint, over a real socket."""

import asyncio
import gzip
import json
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as parse_text
from structlog.testing import capture_logs

from tests.programs import free_port
from xo_exporter.config import PoolConfig, Secret, Url
from xo_exporter.simulator import Hang, SimulatedPool, Slow, Status

Client = TestClient[web.Request, web.Application]
Serve = Callable[..., Awaitable[Client]]

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"
PATHS = ("/", "/metrics", "/probe?target=main", "/sd", "/-/healthy", "/-/ready")


def parse_openmetrics(body: str) -> Any:
    """Read OpenMetrics with the library's strict parser."""
    return openmetrics_parser.text_string_to_metric_families(body)  # type: ignore[no-untyped-call]  # has no types


def values(families: Any) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Give values by name and labels, none of which may come twice."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for family in families:
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in found
            assert sample.timestamp is None
            found[key] = sample.value
    return found


async def get(client: Client, path: str, **headers: str) -> str:
    """Give the body of an answer that must be 200."""
    answer = await client.get(path, headers=headers)
    assert answer.status == 200
    return await answer.text()


async def until_ready(client: Client) -> None:
    """Wait for the start's own tries."""
    async with asyncio.timeout(10):
        while (await client.get("/-/ready")).status != 200:  # noqa: ASYNC110  another's state
            await asyncio.sleep(0.01)


# --- /metrics


async def test_metrics_are_text_unless_asked_otherwise(client: Client) -> None:
    """Without an Accept header it is text format 0.0.4, which a strict parser takes."""
    answer = await client.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == TEXT
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    found = values(parse_text(await answer.text()))
    assert found["xo_up", (("pool", "main"),)] == 1
    assert found["xo_pools", ()] == 1


async def test_metrics_are_openmetrics_where_asked(client: Client) -> None:
    """With OpenMetrics in Accept it is that, which a strict parser takes, with the same series."""
    answer = await client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert answer.headers["Content-Type"] == OPENMETRICS
    body = await answer.text()
    assert body.endswith("\n# EOF\n")
    found = values(parse_openmetrics(body))
    assert found["xo_up", (("pool", "main"),)] == 1
    text = values(parse_text(await get(client, "/metrics")))
    assert set(found) == set(text)


async def test_headers_that_come_in_several_lines_count_together(client: Client) -> None:
    """A list may be spread over lines, as HTTP allows."""
    headers = [("Accept", "text/plain;q=0.1"), ("Accept", "application/openmetrics-text")]
    answer = await client.get("/metrics", headers=headers)
    assert answer.headers["Content-Type"] == OPENMETRICS


async def test_a_body_is_gzip_where_asked(client: Client) -> None:
    """With gzip in Accept-Encoding the body is compressed, else it is not."""
    headers = {"Accept-Encoding": "gzip"}
    answer = await client.get("/probe?target=main", headers=headers)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "xo_up" in await answer.text()
    raw = await client.get("/probe?target=main", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in raw.headers
    async with client.session.get(
        client.make_url("/probe?target=main"), headers=headers, auto_decompress=False
    ) as compressed:
        assert b"xo_up" in gzip.decompress(await compressed.read())


async def test_process_metrics_are_on_metrics_alone(client: Client) -> None:
    """The process is described on /metrics, not on /probe, whose target it is none of."""
    metrics = {name for name, _ in values(parse_text(await get(client, "/metrics")))}
    probe = {name for name, _ in values(parse_text(await get(client, "/probe?target=main")))}
    of_process = {name for name in metrics if name.startswith(("process_", "python_"))}
    assert {"process_cpu_seconds_total", "process_open_fds", "python_info"} <= of_process
    assert metrics - probe == of_process


async def test_each_family_is_described_once(client: Client) -> None:
    """HELP and TYPE stand above every family, once, also above those without samples."""
    lines = (await get(client, "/metrics")).splitlines()
    described = [line.split(" ")[2] for line in lines if line.startswith("# TYPE ")]
    assert len(described) == len(set(described))
    assert described == [line.split(" ")[2] for line in lines if line.startswith("# HELP ")]


# --- /probe


async def test_probe_is_one_pool(serve: Serve, config: PoolConfig) -> None:
    """A probe has the series of its target alone, with the totals over it."""
    client = await serve(config, _dead("other"))
    found = values(parse_text(await get(client, "/probe?target=main")))
    assert {dict(labels)["pool"] for _, labels in found if "pool" in dict(labels)} == {"main"}
    assert found["xo_pools", ()] == 1
    dead = values(parse_text(await get(client, "/probe?target=other")))
    assert dead["xo_up", (("pool", "other"),)] == 0
    assert dead["xo_pools", ()] == 0
    assert not [name for name, _ in dead if name.endswith("_info") and "exporter" not in name]


@pytest.mark.parametrize("query", ["", "?", "?target=", "?Target=main", "?pool=main"])
async def test_probe_wants_a_target(client: Client, query: str) -> None:
    """Without a target it is 400, in one line that says so."""
    answer = await client.get(f"/probe{query}")
    assert answer.status == 400
    assert "target" in await answer.text()


@pytest.mark.parametrize(
    "target", ["127.0.0.1", "http://127.0.0.1:1/", "MAIN", "main%20", "%ff%fe", "..%2Fmain", "é"]
)
async def test_probe_knows_configured_names_alone(
    client: Client, pool: SimulatedPool, target: str
) -> None:
    """Anything but a configured name is 404, and nobody is asked because of it."""
    await until_ready(client)
    before = pool.calls.total()
    assert (await client.get(f"/probe?target={target}")).status == 404
    assert pool.calls.total() == before


# --- the time a scrape has


async def test_the_header_bounds_a_scrape(client: Client, pool: SimulatedPool) -> None:
    """What has not answered shortly before the time is up is down, and the answer in time."""
    await get(client, "/metrics")
    pool.faults.add(Hang(), path="/rrd_updates")
    started = time.monotonic()
    found = values(parse_text(await get(client, "/metrics", **{TIMEOUT: "4"})))
    assert time.monotonic() - started < 4
    assert found["xo_up", (("pool", "main"),)] == 1
    assert {value for (name, _), value in found.items() if name == "xo_host_rrd_up"} == {0.0}
    pool.faults.add(Hang())
    started = time.monotonic()
    found = values(parse_text(await get(client, "/probe?target=main", **{TIMEOUT: "4"})))
    assert time.monotonic() - started < 4
    assert found["xo_up", (("pool", "main"),)] == 0


@pytest.mark.parametrize("header", ["0", "-1", "nan", "soon", "inf", ""])
async def test_a_header_that_is_no_time_is_none(
    client: Client, pool: SimulatedPool, header: str
) -> None:
    """With a header that isn't a number above 0 the pool's own timeout holds."""
    pool.faults.add(Slow(delay=0.3), path="/rrd_updates")
    found = values(parse_text(await get(client, "/metrics", **{TIMEOUT: header})))
    assert {value for (name, _), value in found.items() if name == "xo_host_rrd_up"} == {1.0}


async def test_without_the_header_the_pools_timeout_holds(serve: Serve, config: PoolConfig) -> None:
    """A pool that does not answer within its timeout is down."""
    silent = socket.create_server(("127.0.0.1", 0))
    with silent:
        url = Url("http", "127.0.0.1", silent.getsockname()[1])
        pool = PoolConfig(
            url=url, username="root", password=Secret("x"), name="silent", timeout=0.4
        )
        client = await serve(config, pool)
        found = values(parse_text(await get(client, "/metrics")))
    assert found["xo_up", (("pool", "silent"),)] == 0
    assert found["xo_up", (("pool", "main"),)] == 1


async def test_scrapes_by_either_path_share_a_reading(client: Client, pool: SimulatedPool) -> None:
    """/metrics and /probe at once, and the start, cost the pool one reading."""
    await asyncio.gather(get(client, "/metrics"), get(client, "/probe?target=main"))
    assert pool.sessions.logins == 1
    assert pool.calls["/rrd_updates"] == len(pool.database.tables["host"])


# --- /sd


async def test_service_discovery_names_each_pool(serve: Serve, config: PoolConfig) -> None:
    """One entry a pool: our own address as the client wrote it, and how to ask for that pool."""
    client = await serve(config, _dead("Büro/2"))
    answer = await client.get("/sd", headers={"Host": "exporter.example.org:8080"})
    assert answer.content_type == "application/json"
    entries = json.loads(await answer.text())
    assert [entry["targets"] for entry in entries] == [["exporter.example.org:8080"]] * 2
    assert [entry["labels"] for entry in entries] == [
        {
            "__scheme__": "http",
            "__metrics_path__": "/probe",
            "__param_target": name,
            "instance": name,
        }
        for name in ("main", "Büro/2")
    ]
    exposed = {
        label
        for _, labels in values(parse_text(await get(client, "/metrics")))
        for label, _ in labels
    }
    assert not exposed & set(entries[0]["labels"])


async def test_what_service_discovery_names_can_be_asked_for(
    serve: Serve, config: PoolConfig
) -> None:
    """Whatever a pool is called, its target leads to it."""
    client = await serve(config, _dead("a&b=c #ü%2F+"))
    for entry in json.loads(await get(client, "/sd")):
        target = entry["labels"]["__param_target"]
        answer = await client.get("/probe", params={"target": target})
        assert answer.status == 200


# --- health


async def test_ready_once_each_pool_was_tried(serve: Serve, config: PoolConfig) -> None:
    """Ready is 503 while a pool has not been tried, then 200, also when it is down; no scrape."""
    silent = socket.create_server(("127.0.0.1", 0))
    with silent:
        url = Url("http", "127.0.0.1", silent.getsockname()[1])
        hung = PoolConfig(url=url, username="root", password=Secret("x"), name="silent", timeout=1)
        client = await serve(config, hung)
        assert (await client.get("/-/ready")).status == 503
        assert (await client.get("/-/healthy")).status == 200
        await until_ready(client)


# --- methods and paths


@pytest.mark.parametrize("path", PATHS)
async def test_head_is_get_without_a_body(client: Client, path: str) -> None:
    """HEAD has the status and type of GET, and nothing after the head."""
    await until_ready(client)
    whole, head = await client.get(path), await client.head(path)
    assert (head.status, head.headers["Content-Type"]) == (200, whole.headers["Content-Type"])
    assert await head.read() == b""


@pytest.mark.parametrize("path", PATHS)
async def test_other_methods_are_not_allowed(client: Client, path: str) -> None:
    """Any method but GET and HEAD is 405, and the answer says which there are."""
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"):
        answer = await client.request(method, path)
        assert answer.status == 405
        assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD"}


async def test_nothing_is_connected_through(client: Client) -> None:
    """CONNECT is no method here either, whatever it is given."""
    for target in (b"/metrics", b"/nowhere", b"127.0.0.1:80"):
        answer = await raw(
            client, b"CONNECT %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % target
        )
        assert answer.startswith(b"HTTP/1.1 405 "), target


@pytest.mark.parametrize(
    "path", ["/metrics/", "/Metrics", "/probe/main", "/-/", "/-/reload/", "/favicon.ico"]
)
async def test_unknown_paths_are_not_found(client: Client, path: str) -> None:
    """Any other path is 404."""
    assert (await client.get(path)).status == 404


# --- the page


async def test_the_page_shows_each_pools_state(
    serve: Serve, config: PoolConfig, pool: SimulatedPool
) -> None:
    """State, last error, durations, object counts and links, of each pool."""
    client = await serve(config, _dead("gone"))
    await until_ready(client)
    before = await get(client, "/")
    assert "logged in, not scraped yet" in before
    assert "not readable" in before
    await get(client, "/metrics")
    page = await get(client, "/")
    vms = sum(
        not (vm["is_a_template"] or vm["is_a_snapshot"] or vm["is_control_domain"])
        for vm in pool.database.tables["VM"].values()
    )
    assert f"2 hosts, {vms} VMs" in page
    assert 'href="/probe?target=main"' in page
    assert '<th scope="col">objects</th>' in page
    assert "see whether the host is up" in page
    assert "Connection refused" in page
    assert 'href="/metrics"' in page
    assert 'href="/sd"' in page


async def test_the_page_keeps_the_last_error(client: Client, pool: SimulatedPool) -> None:
    """An error is shown with its time after it is gone, while the state is good again."""
    with pool.faults.active(Status(503), path="/rrd_updates"):
        await get(client, "/metrics")
    assert "read in part" in await get(client, "/")
    await get(client, "/metrics")
    page = await get(client, "/")
    assert '<span class="state good">' in page
    assert "read in part" not in page
    assert "Last error" in page
    assert "503" in page


async def test_the_page_reads_nothing(client: Client, pool: SimulatedPool) -> None:
    """Looking at the page costs the pools nothing."""
    await until_ready(client)
    before = pool.calls.total()
    await get(client, "/")
    assert pool.calls.total() == before


async def test_the_page_is_escaped(serve: Serve, pool: SimulatedPool, config: PoolConfig) -> None:
    """A hostile name is text on the page, wherever it comes from."""
    hostile = "<script>alert(1)</script>\"'&"
    host, _ = next(iter(pool.database.tables["host"].items()))
    pool.database.modify("pool", pool.database.only("pool")[0], name_label=hostile)
    pool.database.modify("host", host, name_label=hostile)
    pool.faults.add(Status(503), path="/rrd_updates", host=host)
    unnamed = PoolConfig(url=config.url, username=config.username, password=config.password)
    client = await serve(unnamed, _dead(hostile))
    found = values(parse_text(await get(client, "/metrics")))
    assert found["xo_up", (("pool", hostile),)] == 0
    page = await get(client, "/")
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;") >= 4


def _dead(name: str) -> PoolConfig:
    url = Url("http", "127.0.0.1", free_port())
    return PoolConfig(url=url, username="root", password=Secret("none"), name=name)


async def raw(client: Client, request: bytes) -> bytes:
    """Send these bytes and give all that comes."""
    assert client.server.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
    writer.write(request)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.0\r\n",
        b"HTTP/1.1\r\nHost:\r\n",
        b'HTTP/1.1\r\nHost: x y"<\r\n',
        b"HTTP/1.1\r\nHost: user@exporter\r\n",
        b"HTTP/1.1\r\nHost: exporter:99999\r\n",
        b"HTTP/1.1\r\nHost: [::1\r\n",
        b"HTTP/1.1\r\nHost: exporter/path\r\n",
    ],
)
async def test_without_a_host_discovery_names_where_it_was_asked(
    client: Client, head: bytes
) -> None:
    """Where a request says no host, or what is none, the target is the address, with the port."""
    answer = await raw(client, b"GET /sd " + head + b"Connection: close\r\n\r\n")
    (entry,) = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert entry["targets"] == [f"127.0.0.1:{client.server.port}"]


@pytest.mark.parametrize(
    "host", ["exporter", "exporter.example.:80", "[::1]:19773", "10.0.0.1:1", "my_exporter:65535"]
)
async def test_discovery_names_the_host_of_the_request(client: Client, host: str) -> None:
    """A host that is one is the target as it was said."""
    (entry,) = json.loads(await get(client, "/sd", Host=host))
    assert entry["targets"] == [host]


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization : Basic c2VjcmV0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic c2VjcmV0\x00\r\n\r\n",
        b"GET /?c2VjcmV0 HTTP/9\r\n\r\n",
        b"c2VjcmV0 c2VjcmV0\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_quoted_in_no_log(
    client: Client, request_head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A head that is ill-formed is a line at level debug, which has nothing of what was sent."""
    caplog.set_level("DEBUG")
    with capture_logs() as lines:
        assert b" 400 " in await raw(client, request_head)
    told = [line for line in lines if line["event"] == "a request that is no HTTP"]
    assert [line["log_level"] for line in told] == ["debug"]
    assert "c2VjcmV0" not in str(lines) + caplog.text

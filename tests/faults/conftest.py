"""What the tests of faults share: a pool to break, another beside it, and a server of both."""

import dataclasses
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from tests.programs import free_port
from xo_exporter.collector import Collector
from xo_exporter.config import Config, PoolConfig, Secret, Url
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.simulator import SimulatedPool, make_estate
from xo_exporter.web.application import application

TIMEOUT = 4.0
"""Seconds that the scrapes of these tests give the exporter."""

Series = tuple[str, tuple[tuple[str, str], ...]]


class Scraped(NamedTuple):
    """What a scrape over HTTP gave: the values by name and labels, and what the log said of it."""

    values: Mapping[Series, float]
    lines: list[Mapping[str, Any]]

    def of(self, pool: str) -> dict[Series, float]:
        """Give the series about a pool, but what the exporter says and counts of itself."""
        return {
            (name, labels): value
            for (name, labels), value in self.values.items()
            if ("pool", pool) in labels
            and not (name.startswith(("xo_scrape_", "xo_xapi_")) or name.endswith("_total"))
        }

    def names(self, pool: str) -> set[Series]:
        """Give which series there are of a pool, but those of values that come and go by chance."""
        return set(self.of(pool))

    def up(self, pool: str) -> float:
        """Give whether a pool was read."""
        return self.values["xo_up", (("pool", pool),)]

    def hosts_up(self, pool: str) -> dict[str, float]:
        """Give whether each host's RRDs were read, by the host's UUID."""
        return {
            dict(labels)["uuid"]: value
            for (name, labels), value in self.of(pool).items()
            if name == "xo_host_rrd_up"
        }

    def errors(self, pool: str) -> dict[str, float]:
        """Give the errors of a pool by stage, where there were any."""
        return {
            dict(labels)["stage"]: value
            for (name, labels), value in self.values.items()
            if name == "xo_scrape_errors_total" and ("pool", pool) in labels and value
        }

    @property
    def warnings(self) -> list[Mapping[str, Any]]:
        """Give the lines of the log that are warnings or worse."""
        return [line for line in self.lines if line["log_level"] in ("warning", "error")]


class Rig:
    """Two pools, `broken` and `sound`, that one exporter serves over HTTP."""

    def __init__(self, broken: SimulatedPool, sound: SimulatedPool) -> None:
        self.broken = broken
        self.sound = sound
        self.collector: Collector
        self._client: TestClient[web.Request, web.Application]

    async def serve(self, stack: AsyncExitStack, **changes: Any) -> None:
        """Serve both pools; `changes` are of the broken one's configuration."""
        pools = [config_of(self.broken, "broken"), config_of(self.sound, "sound")]
        pools[0] = dataclasses.replace(pools[0], **changes)
        self.collector = Collector(Config(pools=tuple(pools), collectors=dict(COLLECTORS)))
        server = TestServer(application(self.collector))
        self._client = await stack.enter_async_context(TestClient(server))
        self.collector.start()

    async def scrape(self, seconds: float = TIMEOUT) -> Scraped:
        """Scrape once as Prometheus does; the answer must be there before it would give up."""
        headers = {"X-Prometheus-Scrape-Timeout-Seconds": str(seconds)}
        with capture_logs() as lines:
            started = time.monotonic()
            async with self._client.get("/metrics", headers=headers) as answer:
                body = await answer.text()
            spent = time.monotonic() - started
        assert answer.status == 200
        assert spent < seconds
        return Scraped(values_of(body), list(lines))

    @property
    def logins(self) -> int:
        """How often we have logged in to the broken pool."""
        return self.collector.pools["broken"].reader.logins


def values_of(text: str) -> dict[Series, float]:
    """Read an exposition; no series may come twice."""
    found: dict[Series, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in found, f"{key} comes twice"
            found[key] = sample.value
    return found


def config_of(pool: SimulatedPool, name: str) -> PoolConfig:
    """Configure a simulated pool."""
    return PoolConfig(
        url=Url.parse(pool.url),
        username=pool.username,
        password=Secret(pool.password),
        name=name,
    )


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Give what ends everything that a test began, the last first."""
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def unserved(stack: AsyncExitStack) -> Rig:
    """Run the two pools, of three hosts and of one, that nobody serves yet.

    A host that is stopped finds its port again when it comes back.
    """
    pools = [
        SimulatedPool(make_estate(hosts=3, vms=6, seed=3), port=free_port(), event_delay_s=0.0),
        SimulatedPool(make_estate(hosts=1, vms=2, seed=4), event_delay_s=0.0),
    ]
    for pool in pools:
        await stack.enter_async_context(pool)
    return Rig(*pools)


@pytest.fixture
async def rig(unserved: Rig, stack: AsyncExitStack) -> Rig:
    """Serve the two pools."""
    await unserved.serve(stack)
    return unserved

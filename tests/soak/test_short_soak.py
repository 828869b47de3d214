"""A short run in which nothing may be left behind; soak.py is the long one, with memory."""

import asyncio
import gc
import os
import random
import re
import runpy
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Final

from aiohttp.test_utils import TestClient, TestServer

from xo_exporter.collector import Collector, Scrape
from xo_exporter.config import Config, PoolConfig, Secret, Url
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.reading import Reading
from xo_exporter.reading.flight import Flight
from xo_exporter.simulator import SimulatedPool, make_estate
from xo_exporter.simulator.life import Life
from xo_exporter.web.application import application
from xo_exporter.xapi.session import Session

SCRAPES: Final = 150
TIMEOUT: Final = {"X-Prometheus-Scrape-Timeout-Seconds": "0.6"}
LEFT: Final = {Scrape: 1, Reading: 3, Flight: 1, Session: 1}
"""What is remembered of the last scrape; of readings its own, and the one that was built last."""

trouble = runpy.run_path(str(Path(__file__).with_name("soak.py")))["trouble"]


def _sizes() -> tuple[int, int, int]:
    """Count descriptors, threads, and tasks."""
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    return descriptors, threading.active_count(), len(asyncio.all_tasks())


def _calm(before: tuple[int, int, int]) -> bool:
    descriptors, threads, tasks = _sizes()
    # asyncio's pool of threads grows to its own bound.
    room = min(32, (os.cpu_count() or 1) + 4)
    return descriptors <= before[0] and threads <= before[1] + room and tasks <= before[2]


def _kept() -> Counter[type]:
    """Count what there is of each kind, that of other tests included."""
    gc.collect()
    found = Counter(type(thing) for thing in gc.get_objects())
    return Counter({kind: found[kind] for kind in LEFT})


async def test_scrapes_leave_nothing_behind() -> None:
    """After many scrapes of a pool that changes and fails there is no more than after a few."""
    dice = random.Random(1)
    allowed = _kept() + Counter(LEFT)
    estate = make_estate(hosts=2, vms=8, seed=1)
    life = Life(estate)
    async with SimulatedPool(estate, event_delay_s=0.0) as pool:
        config = PoolConfig(
            url=Url.parse(pool.url), username=pool.username, password=Secret(pool.password)
        )
        collector = Collector(Config(pools=(config,), collectors=dict(COLLECTORS)))
        async with TestClient(TestServer(application(collector))) as client:
            collector.start()

            async def scrape() -> bool:
                life.advance(time.time())
                async with client.get("/metrics", headers=TIMEOUT) as answer:
                    assert answer.status == 200
                    return bool(re.search(r"^xo_up\{.*\} 1\.0$", await answer.text(), re.MULTILINE))

            for _ in range(10):
                await asyncio.gather(*(scrape() for _ in range(8)))
            before = _sizes()
            for _ in range(SCRAPES):
                if dice.random() < 0.2:
                    trouble(pool, dice)()
                await scrape()
            pool.faults.clear()
            async with asyncio.timeout(30):
                while not (await scrape() and _calm(before) and _kept() <= allowed):
                    pass  # the ends of sessions and log-ins take a moment

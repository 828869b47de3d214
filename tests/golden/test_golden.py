"""The whole exposition and the whole object model of an estate with every case of the rules.

The estate stands in main.yaml and lonely.yaml; the simulated pools serve it over real sockets.
After a change that is meant, record anew with `pytest tests/golden --record-golden`, and read the
diff of estate.prom and estate.json line by line.
"""

import contextlib
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import yaml

from tests.programs import output_of
from xo_exporter.collector import Collector, Scrape
from xo_exporter.config import load
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.model.document import document
from xo_exporter.simulator import Database, FixedRrd, SimulatedPool, Status

HERE: Final = Path(__file__).parent
NOW: Final = 1_700_000_003.0  # three seconds after the newest row
CONTRACT: Final = {
    name: name in ("xo", "pool", "host", "vm", "sr", "pbd", "vdi", "vbd") for name in COLLECTORS
}
VARYING: Final = re.compile(
    r"^(xo_scrape_duration_seconds\{.*\}|xo_host_rrd_age_seconds\{.*\}) \S+$", re.MULTILINE
)
VERSION: Final = re.compile(r'(?<=^xo_exporter_build_info\{version=")[^"]*', re.MULTILINE)


def on_the_wire(value: Any) -> Any:
    """Give a value of the YAML as XAPI sends it: integers are strings."""
    if isinstance(value, dict):
        return {name: on_the_wire(item) for name, item in value.items()}
    if isinstance(value, list):
        return [on_the_wire(item) for item in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def rrd_of(described: dict[str, Any]) -> FixedRrd:
    """Give the RRDs of a host from their columns."""
    legend = [f"AVERAGE:{':'.join(name.split())}" for name in described["columns"]]
    rows = zip(*described["columns"].values(), strict=True)
    return FixedRrd(5, list(zip(described["rows"], rows, strict=True)), legend, exact=True)


def simulated(name: str) -> SimulatedPool:
    """Make the pool that a YAML file describes."""
    estate = yaml.safe_load((HERE / f"{name}.yaml").read_text("utf-8"))
    records = {
        kind: {ref: {"uuid": f"uuid-{ref}", **on_the_wire(fields)} for ref, fields in table.items()}
        for kind, table in estate["records"].items()
    }
    pool = SimulatedPool(
        Database.from_records(records, generation=estate.get("generation", "g4")),
        addresses=estate.get("addresses"),
        event_delay_s=0.0,
        clock=lambda: NOW,
    )
    for host, described in estate["rrd"].items():
        pool.rrd.fixed[host] = rrd_of(described)
    for host in estate.get("rrd_errors", ()):
        pool.faults.add(Status(500), path="/rrd_updates", host=host)
    return pool


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """Hold a port that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
async def scrape(tmp_path: Path) -> AsyncIterator[Scrape]:
    """Scrape both pools, and a third that is down."""
    async with simulated("main") as main, simulated("lonely") as lonely:
        with refusing_port() as port:
            urls = {"main": main.url, "lonely": lonely.url, "Gone": f"http://127.0.0.1:{port}"}
            pools = [
                {"url": url, "username": main.username, "password": main.password, "timeout": "30s"}
                for url in urls.values()
            ]
            pools[-1]["name"] = "Gone"
            config = tmp_path / "config.yaml"
            config.write_text(yaml.safe_dump({"pools": pools}))
            collector = Collector(load(config, {}, collectors=CONTRACT))
            try:
                yield await collector.scrape()
            finally:
                await collector.close()


async def test_exposition(scrape: Scrape, golden: Callable[[str, str], None]) -> None:
    """The exposition is estate.prom; what varies from run to run reads 1."""
    text = scrape.exposition().text().decode()
    text = VERSION.sub("1", VARYING.sub(r"\1 1.0", text))
    golden(text, "estate.prom")


async def test_objects(scrape: Scrape, golden: Callable[[str, str], None]) -> None:
    """The object model is estate.json, and no secret of XAPI is in it."""
    found = msgspec.json.encode(document(scrape.xo, scrape.models))
    text = msgspec.json.format(found, indent=2).decode() + "\n"
    assert "secret" not in text
    golden(text, "estate.json")


def test_promtool_finds_nothing() -> None:
    """`promtool check metrics` has nothing to say about the golden exposition."""
    text = (HERE / "estate.prom").read_text("utf-8")
    assert output_of("promtool", "check", "metrics", stdin=text) == ""

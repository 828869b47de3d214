"""What each collector exports by itself, of a simulated pool whose clock stands still.

A file of collectors/ for each, recorded with `pytest tests/golden --record-golden`: its families,
of each the first samples, and how many more there are. And pools that lack all that can be
lacking: an old one, and one that has nothing but a control domain.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.programs import output_of
from xo_exporter.collector import Collector
from xo_exporter.config import Config, PoolConfig, Secret, Url
from xo_exporter.metrics.tables import ALL_TABLES, COLLECTORS
from xo_exporter.simulator import NEWEST, Database, SimulatedPool, make_estate

HERE: Final = Path(__file__).parent / "collectors"
NOW: Final = 1_700_000_003.0  # three seconds after the newest row
SHOWN: Final = 4  # samples of a family
DEADLINE: Final = 30.0  # seconds

OWN: Final[Mapping[str, set[str]]] = {
    collector: {
        family.name
        for table in ALL_TABLES
        if table.collector == collector
        for family in table.describe()
    }
    for collector in ("exporter", *COLLECTORS)
}
# What comes after the first scrape, since nobody waits for it: lines that show that it has come.
LATE: Final[Mapping[str, tuple[str, ...]]] = {
    "exporter": ("xo_messages_up{", "xo_sr_plugin_up{"),
    "message": ("xo_pool_messages{",),
    "plugin_updater": ("xo_host_pending_packages{",),
    "plugin_ipmi": ("xo_host_ipmi_sensor_ok{",),
    "plugin_smart": ("xo_host_disk_healthy{",),
    "plugin_xostor": ("xo_sr_xostor_problems{",),
}
# The exporter itself has something to say of what it is made to read.
READ_FOR: Final = {"exporter": ("host_load", "message", "plugin_updater", "plugin_xostor")}
# Shows where series were dropped, and none is.
WITHOUT: Final = {"xo_series_dropped"}
# How long ago and how long: what differs from run to run.
VARYING: Final = re.compile(
    r"^(xo_\w*(?:_duration|_age|_clock_offset)_seconds\{.*\}|xo_exporter_build_info\{.*\}) \S+$",
    re.MULTILINE,
)
VERSION: Final = re.compile(r'(?<=^xo_exporter_build_info\{version=")[^"]*', re.MULTILINE)


async def exposition(
    pool: SimulatedPool, collectors: dict[str, bool], late: tuple[str, ...] = ()
) -> str:
    """Give the text of a scrape with these collectors on, once lines that begin so are there."""
    config = PoolConfig(
        url=Url.parse(pool.url), username=pool.username, password=Secret(pool.password), timeout=20
    )
    collector = Collector(Config(pools=(config,), collectors=collectors))
    try:
        async with asyncio.timeout(DEADLINE):
            while True:
                text = (await collector.scrape()).exposition().text().decode()
                if all(f"\n{line}" in text for line in late):
                    return text
                await asyncio.sleep(0.01)
    finally:
        await collector.close()


def families(text: str) -> dict[str, str]:
    """Give each family of an exposition by its name."""
    blocks = re.split(r"^(?=# HELP )", text, flags=re.MULTILINE)
    return {block.split()[2]: block for block in blocks if block}


def shortened(block: str) -> str:
    """Give a family with its first samples and how many more there are."""
    head, samples = block.splitlines()[:2], block.splitlines()[2:]
    more = [f"# and {len(samples) - SHOWN} more"] if len(samples) > SHOWN else []
    return "\n".join([*head, *samples[:SHOWN], *more])


@pytest.mark.parametrize("collector", ["exporter", *COLLECTORS])
async def test_collector(collector: str, golden: Callable[[str, str], None]) -> None:
    """A collector by itself exports its own families, none of another, and these samples."""
    estate = make_estate(hosts=3, vms=20, seed=1, now=NOW, release=NEWEST)
    async with SimulatedPool(estate, event_delay_s=0.0, clock=lambda: NOW) as pool:
        chosen = READ_FOR.get(collector, (collector,))
        only = {name: name in chosen for name in COLLECTORS}
        text = await exposition(pool, only, LATE.get(collector, ()))
    found = families(VERSION.sub("1", VARYING.sub(r"\1 1.0", text)))
    assert found.keys() == OWN["exporter"].union(*(OWN[name] for name in chosen))
    own = [shortened(block) for name, block in found.items() if name in OWN[collector]]
    golden("\n".join([*own, ""]), f"collectors/{collector}.prom")


def test_there_is_a_file_for_each_collector_and_no_other() -> None:
    """A collector that is gone leaves no file behind."""
    assert {path.stem for path in HERE.iterdir()} == {"exporter", *COLLECTORS}


def test_every_family_has_samples() -> None:
    """The simulated pool of the demo has every family, save what shows a fault of the settings."""
    blocks = [
        block for path in HERE.iterdir() for block in families(path.read_text("utf-8")).values()
    ]
    empty = {block.split()[2] for block in blocks if len(block.splitlines()) == 2}
    assert empty == WITHOUT


def test_promtool_finds_nothing() -> None:
    """`promtool check metrics` has nothing to say about all of them together."""
    text = "".join(path.read_text("utf-8") for path in sorted(HERE.iterdir()))
    assert output_of("promtool", "check", "metrics", stdin=text) == ""


NOTHING: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "pool": {"p": {"uuid": "pool", "name_label": "", "master": "h"}},
    "host": {"h": {"uuid": "host", "name_label": "alone", "metrics": "m", "control_domain": "d"}},
    "host_metrics": {"m": {"uuid": "metrics", "live": True}},
    "VM": {"d": {"uuid": "dom0", "is_control_domain": True, "resident_on": "h"}},
}
EVERY: Final = dict.fromkeys(COLLECTORS, True)


def newer_than_the_oldest() -> set[str]:
    """Give the metrics that XCP-ng 8.2 cannot have, as their rows say."""
    return {metric.name for table in ALL_TABLES for metric in table.metrics if metric.since}


async def test_an_old_pool() -> None:
    """Of a pool of XCP-ng 8.2 there is all but what is newer, and no error."""
    estate = make_estate(hosts=2, vms=6, seed=1, now=NOW, generation="g1")
    async with SimulatedPool(estate, event_delay_s=0.0, clock=lambda: NOW) as pool:
        text = await exposition(pool, EVERY, LATE["message"])
    found = families(text)
    seen = {name for name, block in found.items() if len(block.splitlines()) > 2}
    assert not seen & newer_than_the_oldest()
    assert "xo_vm_cpu_usage_ratio" in seen
    assert "xo_sr_vdis_to_coalesce" in seen
    assert_no_error(found)


async def test_nothing_but_a_control_domain(golden: Callable[[str, str], None]) -> None:
    """Of a host that has nothing, and of which little is known, there is little, and no error."""
    database = Database.from_records(NOTHING, generation="g1")
    async with SimulatedPool(database, event_delay_s=0.0, clock=lambda: NOW) as pool:
        text = await exposition(pool, EVERY, ("xo_messages_up{",))
    assert_no_error(families(text))
    lines = VERSION.sub("1", VARYING.sub(r"\1 1.0", text)).splitlines()
    samples = [line for line in lines if line.startswith("xo_")]
    golden("\n".join([*samples, ""]), "nothing.prom")


def assert_no_error(found: Mapping[str, str]) -> None:
    """See that the pool was read, and each host, and that nothing went wrong."""
    assert re.search(r"^xo_up\{.*\} 1\.0$", found["xo_up"], re.MULTILINE)
    assert re.search(r"^xo_host_rrd_up\{.*\} 1\.0$", found["xo_host_rrd_up"], re.MULTILINE)
    family = found["xo_scrape_errors_total"]
    errors = re.findall(r"^xo_scrape_errors_total\{.*\} (\S+)$", family, re.MULTILINE)
    assert errors
    assert {*errors} == {"0.0"}

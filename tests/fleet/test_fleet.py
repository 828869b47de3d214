"""A fleet of 20 pools, shared out by what scrapes it: nothing twice and nothing missing.

The configuration is that of docs/scaling.md, with other addresses and a shorter interval.
"""

import json
import shlex
import urllib.parse
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.programs import eventually, get
from xo_exporter.simulator import SimulatedPool

Exporter = Callable[[], str]
Fleet = dict[str, SimulatedPool]
Program = Callable[..., str]
Snippet = Callable[[str, Mapping[str, str]], str]

SHARDS = ("0", "1")
OFTEN = {"scrape_interval: 30s": "scrape_interval: 2s"}


def wait_for(look: Callable[[], object], wanted: object) -> None:
    """Look until there is what is wanted; what there is in its place is told in the end."""
    with suppress(pytest.fail.Exception):
        eventually(lambda: look() == wanted)
    assert look() == wanted


def found(query: str, label: str, *servers: str) -> list[str]:
    """Give a label of all that a query finds at these servers, sorted, with what comes twice."""
    arguments = urllib.parse.urlencode({"query": query})
    answers = [json.loads(get(f"http://{server}/api/v1/query?{arguments}")) for server in servers]
    return sorted(
        result["metric"][label] for answer in answers for result in answer["data"]["result"]
    )


def shares(fleet: Fleet, *servers: str) -> list[set[str]]:
    """Give the pools that each server scrapes, once as many are up as there are pools."""
    scraped: list[set[str]] = []

    def count() -> int:
        answers = [get(f"http://{server}/api/v1/targets?state=active") for server in servers]
        targets = [json.loads(answer)["data"]["activeTargets"] for answer in answers]
        scraped[:] = [{target["labels"]["instance"] for target in part} for part in targets]
        return sum(target["health"] == "up" for part in targets for target in part)

    wait_for(count, len(fleet))
    return scraped


def uuids(fleet: Fleet, table: str) -> list[str]:
    """Give the UUIDs of all hosts, or of all VMs, as the pools have them, sorted."""
    hidden = ("is_a_template", "is_a_snapshot", "is_control_domain")
    return sorted(
        record["uuid"]
        for pool in fleet.values()
        for record in pool.database.tables[table].values()
        if not any(record.get(flag) for flag in hidden)
    )


@pytest.mark.xdist_group("fleet")
def test_prometheus_servers_share_the_fleet_by_hashmod(
    tmp_path: Path,
    fleet: Fleet,
    exporter: Exporter,
    program: Program,
    snippet: Snippet,
) -> None:
    """Each pool is scraped by one of two, held by its exporter alone, and seen by a third."""

    def prometheus(name: str, text: str) -> str:
        (tmp_path / f"{name}.yml").write_text(text)
        return program(
            "prometheus",
            f"--config.file={tmp_path / name}.yml",
            f"--storage.tsdb.path={tmp_path / name}",
            "--web.listen-address=127.0.0.1:PORT",
        )

    servers = [
        prometheus(
            f"shard-{shard}",
            snippet(
                "prometheus.yml",
                {**OFTEN, "localhost:19773": exporter(), '"0"': f'"{shard}"'},
            ),
        )
        for shard in SHARDS
    ]
    ours = {f"prometheus-{shard}:9090": servers[int(shard)] for shard in SHARDS}
    federating = prometheus("federation", snippet("federation.yml", {**OFTEN, **ours}))

    first, second = shares(fleet, *servers)
    assert 0 < len(first) < len(fleet)  # or nothing would be shared out
    assert first | second == fleet.keys()
    wait_for(lambda: found("xo_vm_info", "uuid", *servers), uuids(fleet, "VM"))

    wait_for(lambda: found("xo_up == 1", "pool", federating), sorted(fleet))
    wait_for(lambda: found("xo_host_info", "uuid", federating), uuids(fleet, "host"))
    wait_for(lambda: found('xo_up{shard="0"}', "pool", federating), sorted(first))
    wait_for(lambda: found('xo_up{shard="1"}', "pool", federating), sorted(second))

    # Who is scraped has a session; where there is one, the other exporter has none.
    wait_for(lambda: {len(pool.sessions.open) for pool in fleet.values()}, {1})


@pytest.mark.xdist_group("fleet")
def test_vmagents_share_the_fleet(
    tmp_path: Path,
    fleet: Fleet,
    exporter: Exporter,
    program: Program,
    snippet: Snippet,
) -> None:
    """Each pool is scraped by one of two vmagents, and VictoriaMetrics has each series once."""
    storage = program(
        "victoria-metrics",
        "-httpListenAddr=127.0.0.1:PORT",
        f"-storageDataPath={tmp_path / 'storage'}",
        "-memory.allowedBytes=64MB",
        "-search.latencyOffset=1s",  # else what is found is 30 s old
        ready="/health",
    )
    config = tmp_path / "vmagent.yml"
    config.write_text(snippet("vmagent.yml", {**OFTEN, "localhost:19773": exporter()}))

    def vmagent(member: str) -> str:
        ours = {
            "config=vmagent.yml": f"config={config}",
            "memberNum=0": f"memberNum={member}",
            "victoria-metrics:8428": storage,
            "\\\n": "",
        }
        return program(
            *shlex.split(snippet("vmagent", ours)),
            f"-remoteWrite.label=member={member}",  # else two that write the same would not show
            f"-remoteWrite.tmpDataPath={tmp_path / member}",
            "-httpListenAddr=127.0.0.1:PORT",
            "-memory.allowedBytes=64MB",
            ready="/health",
        )

    members = [vmagent(member) for member in SHARDS]
    first, second = shares(fleet, *members)
    assert 0 < len(first) < len(fleet)  # or nothing would be shared out
    assert first | second == fleet.keys()

    wait_for(lambda: found("xo_up == 1", "pool", storage), sorted(fleet))
    wait_for(lambda: found("xo_vm_info", "uuid", storage), uuids(fleet, "VM"))
    wait_for(lambda: found('xo_up{member="0"}', "pool", storage), sorted(first))
    wait_for(lambda: found('xo_up{member="1"}', "pool", storage), sorted(second))

"""A real Prometheus scrapes the exporter, and says what it has got."""

import json
import math
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.programs import eventually, get, output_of, serving
from xo_exporter.simulator import SimulatedPool, make_estate

Series = tuple[str, tuple[tuple[str, str], ...]]

OWN = ("up", "scrape_", "process_", "python_")  # Prometheus' own, and what is never the same twice


class Prometheus:
    """A Prometheus that runs, by its HTTP API."""

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Give what an instant query finds."""
        query = urllib.parse.urlencode({"query": expression})
        answer = json.loads(get(f"{self._url}/api/v1/query?{query}"))
        assert answer["status"] == "success"
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def series(self, selector: str) -> dict[Series, float]:
        """Give the newest value of each series of the exporter, without Prometheus' labels."""
        return {
            key: float(result["value"][1])
            for result in self.query(selector)
            if not (key := _key(result["metric"]))[0].startswith(OWN)
        }

    def scraped(self, job: str) -> bool:
        """Say whether all targets of a job were scraped, and there are any."""
        ups = self.query(f'up{{job="{job}"}}')
        return bool(ups) and all(result["value"][1] == "1" for result in ups)


def _key(metric: Mapping[str, str]) -> Series:
    labels = ((k, v) for k, v in metric.items() if k not in ("__name__", "job", "instance"))
    return metric["__name__"], tuple(sorted(labels))


@contextmanager
def prometheus(folder: Path, exporter: str) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes an exporter by /metrics, and by /sd and /probe."""
    netloc = exporter.removeprefix("http://")
    (folder / "prometheus.yml").write_text(
        f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: metrics
    honor_labels: true
    static_configs: [{{targets: ["{netloc}"]}}]
  - job_name: probe
    honor_labels: true
    http_sd_configs: [{{url: "{exporter}/sd", refresh_interval: 1s}}]
"""
    )
    with serving(
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--web.listen-address=127.0.0.1:PORT",
        logs=folder,
    ) as address:
        yield Prometheus(f"http://{address}")


@contextmanager
def exporter(folder: Path, command: str, **variables: str) -> Iterator[str]:
    """Run the exporter, and give its URL once it is ready."""
    arguments = ("-m", "xo_exporter", command, "--listen", "127.0.0.1:PORT")
    with serving(sys.executable, *arguments, logs=folder, **variables) as address:
        yield f"http://{address}"


def exposed(url: str) -> dict[Series, float]:
    """Give the exporter's own exposition."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(get(f"{url}/metrics"))
        for sample in family.samples
        if not sample.name.startswith(OWN)
    }


@pytest.mark.xdist_group("prometheus")
def test_prometheus_gets_what_the_demo_shows(tmp_path: Path) -> None:
    """Every series of `demo` is in Prometheus, with its value where that stands still."""
    with exporter(tmp_path, "demo") as url, prometheus(tmp_path, url) as server:
        eventually(lambda: server.scraped("metrics") and server.scraped("probe"))
        before = exposed(url)
        time.sleep(2.5)  # two scrapes
        by_metrics, by_probe = server.series('{job="metrics"}'), server.series('{job="probe"}')
        after = exposed(url)
        still = {key: value for key, value in before.items() if after.get(key) == value}
        assert len(still) > 500
        assert still.items() <= by_metrics.items()
        assert set(before) & set(after) <= set(by_metrics)
        assert set(by_metrics) <= set(before) | set(after)
        of_objects = {key for key in still if dict(key[1]).get("uuid")}
        assert {key: still[key] for key in of_objects}.items() <= by_probe.items()
        instances = {result["metric"]["instance"] for result in server.query('up{job="probe"}')}
        assert instances == {"demo"}


@pytest.fixture(scope="module")
def pool() -> Iterator[SimulatedPool]:
    """Run a pool whose objects stand still while its RRDs go on."""
    with SimulatedPool(make_estate(hosts=3, vms=12, seed=5)).run_in_thread() as simulated:
        yield simulated


@pytest.fixture
def served(tmp_path: Path, pool: SimulatedPool) -> Iterator[str]:
    """Serve that pool, and give the exporter's URL."""
    env = {
        "XO_EXPORTER_URL": pool.url,
        "XO_EXPORTER_USERNAME": pool.username,
        "XO_EXPORTER_PASSWORD": pool.password,
    }
    with exporter(tmp_path, "serve", **env) as url:
        yield url


@pytest.mark.xdist_group("prometheus")
def test_prometheus_gets_the_pools_own_truth(
    tmp_path: Path, pool: SimulatedPool, served: str
) -> None:
    """Sizes, states and RRD values in Prometheus are those that the simulated pool has."""
    with prometheus(tmp_path, served) as server:
        eventually(lambda: server.scraped("metrics") and server.scraped("probe"))
        eventually(lambda: server.query('xo_host_cpu_core_usage_ratio{job="metrics"}'))
        time.sleep(6.0)  # more than one row of the RRDs
        for job in ("metrics", "probe"):
            _compare_with_database(server, job, pool)
            _compare_with_rrds(server, job, pool)


def _by_uuid(server: Prometheus, name: str, job: str) -> dict[str, float]:
    found = server.query(f'{name}{{job="{job}"}}')
    values = {result["metric"]["uuid"]: float(result["value"][1]) for result in found}
    assert len(values) == len(found)
    return values


def _compare_with_database(server: Prometheus, job: str, pool: SimulatedPool) -> None:
    tables = pool.database.tables
    guests = {
        ref: vm
        for ref, vm in tables["VM"].items()
        if not (vm["is_a_template"] or vm["is_a_snapshot"] or vm["is_control_domain"])
    }
    assert _by_uuid(server, "xo_vm_memory_size_bytes", job) == {
        vm["uuid"]: float(
            tables["VM_metrics"][vm["metrics"]]["memory_actual"]
            if vm["power_state"] in ("Running", "Paused")
            else vm["memory_dynamic_max"]
        )
        for vm in guests.values()
    }
    running = {
        result["metric"]["uuid"]: result["value"][1] == "1"
        for result in server.query(f'xo_vm_power_state{{power_state="Running",job="{job}"}}')
    }
    assert running == {vm["uuid"]: vm["power_state"] == "Running" for vm in guests.values()}
    assert _by_uuid(server, "xo_host_memory_size_bytes", job) == {
        host["uuid"]: float(tables["host_metrics"][host["metrics"]]["memory_total"])
        for host in tables["host"].values()
    }
    assert _by_uuid(server, "xo_sr_size_bytes", job) == {
        sr["uuid"]: float(sr["physical_size"])
        for sr in tables["SR"].values()
        if int(sr["physical_size"]) > 0
    }
    assert _by_uuid(server, "xo_vdi_size_bytes", job) == {
        vdi["uuid"]: float(vdi["virtual_size"])
        for vdi in tables["VDI"].values()
        if vdi["managed"] and not vdi["is_a_snapshot"] and int(vdi["virtual_size"]) >= 0
    }
    assert _by_uuid(server, "xo_vbd_attached", job) == {
        vbd["uuid"]: vbd["currently_attached"]
        for vbd in tables["VBD"].values()
        if vbd["VM"] in guests
    }
    [total] = server.query(f'xo_running_vms{{job="{job}"}}')
    assert int(total["value"][1]) == sum(running.values())


def _compare_with_rrds(server: Prometheus, job: str, pool: SimulatedPool) -> None:
    compared = 0
    for name in ("xo_host_cpu_core_usage_ratio", "xo_vm_cpu_core_usage_ratio"):
        for result in server.query(f'{name}{{job="{job}"}}[20s]'):
            uuid, core = result["metric"]["uuid"], result["metric"]["core"]
            for moment, text in result["values"]:
                newest = math.floor(float(moment) / 5) * 5
                rows = (newest - 5 * back for back in range(-1, 5))
                truths = [pool.rrd.value(uuid, f"cpu{core}", row) for row in rows]
                assert float(text) in [pytest.approx(truth, rel=1e-9) for truth in truths]
                compared += 1
    assert compared > 50


@pytest.mark.xdist_group("prometheus")
def test_promtool_has_nothing_to_say(served: str) -> None:
    """`promtool check metrics` accepts the text without a word."""
    name = json.loads(get(f"{served}/sd"))[0]["labels"]["instance"]
    for path in ("/metrics", f"/probe?target={name}"):
        assert output_of("promtool", "check", "metrics", stdin=get(served + path)) == ""

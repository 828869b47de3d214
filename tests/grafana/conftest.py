"""The committed dashboards, and a real Prometheus that has scraped the demo for a while."""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import pytest

from grafana.build import FOLDER
from tests.programs import eventually, get, serving

ENOUGH: Final = 12  # seconds of data, which is two rows of the hosts' RRDs and more


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel of a dashboard, by its JSON."""

    page: str
    json: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Say which panel it is."""
        return f"{self.page}: {self.json['title']}"

    @property
    def queries(self) -> list[Mapping[str, Any]]:
        """Give its queries."""
        return list(self.json["targets"])

    @property
    def links(self) -> list[str]:
        """Give the URLs of its links, those of columns included."""
        config = self.json["fieldConfig"]
        found = [link["url"] for link in config["defaults"].get("links", [])]
        for override in config["overrides"]:
            for field in override["properties"]:
                if field["id"] == "links":
                    found += [link["url"] for link in field["value"]]
        return found


def load() -> dict[str, dict[str, Any]]:
    """Read the committed dashboards by their UID."""
    read = (json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json")))
    return {page["uid"]: page for page in read}


DASHBOARDS: Final = load()
PANELS: Final = [
    Panel(uid, panel)
    for uid, page in DASHBOARDS.items()
    for row_or_panel in page["panels"]
    for panel in (row_or_panel["panels"] if row_or_panel["type"] == "row" else [row_or_panel])
]


class Prometheus:
    """A Prometheus that runs, by its HTTP API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, kind: str, **parameters: str) -> Any:
        """Give the answer to a query; one that Prometheus refuses fails the test."""
        url = f"{self.url}/api/v1/{kind}?{urllib.parse.urlencode(parameters)}"
        try:
            return json.loads(get(url))["data"]["result"]
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.SERVICE_UNAVAILABLE:  # it isn't up yet
                raise
            pytest.fail(f"{json.load(error)['error']} in {parameters['query']}")

    def instant(self, query: str) -> list[dict[str, Any]]:
        """Give what a query finds now."""
        found: list[dict[str, Any]] = self.ask("query", query=query)
        return found

    def past(self, query: str, silent: float = 0.0) -> list[dict[str, Any]]:
        """Give what a query finds in the last seconds, as a graph asks for it.

        With `silent` the graph goes on for so many seconds in which nothing has come.
        """
        start, end = time.time() - ENOUGH, time.time() + silent
        found: list[dict[str, Any]] = self.ask(
            "query_range", query=query, start=str(start), end=str(end), step="2"
        )
        return found

    def uuids(self, query: str) -> list[str]:
        """Give the UUIDs of the series that a query finds."""
        return sorted({result["metric"]["uuid"] for result in self.instant(query)})


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run the demo and a Prometheus that has scraped it long enough; an alert fires in it."""
    folder = tmp_path_factory.mktemp("grafana")
    (folder / "rules.yml").write_text(
        "groups: [{name: one, rules: [{alert: XoSrInUse, expr: xo_sr_physical_usage_bytes > 0,"
        " labels: {severity: info}}]}]\n"
    )
    demo = ("-m", "xo_exporter", "demo", "--listen", "127.0.0.1:PORT", "--vms", "40")
    with ExitStack() as stack:
        exporter = stack.enter_context(serving(sys.executable, *demo, logs=folder))
        (folder / "prometheus.yml").write_text(
            f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: xo
    honor_labels: true
    static_configs: [{{targets: ["{exporter}"]}}]
"""
        )
        address = stack.enter_context(
            serving(
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                "--web.listen-address=127.0.0.1:PORT",
                logs=folder,
            )
        )
        prometheus = Prometheus(f"http://{address}")
        eventually(lambda: prometheus.instant(f"xo_host_cpu_usage_ratio offset {ENOUGH}s"))
        eventually(lambda: prometheus.instant("deriv(xo_sr_physical_usage_bytes[1d]) > 0"))
        eventually(lambda: prometheus.instant("ALERTS"))
        yield prometheus

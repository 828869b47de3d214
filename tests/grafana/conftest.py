"""The committed dashboards, and a real Prometheus that has scraped the demo for a while."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest

from grafana.build import FOLDER

IN_TIME: Final = 60.0
ENOUGH: Final = 12  # seconds of data, which is two rows of the hosts' RRDs and more
OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


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


def tool(name: str) -> str:
    """Give the path of a program; without it the test is skipped, but never where CI=true."""
    path = shutil.which(name)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is missing")
        pytest.skip(f"{name} is missing")
    return path


class Prometheus:
    """A Prometheus that runs, by its HTTP API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, kind: str, **parameters: str) -> Any:
        """Give the answer to a query; one that Prometheus refuses fails the test."""
        url = f"{self.url}/api/v1/{kind}?{urllib.parse.urlencode(parameters)}"
        try:
            with OPENER.open(url, timeout=IN_TIME) as answer:
                return json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(*command: str) -> Iterator[None]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("XO_EXPORTER_")}
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, env=kept, stdout=silent, stderr=silent) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(server: Prometheus, query: str) -> None:
    """Wait until a query finds something, which must be soon."""
    deadline = time.monotonic() + IN_TIME
    while time.monotonic() < deadline:
        try:
            if server.instant(query):
                return
        except OSError:
            pass
        time.sleep(0.2)
    pytest.fail(f"nothing came of {query}")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run the demo and a Prometheus that has scraped it long enough; an alert fires in it."""
    program = tool("prometheus")
    folder = tmp_path_factory.mktemp("grafana")
    (folder / "rules.yml").write_text(
        "groups: [{name: one, rules: [{alert: XoSrInUse, expr: xo_sr_physical_usage_bytes > 0,"
        " labels: {severity: info}}]}]\n"
    )
    exporter, port = f"127.0.0.1:{_free_port()}", _free_port()
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
    demo = (sys.executable, "-m", "xo_exporter", "demo", "--listen", exporter, "--vms", "40")
    with ExitStack() as stack:
        stack.enter_context(_running(*demo))
        stack.enter_context(
            _running(
                program,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            )
        )
        found = Prometheus(f"http://127.0.0.1:{port}")
        _wait_for(found, f"xo_host_cpu_usage_ratio offset {ENOUGH}s")
        _wait_for(found, "deriv(xo_sr_physical_usage_bytes[1d]) > 0")
        _wait_for(found, "ALERTS")
        yield found

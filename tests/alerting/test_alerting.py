"""What happens in a pool is told once, to whom it concerns, and so is its end.

The rules are those of deploy/prometheus, made for a quick clock; Alertmanager's configuration is
that of deploy/alertmanager, with a receiver of ours and a quick clock; the pool is simulated.
"""

import http.server
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.programs import eventually, get
from xo_exporter.simulator import Database, SimulatedPool, Status

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus"
DAY = 86400
SIZES = ("physical_size", "physical_utilisation")
LABEL = "Main pool"
TARGET = {"container": "exporter", "pool": "workers", "pod": "exporter-0"}

Age = Callable[[Database, str, float], None]
Program = Callable[..., str]


class Told(NamedTuple):
    """A part of a notification."""

    receiver: str
    alert: str
    of: str
    status: str


class Inbox:
    """A webhook that keeps what it is told; each notification once, whatever alerts are in it."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        inbox = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in body["alerts"]:
                    labels = alert["labels"]
                    of = labels.get("name_label") or labels.get("pool", "")
                    status = alert["status"]
                    inbox.told.append(Told(body["receiver"], labels["alertname"], of, status))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for what the programs read and write."""
    return tmp_path_factory.mktemp("alerting")


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    """Run the webhook."""
    receiver = Inbox()
    thread = threading.Thread(target=receiver.server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def pool(healthy_estate: Database) -> Iterator[SimulatedPool]:
    """Run a pool in which nothing is wrong."""
    with SimulatedPool(healthy_estate).run_in_thread() as running:
        yield running


def _quick(lasting: str) -> str:
    """Give 3 s for what goes on firing for minutes, and nothing for nothing."""
    return "0m" if lasting == "0m" else "3s"


@pytest.fixture(scope="module")
def rules(folder: Path) -> Path:
    """Make the rules for a clock on which a second is long."""
    settings = yaml.safe_load((RULES / "thresholds.yml").read_text("utf-8"))
    quick: dict[str, Any] = {
        "alerts": {
            name: {"for": "1s", "keep_firing_for": _quick(alert.get("keep_firing_for", "15m"))}
            for name, alert in settings["alerts"].items()
        },
    }
    # A Prometheus that has just begun has no target yet; and a scrape may well take a second.
    for name in ("XoExporterAbsent", "XoExporterDown"):
        quick["alerts"][name]["for"] = "30s"
    (folder / "quick.yml").write_text(yaml.safe_dump(quick))
    arguments = ["--thresholds", str(folder / "quick.yml"), "--to", str(folder / "rules")]
    subprocess.run([sys.executable, str(RULES / "generate.py"), *arguments], check=True)
    return folder / "rules"


@pytest.fixture(scope="module")
def alertmanager(folder: Path, program: Program, inbox: Inbox) -> str:
    """Run Alertmanager as the example has it, with all its receivers but `nobody` at the inbox."""
    config = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text("utf-8"))
    config["route"] |= {"group_wait": "1s", "group_interval": "1s"}
    for receiver in config["receivers"]:
        if receiver.pop("email_configs", None):
            receiver["webhook_configs"] = [{"url": inbox.url, "send_resolved": True}]
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    return program(
        "prometheus-alertmanager",
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager'}",
        "--web.listen-address=127.0.0.1:PORT",
        "--cluster.listen-address=",
    )


@pytest.fixture(scope="module")
def exporter(program: Program, pool: SimulatedPool) -> str:
    """Run an exporter of the pool."""
    return program(
        sys.executable,
        *("-m", "xo_exporter", "serve", "--listen", "127.0.0.1:PORT"),
        XO_EXPORTER_URL=pool.url,
        XO_EXPORTER_USERNAME=pool.username,
        XO_EXPORTER_PASSWORD=pool.password,
    )


@pytest.fixture(scope="module")
def prometheus(
    folder: Path, program: Program, exporter: str, rules: Path, alertmanager: str
) -> str:
    """Run a Prometheus that scrapes the exporter each second, as a pod with labels of its own."""
    config = yaml.safe_load((RULES / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(rules / "*.yml")]
    target = {"targets": [exporter], "labels": TARGET}
    config["scrape_configs"][0]["static_configs"] = [target]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    return program(
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--rules.alert.resend-delay=1s",
        "--web.listen-address=127.0.0.1:PORT",
    )


def _found(prometheus: str, name: str) -> list[dict[str, str]]:
    answer = json.loads(get(f"http://{prometheus}/api/v1/query?query={name}"))
    return [result["metric"] for result in answer["data"]["result"]]


def _rules_of(prometheus: str) -> list[dict[str, Any]]:
    groups = json.loads(get(f"http://{prometheus}/api/v1/rules"))["data"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _firing(prometheus: str) -> set[str]:
    found = json.loads(get(f"http://{prometheus}/api/v1/alerts"))["data"]["alerts"]
    return {alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"}


@pytest.mark.xdist_group("prometheus")
def test_labels_of_the_target_leave_ours_alone(exporter: str, prometheus: str) -> None:
    """A target's own `container` and `pool` give way to those of each series; its `pod` stays."""
    eventually(lambda: _found(prometheus, "xo_sr_info"))
    added = {"__name__": "xo_sr_info", "job": "xo", "instance": exporter, "pod": TARGET["pod"]}
    ours = [
        sample.labels | added
        for family in text_string_to_metric_families(get(f"http://{exporter}/metrics"))
        for sample in family.samples
        if sample.name == "xo_sr_info"
    ]
    uuid = itemgetter("uuid")
    assert sorted(_found(prometheus, "xo_sr_info"), key=uuid) == sorted(ours, key=uuid)


@pytest.mark.xdist_group("prometheus")
def test_what_happens_is_told_once_and_so_is_its_end(
    age_backup: Age,
    pool: SimulatedPool,
    prometheus: str,
    inbox: Inbox,
) -> None:
    """An SR fills, a host dies, a backup gets old, the pool is out of reach for a while."""
    database = pool.database
    eventually(lambda: _found(prometheus, "xo_up"))
    time.sleep(4.0)  # what would fire had the time to
    assert _firing(prometheus) == set()
    assert [rule for rule in _rules_of(prometheus) if rule["health"] != "ok"] == []

    [sr] = database.find("SR", name_label="NAS 1 (NFS)")
    size, used = (database.tables["SR"][sr][name] for name in SIZES)
    host = next(ref for ref in database.tables["host"] if ref != pool.master)
    host_name = database.tables["host"][host]["name_label"]
    metrics = database.tables["host"][host]["metrics"]
    [vm, *_] = [
        ref
        for ref in database.find("VM", resident_on=host, power_state="Running")
        if not database.tables["VM"][ref]["is_control_domain"]
    ]
    snapshot = next(
        ref
        for ref in database.find("VM", is_a_snapshot=True)
        if "xo:backup:job" in database.tables["VM"][ref]["other_config"]
    )
    backed_up = database.tables["VM"][database.tables["VM"][snapshot]["snapshot_of"]]["name_label"]
    happened = {
        ("pager", "XoSrAlmostFull", "NAS 1 (NFS)"),
        ("pager", "XoHostDown", host_name),
        ("team", "XoBackupOld", backed_up),
    }

    die: Callable[[], object] = partial(pool.stop_host, host)
    live: Callable[[], object] = partial(pool.start_host, host)

    def happen() -> None:
        database.modify("SR", sr, physical_utilisation=str(int(size) * 97 // 100))
        database.modify("host_metrics", metrics, live=False)
        age_backup(database, snapshot, time.time() - 4 * DAY)

    pool.do(happen)
    pool.do(die)
    expected = {Told(*what, "firing") for what in happened}
    eventually(lambda: expected <= set(inbox.told))
    # This is so as well, and a worse one says it all: the SR's own, and that of the VM's host.
    pool.do(lambda: database.modify("VM", vm, power_state="Paused"))
    eventually(lambda: {"XoSrFilling", "XoVmPaused"} <= _firing(prometheus))

    unread = {Told("pager", "XoPoolNotRead", LABEL, status) for status in ("firing", "resolved")}
    with pool.faults.active(Status(503)):
        eventually(lambda: unread & set(inbox.told))
        pool.do(lambda: database.modify("VM", vm, power_state="Running"))
        time.sleep(5.0)  # longer than alerts go on that nothing is known of
    eventually(lambda: unread <= set(inbox.told))
    expected |= unread
    assert Counter(inbox.told) == Counter(expected)

    def mend() -> None:
        database.modify("SR", sr, physical_utilisation=used)
        database.modify("host_metrics", metrics, live=True)
        age_backup(database, snapshot, time.time())

    pool.do(live)
    pool.do(mend)
    expected |= {Told(*what, "resolved") for what in happened}
    eventually(lambda: expected <= set(inbox.told))
    eventually(lambda: not _firing(prometheus))
    time.sleep(2.0)
    assert Counter(inbox.told) == Counter(expected)

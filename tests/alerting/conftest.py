"""What the tests with a real Prometheus and Alertmanager share: a healthy estate, programs."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.programs import serving
from xo_exporter.simulator import NULL, Database, actions, make_estate
from xo_exporter.simulator.sessions import wire_time

HOUR = 3600.0

Age = Callable[[Database, str, float], None]


@pytest.fixture(scope="session")
def age_backup() -> Age:
    """Let a snapshot tell of a good backup that was taken at a Unix time."""
    return _age_backup


def _age_backup(database: Database, snapshot: str, taken: float) -> None:
    config = database.tables["VM"][snapshot]["other_config"]
    marks = {"xo:backup:datetime": wire_time(taken), "xo:backup:exported": "true"}
    own = marks if "xo:backup:job" in config else {}
    database.modify("VM", snapshot, snapshot_time=wire_time(taken), other_config=config | own)
    for vbd in database.tables["VM"][snapshot]["VBDs"]:
        disk = database.tables["VBD"][vbd]["VDI"]
        if disk != NULL:  # the snapshot of a disk bears the same marks
            config = database.tables["VDI"][disk]["other_config"]
            database.modify("VDI", disk, other_config=config | own)


@pytest.fixture(scope="module")
def healthy_estate() -> Database:
    """Make an estate of three hosts, and mend all that is wrong with it."""
    database = make_estate(hosts=3, vms=12, seed=1)
    now = time.time()
    for cls in ("message", "task"):
        for ref in list(database.tables[cls]):
            database.delete(cls, ref)
    _mend_hosts(database, now)
    _mend_storage(database)
    _mend_vms(database, now)
    return database


def _mend_hosts(database: Database, now: float) -> None:
    for ref in database.tables["Certificate"]:
        database.modify("Certificate", ref, not_after=wire_time(now + 1000 * 24 * HOUR))
    for ref, host in database.tables["host"].items():
        config = dict(host["other_config"])
        config.pop("rpm_patch_installation_time", None)
        database.modify(
            "host", ref, updates_requiring_reboot=[], pending_guidances=[], other_config=config
        )
    for ref in database.tables["PIF_metrics"]:
        database.modify("PIF_metrics", ref, carrier=True)
    for ref, bond in database.tables["Bond"].items():
        database.modify("Bond", ref, links_up=str(len(bond["slaves"])))


def _mend_storage(database: Database) -> None:
    for ref, pbd in database.tables["PBD"].items():
        config = {
            key: "[2, 2]" if key.startswith("mpath-") else value
            for key, value in pbd["other_config"].items()
        }
        database.modify("PBD", ref, currently_attached=True, other_config=config)
    for ref in database.tables["VDI"]:
        database.modify("VDI", ref, missing=False)


def _mend_vms(database: Database, now: float) -> None:
    for ref, vm in list(database.tables["VM"].items()):
        if vm["is_a_snapshot"] and vm["snapshot_of"] == NULL:
            database.delete("VM", ref)
        elif vm["is_a_snapshot"]:
            _age_backup(database, ref, now - HOUR)
        elif not (vm["is_a_template"] or vm["is_control_domain"]):
            agent = database.get("VM_guest_metrics", vm["guest_metrics"])
            heard = agent is not None and agent["live"] and agent["PV_drivers_version"]
            if vm["power_state"] == "Paused" or not heard:
                actions.stop_vm(database, ref, now)
            if database.tables["VM"][ref]["power_state"] != "Running":
                config = {k: v for k, v in vm["other_config"].items() if k != "auto_poweron"}
                database.modify("VM", ref, ha_restart_priority="", other_config=config)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Run a server as `serving` does, and give its address; it is ended in the end."""
    logs = tmp_path_factory.mktemp("logs")
    with ExitStack() as stack:
        yield lambda *command, **options: stack.enter_context(
            serving(*command, logs=logs, **options)
        )

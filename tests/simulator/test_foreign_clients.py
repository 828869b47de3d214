"""Clients that this project did not write: each must find the simulated pool a real one."""

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import XenAPI

from tests.programs import found, missing
from xo_exporter.simulator import Database, SimulatedPool

HERE = Path(__file__).parent
NEW_NAME = "renamed while watched"
RENAME_AFTER_S = 0.3


@pytest.fixture
def secure_pool(estate: Database) -> Iterator[SimulatedPool]:
    """Run the estate over HTTPS with a certificate of its own."""
    with SimulatedPool(estate, tls=True).run_in_thread() as running:
        yield running


@pytest.fixture(params=["threaded_pool", "secure_pool"], ids=["http", "https"])
def any_pool(request: pytest.FixtureRequest) -> SimulatedPool:
    """Run the estate, once over HTTP and once over HTTPS."""
    running = request.getfixturevalue(request.param)
    assert isinstance(running, SimulatedPool)
    return running


def a_running_vm(pool: SimulatedPool) -> str:
    """Give the reference of a VM that runs and is no control domain."""
    return pool.database.find("VM", power_state="Running", is_control_domain=False)[0]


class TestXenApi:
    """PyPI's XenAPI."""

    @pytest.fixture
    def session(self, any_pool: SimulatedPool) -> Iterator[Any]:
        """Log in, and out again."""
        session = XenAPI.Session(any_pool.url, ignore_ssl=True)
        session.login_with_password(any_pool.username, any_pool.password, "1.0", "foreign-client")
        yield session
        session.xenapi.session.logout()
        session("close")()
        assert any_pool.sessions.open == []

    def test_reads_every_class(self, session: Any, any_pool: SimulatedPool) -> None:
        """Every class that is listed can be read, and holds what the database holds."""
        reply = session.system.listMethods()
        assert reply["Status"] == "Success"
        methods = reply["Value"]
        listed = [name.split(".")[0] for name in methods if name.endswith(".get_all_records")]
        assert {"VM", "host", "SR", "VDI", "message", "role"} <= set(listed)
        for name in listed:
            records = getattr(session.xenapi, name).get_all_records()
            table = any_pool.database.tables.get(name, {})
            assert list(records) == list(table)
            for ref, record in records.items():
                assert list(record) == list(table[ref])

    def test_values_have_the_types_of_the_wire(self, session: Any, any_pool: SimulatedPool) -> None:
        """Ints come as strings, times as DateTime, booleans and floats as themselves."""
        ref = a_running_vm(any_pool)
        record = session.xenapi.VM.get_record(ref)
        assert record["memory_dynamic_max"].isdigit()
        assert record["is_a_template"] is False
        assert record["HVM_shadow_multiplier"] == 1.0
        assert record["snapshot_time"].value == "19700101T00:00:00Z"
        assert session.xenapi.VM.get_name_label(ref) == record["name_label"]
        assert session.xenapi.VM.get_by_uuid(record["uuid"]) == ref
        assert session.API_version == "2.21"

    def test_sees_an_event(self, session: Any, any_pool: SimulatedPool) -> None:
        """A change made while event.from waits comes back as one mod with the full record."""
        ref = a_running_vm(any_pool)
        event_from = getattr(session.xenapi.event, "from")
        token = event_from(["VM"], "", 0.0)["token"]
        rename = threading.Timer(
            RENAME_AFTER_S,
            lambda: any_pool.do(lambda: any_pool.database.modify("VM", ref, name_label=NEW_NAME)),
        )
        rename.start()
        answer = event_from(["VM"], token, 30.0)
        rename.join()
        [event] = answer["events"]
        assert (event["class"], event["operation"], event["ref"]) == ("vm", "mod", ref)
        assert event["snapshot"]["name_label"] == NEW_NAME
        assert answer["valid_ref_counts"]["vm"] == len(any_pool.database.tables["VM"])

    def test_wrong_password(self, any_pool: SimulatedPool) -> None:
        """A wrong password is refused with the user's name."""
        session = XenAPI.Session(any_pool.url, ignore_ssl=True)
        with pytest.raises(XenAPI.Failure) as caught:
            session.login_with_password("root", "wrong", "1.0", "foreign-client")
        assert caught.value.details[:2] == ["SESSION_AUTHENTICATION_FAILED", "root"]
        session("close")()


def xo_client() -> list[str]:
    """Give the command that runs npm's xen-api; where it can't be run the test is skipped."""
    node = found("node")
    if not (HERE / "node_modules" / "xen-api").is_dir():
        missing("xen-api (run npm install in tests/simulator)")
    return [node, str(HERE / "xen_api_client.mjs")]


class TestXenOrchestra:
    """npm's xen-api, the client of Xen Orchestra."""

    @pytest.mark.parametrize("transport", ["auto", "json-rpc", "xml-rpc"])
    def test_connects_reads_and_follows_events(
        self, any_pool: SimulatedPool, transport: str
    ) -> None:
        """It reads every class, resolves links between objects, and sees a VM's new name."""
        client_of_theirs = xo_client()
        database = any_pool.database
        ref = a_running_vm(any_pool)
        vm = dict(database.tables["VM"][ref])
        arguments = [any_pool.url, any_pool.username, any_pool.password, transport, vm["uuid"]]
        with subprocess.Popen(
            [*client_of_theirs, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as client:
            assert client.stdout is not None
            line = client.stdout.readline()
            any_pool.do(lambda: database.modify("VM", ref, name_label=NEW_NAME))
            rest, errors = client.communicate(timeout=60)
        assert line, errors
        seen = json.loads(line)
        assert seen["pool"] == "Main pool"
        assert seen["master"] == database.tables["host"][any_pool.master]["name_label"]
        host = database.tables["host"][vm["resident_on"]]["uuid"]
        assert seen["vm"] == {"name": vm["name_label"], "host": host, "disks": len(vm["VBDs"])}
        counts = {name: len(table) for name, table in database.tables.items() if table}
        counts.pop("session", None)
        assert seen["counts"] == counts
        assert json.loads(rest) == {"event": NEW_NAME}
        assert "_refreshCachedRecords" not in errors

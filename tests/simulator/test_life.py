"""A pool that lives: what changes with time, and what stays true."""

import asyncio

import pytest

from xo_exporter.simulator import NULL, Database, Life, SimulatedPool, actions, events, make_estate
from xo_exporter.simulator.database import MIRRORED

NOW = 1_700_000_000.0
TICK = 5.0


def lived(ticks: int, seed: int = 1) -> Database:
    """Make a pool and let it live for a while."""
    database = make_estate(hosts=3, vms=40, seed=seed, now=NOW)
    life = Life(database)
    for tick in range(ticks):
        life.advance(NOW + tick * TICK)
    return database


def test_life_repeats_with_the_seed() -> None:
    """The same seed and number of ticks give the same records."""
    assert lived(60).tables == lived(60).tables


def test_much_happens() -> None:
    """In an hour VMs start, stop, move, come and go, disks grow, and the pool says so."""
    database = make_estate(hosts=3, vms=40, seed=1, now=NOW)
    before = events.Token.now(database)
    resident = {ref: vm["resident_on"] for ref, vm in database.tables["VM"].items()}
    used = {ref: sr["physical_utilisation"] for ref, sr in database.tables["SR"].items()}
    life = Life(database)
    made, seen = set(), set()
    for tick in range(720):
        life.advance(NOW + tick * TICK)
        made |= set(database.tables["VM"]) - set(resident)
        for ref, vm in database.tables["VM"].items():
            was = resident.get(ref)
            if was is not None and was != vm["resident_on"]:
                moved = NULL not in (was, vm["resident_on"])
                seen.add("moved" if moved else "stopped" if was != NULL else "started")
    assert seen == {"moved", "stopped", "started"}
    assert made - set(database.tables["VM"]), "a VM that was made is gone again"
    assert any(database.tables["SR"][ref]["physical_utilisation"] != size
               for ref, size in used.items())  # fmt: skip
    batch = events.collect(database, events.Subscription(["*"]), before)
    assert {event.operation for event in batch.events} == {"add", "mod", "del"}
    assert len(database.tables["message"]) <= 200
    assert len(database.tables["task"]) <= 12
    assert set(resident) <= set(database.tables["VM"]), "the estate's own VMs stay"


@pytest.mark.parametrize("seed", [1, 2])
def test_the_pool_stays_consistent(seed: int) -> None:
    """After a long time sets agree with references, memory with VMs, states with places."""
    database = lived(500, seed)
    tables = database.tables
    for child, named in MIRRORED.items():
        for field, (parent, mirror) in named.items():
            for ref, record in tables[parent].items():
                expected = [key for key, row in tables[child].items() if row[field] == ref]
                assert sorted(record[mirror]) == sorted(expected), (parent, mirror)
    for vm in tables["VM"].values():
        is_live = vm["power_state"] in {"Running", "Paused"}
        assert (vm["resident_on"] != NULL) == is_live
        if vm["guest_metrics"] != NULL:
            assert vm["guest_metrics"] in tables["VM_guest_metrics"]
    for host in tables["host"].values():
        metrics = tables["host_metrics"][host["metrics"]]
        used = int(host["memory_overhead"]) + sum(
            int(tables["VM_metrics"][tables["VM"][ref]["metrics"]]["memory_actual"])
            + int(tables["VM"][ref]["memory_overhead"])
            for ref in host["resident_VMs"]
        )
        assert int(metrics["memory_free"]) == int(metrics["memory_total"]) - used
        assert int(metrics["memory_free"]) >= 0


def test_starting_and_stopping_change_all_that_belongs() -> None:
    """Disks, NICs, metrics and the host follow a VM's state."""
    database = make_estate(hosts=2, vms=20, seed=1, now=NOW)
    vm = database.find("VM", power_state="Halted", is_a_template=False)[0]
    record = database.tables["VM"][vm]
    host = next(iter(database.tables["host"]))
    actions.start_vm(database, vm, host, NOW)
    metrics = database.tables["VM_metrics"][record["metrics"]]
    assert record["power_state"] == "Running"
    assert metrics["start_time"] == "20231114T22:13:20Z"
    assert metrics["VCPUs_number"] == record["VCPUs_at_startup"]
    assert vm in database.tables["host"][host]["resident_VMs"]
    disks = [database.tables["VBD"][ref] for ref in record["VBDs"]]
    assert all(disk["currently_attached"] for disk in disks if not disk["empty"])
    actions.stop_vm(database, vm, NOW)
    assert record["power_state"] == "Halted"
    assert not any(disk["currently_attached"] for disk in disks)
    assert metrics["memory_actual"] == "0"
    actions.delete_vm(database, vm)
    assert vm not in database.tables["VM"]
    assert not any(ref in database.tables["VBD"] for ref in record["VBDs"])


def test_life_needs_little() -> None:
    """A hand-written estate lives, too, without what would be needed for new VMs."""
    database = Database.from_records(
        {
            "pool": {"p": {"master": "h"}},
            "host": {"h": {"metrics": "hm"}},
            "host_metrics": {"hm": {"live": True, "memory_total": "1000000000"}},
            "VM": {"vm": {"power_state": "Running", "resident_on": "h", "metrics": "gone"}},
            "SR": {"sr": {"type": "nfs", "physical_size": "-1"}},
        }
    )
    life = Life(database)
    for tick in range(200):
        life.advance(NOW + tick * TICK)
    assert list(database.tables["host"]) == ["h"]


async def test_a_running_pool_lives_by_itself() -> None:
    """With `life` the database changes while the pool runs, and no more once it has stopped."""
    database = make_estate(hosts=2, vms=10, seed=1)
    async with SimulatedPool(database, life=True, life_interval_s=0.001):
        token = str(events.Token.now(database))
        batch = await events.wait_for_events(
            database, ["vm_metrics"], token, 60.0, delay_s=0.0, check=lambda: None
        )
        assert batch.events
    clock = database.clock
    await asyncio.sleep(0.02)
    assert database.clock == clock


def test_the_estate_keeps_its_size() -> None:
    """However long a pool lives, it has a few VMs more than it began with, never ever more."""
    database = make_estate(hosts=3, vms=100, seed=2, now=NOW)
    life = Life(database)
    before = {name: len(records) for name, records in database.tables.items()}
    before["VM_guest_metrics"] = before["VM_metrics"]  # every VM may run, and have an agent
    for tick in range(1500):
        life.advance(NOW + 5 * tick)
    for name in ("VM", "VDI", "VBD", "VIF", "VM_metrics", "VM_guest_metrics"):
        assert len(database.tables[name]) <= before[name] * 1.3, name


def test_no_storage_holds_more_than_it_can() -> None:
    """However long the pool lives and whatever is made in it, no SR is fuller than full."""
    database = make_estate(hosts=3, vms=20, seed=2, now=NOW)
    life = Life(database)
    for tick in range(1500):
        life.advance(NOW + tick)
        for record in database.tables["SR"].values():
            if int(record["physical_size"]) > 0:
                assert int(record["physical_utilisation"]) <= int(record["physical_size"]), tick

"""Truth under change: whatever comes, goes, moves or is renamed between any two calls."""

import time
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from xo_exporter.simulator import FixedRrd, Garbage, Life, SimulatedPool

if TYPE_CHECKING:
    from tests.faults.conftest import Rig, Scraped

KINDS = {"vm": "VM", "vdi": "VDI", "vbd": "VBD", "sr": "SR", "pbd": "PBD", "host": "host"}
LINKS = {
    "container_uuid": ("host", "sr", "pool"),
    "host_uuid": ("host",),
    "sr_uuid": ("sr",),
    "vm_uuid": ("vm",),
    "vdi_uuid": ("vdi",),
    "vbd_uuid": ("vbd",),
}


def is_guest(vm: dict[str, object]) -> bool:
    """Tell whether a VM's record is that of a guest."""
    return not (vm["is_a_template"] or vm["is_a_snapshot"] or vm["is_control_domain"])


def infos(scraped: "Scraped") -> dict[str, dict[str, dict[str, str]]]:
    """Give the labels of each object's `_info` by kind and UUID; each object has one."""
    found: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for name, labels in scraped.of("broken"):
        kind = name.removeprefix("xo_").removesuffix("_info")
        if name == f"xo_{kind}_info" and "_" not in kind:
            pairs = dict(labels)
            assert pairs["uuid"] not in found[kind], f"{name} of {pairs['uuid']} comes twice"
            found[kind][pairs["uuid"]] = pairs
    return found


def is_consistent(scraped: "Scraped") -> None:
    """See that each series is about an object that is there, by that object's own labels."""
    objects = infos(scraped)
    for kind, by_uuid in objects.items():
        for pairs in by_uuid.values():
            for link, kinds in LINKS.items():
                if target := pairs.get(link):
                    assert any(target in objects[other] for other in kinds), (kind, link, pairs)
    for name, labels in scraped.of("broken"):
        pairs = dict(labels)
        kind = name.split("_")[1]
        if kind in KINDS and "uuid" in pairs:
            info = objects[kind].get(pairs["uuid"])
            assert info is not None, f"{name} is about an object that is not there: {pairs}"
            for label in ("name_label", "container"):
                assert pairs.get(label) == info.get(label), (name, label, pairs, info)


def is_the_truth(scraped: "Scraped", pool: SimulatedPool) -> None:
    """See that just the objects that the pool has now are there, by their present names."""
    objects = infos(scraped)
    guests = {
        vm["uuid"]: vm["name_label"] for vm in pool.database.tables["VM"].values() if is_guest(vm)
    }
    assert {uuid: info["name_label"] for uuid, info in objects["vm"].items()} == guests
    vms = pool.database.tables["VM"]
    vbds = {
        vbd["uuid"]
        for vbd in pool.database.tables["VBD"].values()
        if vbd["VM"] in vms and is_guest(vms[vbd["VM"]])
    }
    assert set(objects["vbd"]) == vbds
    disks = {
        vdi["uuid"]
        for vdi in pool.database.tables["VDI"].values()
        if vdi["managed"] and not vdi["is_a_snapshot"] and vdi["SR"] in pool.database.tables["SR"]
    }
    assert set(objects["vdi"]) == disks
    for name, labels in scraped.of("broken"):
        if name == "xo_vm_info":
            pairs = dict(labels)
            (vm,) = [vm for vm in vms.values() if vm["uuid"] == pairs["uuid"]]
            if vm["power_state"] == "Running":
                host = pool.database.tables["host"][vm["resident_on"]]
                assert pairs["container_uuid"] == host["uuid"]


@pytest.mark.parametrize("jsonrpc", ["works", "missing"])
async def test_an_estate_that_changes_between_any_two_calls(
    jsonrpc: str, rig: "Rig", monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no ghost, no duplicate and no half-joined series, in any scrape."""
    pool = rig.broken
    pool.faults.jsonrpc = jsonrpc  # type: ignore[assignment]  # one of its literals
    life = Life(pool.database)
    count = pool.traffic.count
    calls = 0

    def change(host: str, name: str) -> None:
        nonlocal calls
        calls += 1
        for _ in range(3):
            life.advance(time.time())
        guests = [ref for ref, vm in pool.database.tables["VM"].items() if is_guest(vm)]
        pool.database.modify("VM", guests[calls % len(guests)], name_label=f"renamed {calls}")
        count(host, name)

    with monkeypatch.context() as patch:
        patch.setattr(pool.traffic, "count", change)
        for number in range(15):
            if number % 5 == 3:
                pool.sessions.expire()
            if number % 5 == 4:
                pool.database.forget_deletions()
            scraped = await rig.scrape()
            assert scraped.warnings == []
            assert scraped.up("broken") == scraped.up("sound") == 1
            is_consistent(scraped)
    last = await rig.scrape()
    is_consistent(last)
    is_the_truth(last, pool)
    assert calls > 50


async def test_lost_deletions(rig: "Rig") -> None:
    """More deletions than XAPI remembers leave no ghost, and are counted as a resync."""
    pool = rig.broken
    sr = next(iter(pool.database.tables["SR"]))
    made = [pool.database.add("VDI", SR=sr, managed=True, name_label=f"d{n}") for n in range(700)]
    whole = await rig.scrape()
    for ref in made:
        pool.database.delete("VDI", ref)
    after = await rig.scrape()
    assert len(infos(whole)["vdi"]) - len(infos(after)["vdi"]) == 700
    is_the_truth(after, pool)
    assert after.values["xo_xapi_resyncs_total", (("pool", "broken"),)] == 1
    assert after.warnings == []
    assert rig.logins == 1


async def test_a_migrating_vm_that_two_hosts_report(rig: "Rig") -> None:
    """A VM whose RRD two hosts have counts once, as the one where it lives says."""
    pool = rig.broken
    here, there = list(pool.database.tables["host"])[:2]
    vms = pool.database.tables["VM"]
    guest = next(
        ref
        for ref, vm in vms.items()
        if is_guest(vm) and vm["power_state"] == "Running" and vm["resident_on"] == here
    )
    uuid = vms[guest]["uuid"]
    for host, value in ((here, 0.25), (there, 0.75)):
        owner = pool.database.tables["host"][host]["uuid"]
        legend = [f"AVERAGE:host:{owner}:cpu_avg", f"AVERAGE:vm:{uuid}:cpu0"]
        pool.rrd.fixed[host] = FixedRrd(5, [(0, [0.5, value]), (-5, [0.5, value])], legend)
    before = await rig.scrape()
    pool.database.modify("VM", guest, resident_on=there)
    after = await rig.scrape()
    for scraped, usage, host in ((before, 0.25, here), (after, 0.75, there)):
        is_consistent(scraped)
        values = [
            value
            for (name, labels), value in scraped.of("broken").items()
            if name == "xo_vm_cpu_core_usage_ratio" and ("uuid", uuid) in labels
        ]
        assert values == [usage]
        assert (
            infos(scraped)["vm"][uuid]["container_uuid"]
            == (pool.database.tables["host"][host]["uuid"])
        )
    running = sum(is_guest(vm) and vm["power_state"] == "Running" for vm in vms.values())
    assert {
        scraped.values["xo_pool_running_vms", key]
        for scraped in (before, after)
        for name, key in scraped.values
        if name == "xo_pool_running_vms" and ("pool", "broken") in key
    } == {running}


@pytest.mark.parametrize("offset", [-7200.5, 7200.5, 86_400.0, -400.0])
async def test_clocks_that_are_off(offset: float, rig: "Rig") -> None:
    """A host whose clock is hours off has all its values, from the first scrape on."""
    whole_sound = None
    pool = rig.broken
    for number, host in enumerate(pool.database.tables["host"]):
        pool.faults.clock_offset[host] = offset * (number - 1)
    for _ in range(2):
        scraped = await rig.scrape()
        assert scraped.warnings == []
        assert set(scraped.hosts_up("broken").values()) == {1.0}
        assert all(-1 <= age <= 15 for age in ages(scraped))
        assert len(ages(scraped)) == 3
        usage = [n for n, _ in scraped.of("broken") if n == "xo_host_cpu_usage_ratio"]
        assert len(usage) == 3
        whole_sound = whole_sound or scraped.names("sound")
        assert scraped.names("sound") == whole_sound


def ages(scraped: "Scraped") -> list[float]:
    """Give how old each host's newest row is, in seconds."""
    return [
        value
        for (name, _), value in scraped.of("broken").items()
        if name == "xo_host_rrd_age_seconds"
    ]


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
async def test_a_clock_that_jumps(jump: float, rig: "Rig") -> None:
    """A host's clock that is set right, or wrong, costs no scrape its values."""
    pool = rig.broken
    whole = await rig.scrape()
    host = list(pool.database.tables["host"])[1]
    for offset in (jump, 0.0, jump * 10):
        pool.faults.clock_offset[host] = offset
        after = await rig.scrape()
        assert after.warnings == []
        assert set(after.hosts_up("broken").values()) == {1.0}
        assert all(-1 <= age <= 15 for age in ages(after))
        hosts = {series for series in whole.names("broken") if series[0].startswith("xo_host")}
        assert hosts <= after.names("broken")


async def test_a_host_that_does_not_say_its_time(rig: "Rig") -> None:
    """Garbage in place of the time costs nothing where the clocks agree."""
    with rig.broken.faults.active(Garbage(), method="host.get_servertime"):
        scraped = await rig.scrape()
    assert scraped.warnings == []
    assert set(scraped.hosts_up("broken").values()) == {1.0}
    assert all(-1 <= age <= 15 for age in ages(scraped))

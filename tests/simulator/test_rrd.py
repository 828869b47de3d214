"""Data sources and their values: repeatable, in bounds, and in keep with the records."""

import math

import pytest

from xo_exporter.simulator import NEWEST, Database, Generation, Rrd, make_estate
from xo_exporter.simulator.schema import Release

NOW = 1_700_000_000
T = NOW // 5 * 5


def estate(generation: Generation = "g4", release: Release | None = None) -> Database:
    """Make a pool of two hosts."""
    return make_estate(hosts=2, vms=40, seed=3, generation=generation, now=NOW, release=release)


def guest(database: Database, *, agent: bool) -> dict[str, object]:
    """Find a running VM with or without a guest agent."""
    for ref in database.find("VM", power_state="Running", is_control_domain=False):
        record = database.tables["VM"][ref]
        metrics = database.get("VM_guest_metrics", record["guest_metrics"]) or {}
        if bool(metrics.get("PV_drivers_detected")) == agent:
            return record
    raise AssertionError("no such VM")


def test_values_repeat_with_the_seed() -> None:
    """Two estates of one seed show the same values, another seed others."""
    first, second = estate(), estate()
    host = first.tables["host"][next(iter(first.tables["host"]))]["uuid"]
    values = [Rrd(first).value(host, "cpu0", T - 5 * n) for n in range(20)]
    assert values == [Rrd(second).value(host, "cpu0", T - 5 * n) for n in range(20)]
    assert len(set(values)) > 15


def test_a_host_shows_its_own_sources_and_those_of_its_vms() -> None:
    """The host comes first, then each domain that runs on it, the control domain among them."""
    database = estate()
    rrd = Rrd(database)
    for ref, record in database.tables["host"].items():
        owners = rrd.owners(ref)
        assert (owners[0].kind, owners[0].uuid) == ("host", record["uuid"])
        resident = {database.tables["VM"][vm]["uuid"] for vm in record["resident_VMs"]}
        assert {owner.uuid for owner in owners[1:]} == resident
        count = int(record["cpu_info"]["cpu_count"])
        names = rrd.names(record["uuid"])
        assert len(names) == len(set(names))
        wanted = {f"cpu{number}" for number in range(count)} | {
            "cpu_avg", "loadavg", "hostload", "running_vcpus", "running_domains",
            "memory_total_kib", "memory_free_kib", "memory_reclaimed", "memory_reclaimed_max",
            "xapi_open_fds", "pif_eth0_rx", "pif_bond0_tx", "pif_aggr_rx", "cpu0-C1", "cpu0-P0",
            "CPU0-avg-freq", "DCMI-power-reading", "Tapdisks_in_low_memory_mode",
        }  # fmt: skip
        assert wanted <= set(names)
        pifs = [name for name in names if name.startswith("pif_")]
        assert not any("." in name for name in pifs), "VLANs have no sources"


def test_a_gpu_is_called_by_its_address() -> None:
    """The sources of a GPU have its address on the bus, with slashes for colons."""
    database = estate()
    rrd = Rrd(database)
    first, second = (record["uuid"] for record in database.tables["host"].values())
    assert 0 < rrd.value(first, "gpu_memory_used_0000/3b/00.0", T) < 2**34
    assert 20 < rrd.value(first, "gpu_temperature_0000/3b/00.0", T) < 120
    assert not any(name.startswith("gpu_") for name in rrd.names(second))


def test_latencies_are_there_while_high_availability_is_on() -> None:
    """A host shows how long its signs of life take for as long as the pool wants them."""
    database = estate()
    rrd = Rrd(database)
    host = next(iter(database.tables["host"].values()))["uuid"]
    latencies = {"statefile/0/latency", "network/latency", "xapi_healthcheck/latency"}
    assert not latencies & {*rrd.names(host)}
    database.modify("pool", database.only("pool")[0], ha_enabled=True)
    assert latencies <= {*rrd.names(host)}
    assert 0 < rrd.value(host, "statefile/0/latency", T) < 1


def test_only_the_master_counts_sessions() -> None:
    """The pool's own sources are the master's."""
    database = estate()
    rrd = Rrd(database)
    names = [set(rrd.names(record["uuid"])) for record in database.tables["host"].values()]
    assert ["pool_session_count" in of_host for of_host in names] == [True, False]


def test_errors_are_recorded_where_somebody_asked_for_them() -> None:
    """Errors of NICs and VIFs are sources of the master and of the VMs that run there alone."""
    database = estate()
    rrd = Rrd(database)
    of_errors = {
        owner.uuid: [name for name in rrd.names(owner.uuid) if name.endswith("x_errors")]
        for host in database.tables["host"]
        for owner in rrd.owners(host)
    }
    on_master = {owner.uuid for owner in rrd.owners(database.master)}
    assert {uuid for uuid, names in of_errors.items() if names} <= on_master
    master = database.tables["host"][database.master]["uuid"]
    assert {"pif_eth0_rx_errors", "pif_bond0_tx_errors"} <= {*of_errors[master]}
    assert any("vif_0_rx_errors" in names for names in of_errors.values())


def test_memory_follows_the_records() -> None:
    """Free memory is what the VMs leave, as host_metrics says; a VM's is its memory_actual."""
    database = estate()
    rrd = Rrd(database)
    for record in database.tables["host"].values():
        metrics = database.tables["host_metrics"][record["metrics"]]
        free = rrd.value(record["uuid"], "memory_free_kib", T) * 1024
        assert free == pytest.approx(int(metrics["memory_free"]), rel=1e-6)
        total = rrd.value(record["uuid"], "memory_total_kib", T) * 1024
        assert total == pytest.approx(int(metrics["memory_total"]), rel=1e-6)
    vm = guest(database, agent=True)
    actual = database.tables["VM_metrics"][str(vm["metrics"])]["memory_actual"]
    assert rrd.value(str(vm["uuid"]), "memory", T) == float(actual)
    free_kib = rrd.value(str(vm["uuid"]), "memory_internal_free", T)
    assert 0 < free_kib * 1024 < float(actual)


def test_no_agent_no_internal_free() -> None:
    """Without a guest agent nobody knows what a VM has free."""
    database = estate()
    vm = guest(database, agent=False)
    assert "memory_internal_free" not in Rrd(database).names(str(vm["uuid"]))


def test_loads_are_shares_and_agree() -> None:
    """CPU loads lie between 0 and 1, and the averages are the averages of their parts."""
    database = estate()
    rrd = Rrd(database)
    host = next(iter(database.tables["host"].values()))
    count = int(host["cpu_info"]["cpu_count"])
    for t in range(T - 86400, T, 7200):
        cpus = [rrd.value(host["uuid"], f"cpu{number}", t) for number in range(count)]
        assert all(0 <= value <= 1 for value in cpus)
        assert rrd.value(host["uuid"], "cpu_avg", t) == pytest.approx(sum(cpus) / count, rel=1e-5)
    midnight = T // 86400 * 86400
    by_hour = {
        hour: rrd.value(host["uuid"], "cpu_avg", midnight + hour * 3600) for hour in range(24)
    }
    nights = [by_hour[hour] for hour in range(4)]
    mornings = [by_hour[hour] for hour in range(9, 12)]
    assert sum(mornings) / len(mornings) > 1.5 * sum(nights) / len(nights)


def test_disk_sources_agree() -> None:
    """Of one disk, MiB/s and bytes/s say the same, with the amounts' error of 25.2 to 25.30."""
    for database, factor in ((estate("g3"), 1), (estate("g4"), 5), (estate(release=NEWEST), 1)):
        uuid = str(guest(database, agent=True)["uuid"])
        rrd = Rrd(database)
        read = rrd.value(uuid, "vbd_xvda_read", T)
        mib = rrd.value(uuid, "vbd_xvda_io_throughput_read", T)
        assert mib * 2**20 == pytest.approx(read * factor, rel=1e-5)
        whole = rrd.value(uuid, "vbd_xvda_io_throughput_total", T)
        written = rrd.value(uuid, "vbd_xvda_io_throughput_write", T)
        assert whole == pytest.approx(mib + written, rel=1e-5)


def test_sr_sources_are_sums_with_a_short_name() -> None:
    """A host's traffic on an SR is that of its VMs' disks there, under eight characters.

    The control domain's own is in no source.
    """
    database = estate()
    rrd = Rrd(database)
    ref, host = next(iter(database.tables["host"].items()))
    sums: dict[str, float] = {}
    for vm in host["resident_VMs"]:
        record = database.tables["VM"][vm]
        if record["is_control_domain"]:
            assert not [name for name in rrd.names(record["uuid"]) if name.startswith("vbd_")]
            continue
        for vbd in (database.tables["VBD"][item] for item in record["VBDs"]):
            if vbd["type"] == "Disk" and vbd["currently_attached"]:
                sr = database.tables["SR"][database.tables["VDI"][vbd["VDI"]]["SR"]]["uuid"][:8]
                value = rrd.value(record["uuid"], f"vbd_{vbd['device']}_read", T)
                sums[sr] = sums.get(sr, 0.0) + value
    assert sums
    for sr, expected in sums.items():
        assert rrd.value(host["uuid"], f"read_{sr}", T) == pytest.approx(expected, rel=1e-5)
    assert rrd.owners(ref)[0].kind == "host"


def test_a_sum_of_loads_above_one_is_lost() -> None:
    """Before 24.4 cpu_usage added the vCPUs up and was NaN above 1; 8.2 did not have it."""
    database = estate("g2")
    rrd = Rrd(database)
    seen = {"sum": 0, "lost": 0}
    for ref in database.find("VM", power_state="Running", is_control_domain=False):
        record = database.tables["VM"][ref]
        count = int(record["VCPUs_at_startup"])
        for t in range(T - 86400, T, 3600):
            loads = [rrd.value(record["uuid"], f"cpu{number}", t) for number in range(count)]
            usage = rrd.value(record["uuid"], "cpu_usage", t)
            if math.isnan(usage) and t > T - 600:
                continue
            if sum(loads) > 1.0001 and not math.isnan(loads[0]):
                assert math.isnan(usage)
                seen["lost"] += 1
            elif not math.isnan(loads[0]):
                assert usage == pytest.approx(sum(loads), rel=1e-5)
                seen["sum"] += 1
    assert seen["sum"] > 100
    assert seen["lost"] > 10
    old = estate("g1")
    assert "cpu_usage" not in Rrd(old).names(str(guest(old, agent=True)["uuid"]))


def test_a_young_vm_has_no_past() -> None:
    """Rows before a VM's start hold nothing, and a rate needs one sample more."""
    database = estate()
    ref = database.find("VM", power_state="Running", is_control_domain=False)[0]
    record = database.tables["VM"][ref]
    database.modify("VM_metrics", record["metrics"], start_time="20231114T22:13:15Z")  # T - 5
    rrd = Rrd(database)
    rows = {t: rrd.value(record["uuid"], "cpu0", t) for t in (T - 5, T, T + 5)}
    assert [math.isnan(rows[t]) for t in sorted(rows)] == [True, True, False]
    assert math.isnan(rrd.value(record["uuid"], "memory", T - 5))
    assert rrd.value(record["uuid"], "memory", T) > 0


def test_columns_follow_the_records() -> None:
    """A VM that stops has no columns any more; one that moves takes them along."""
    database = estate()
    rrd = Rrd(database)
    first, second = database.tables["host"]
    ref = next(
        vm
        for vm in database.find("VM", power_state="Running", resident_on=first)
        if not database.tables["VM"][vm]["is_control_domain"]
    )
    uuid = database.tables["VM"][ref]["uuid"]
    database.modify("VM", ref, resident_on=second)
    assert uuid in {owner.uuid for owner in rrd.owners(second)}
    assert uuid not in {owner.uuid for owner in rrd.owners(first)}
    database.modify("VM", ref, resident_on="OpaqueRef:NULL", power_state="Halted")
    with pytest.raises(KeyError):
        rrd.value(uuid, "cpu0", T)


def test_a_paused_vm_has_empty_memory() -> None:
    """The balloon daemon says nothing of a paused VM; its columns stay."""
    database = estate()
    record = database.tables["VM"][database.find("VM", power_state="Paused")[0]]
    rrd = Rrd(database)
    assert math.isnan(rrd.value(record["uuid"], "memory", T))
    assert rrd.value(record["uuid"], "cpu0", T) >= 0


def names_by_owner(database: Database, kind: str) -> dict[str, set[str]]:
    """Give the names of the sources of each host, or each VM that runs, by its UUID."""
    owners = Rrd(database).all_owners(database.tables["host"])
    return {
        owner.uuid: {source.name for source in owner.sources}
        for owner in owners
        if owner.kind == kind
    }


@pytest.mark.parametrize(
    ("kind", "since", "names"),
    [
        ("host", (25, 31), {"pool_vgpu_migration_rate"}),
        ("host", (26, 17), {"group_default_calls", "group_default_tokens"}),
        ("vm", (25, 29), {"runnable_any", "runnable_vcpus"}),
        ("vm", (26, 3), {"numa_nodes", "memory_numa_node_0", "numa_node_nonaffine_vcpus"}),
    ],
)
def test_newer_sources_are_missing_in_older_releases(
    kind: str, since: Release, names: set[str]
) -> None:
    """A source is printed from the release on that brought it."""
    for release in ((since[0], since[1] - 1), since):
        found = set[str]().union(*names_by_owner(estate(release=release), kind).values())
        assert names & found == (names if release == since else set())


def test_memory_of_numa_nodes_is_that_of_the_vm() -> None:
    """The nodes' shares add up to the memory of a VM, and there are as many as it says."""
    database = estate(release=NEWEST)
    rrd = Rrd(database)
    watched = []
    for uuid, names in names_by_owner(database, "vm").items():
        nodes = [name for name in names if name.startswith("memory_numa_node_")]
        if nodes:
            watched.append(uuid)
            assert rrd.value(uuid, "numa_nodes", T) == len(nodes)
            whole = rrd.value(uuid, "memory", T)
            assert sum(rrd.value(uuid, name, T) for name in nodes) == pytest.approx(whole)
    assert watched

"""The lists and counts of a pool and of its hosts, SRs, VMs and disks."""

import gc
from collections.abc import Callable, Iterable

from xo_exporter.model import objects
from xo_exporter.model.lists import unlink
from xo_exporter.model.objects import PBD, SR, VBD, VDI, VM, Host, PoolModel
from xo_exporter.model.totals import total, totals_of

Model = Callable[..., PoolModel]


def uuids(things: Iterable[Host | VM | SR | PBD | VDI | VBD]) -> list[str]:
    """List the UUIDs of objects."""
    return [thing.UUID for thing in things]


def test_running_vms_are_those_in_state_running(model: Model) -> None:
    """Running means `Running`: a paused, a suspended and a halted VM does not run."""
    states = ("Running", "Paused", "Suspended", "Halted", "Unknown")
    built = model(
        host={"h": {}},
        vm={
            state: {"power_state": state, "resident_on": "h", "VCPUs_at_startup": "2"}
            for state in states
        },
    )
    host = built.hosts[0]
    assert uuids(built.pool.running_VMs) == uuids(host.running_VMs) == ["Running"]
    assert uuids(built.pool.all_VMs) == uuids(host.VMs) == sorted(states)
    assert host.vCPUs == 2
    assert {vm.UUID: vm.power_state for vm in built.VMs} == {
        **{state: state for state in states[:4]},
        "Unknown": None,
    }


def test_global_vms(model: Model) -> None:
    """Pool.VMs are those that do not run and are in no host."""
    built = model(
        host={"h": {}},
        sr={"local": {}},
        pbd={"p": {"SR": "local", "host": "h"}},
        vdi={"d": {"SR": "local"}},
        vm={
            "free": {"power_state": "Halted"},
            "suspended": {"power_state": "Suspended"},
            "tied": {"power_state": "Halted"},
            "running": {"power_state": "Running", "resident_on": "h"},
            "lost": {"power_state": "Running", "resident_on": "gone"},
        },
        vbd={"x": {"VM": "tied", "VDI": "d"}},
    )
    assert uuids(built.pool.VMs) == ["free", "suspended"]
    assert uuids(built.hosts[0].VMs) == ["running", "tied"]
    assert uuids(built.pool.running_VMs) == ["lost", "running"]
    assert uuids(built.hosts[0].running_VMs) == ["running"]


def test_running_hosts_are_live_ones(model: Model) -> None:
    """A host runs when its metrics say so; without metrics nobody knows."""
    built = model(
        host={"a": {"metrics": "live"}, "b": {"metrics": "dead"}, "c": {"metrics": "gone"}},
        host_metrics={"live": {"live": True}, "dead": {"live": False}},
    )
    assert [host.power_state for host in built.hosts] == ["Running", "Halted", None]
    assert uuids(built.pool.running_hosts) == ["a"]
    assert uuids(built.pool.hosts) == ["a", "b", "c"]


def test_shared_srs_are_the_pools(model: Model) -> None:
    """Pool.SRs are the shared ones; one without a PBD is in the pool, but not among them."""
    built = model(
        host={"h": {}},
        sr={"nfs": {"shared": True}, "adrift": {}, "local": {}},
        pbd={"p": {"SR": "local", "host": "h"}, "q": {"SR": "nfs", "host": "h"}},
    )
    assert uuids(built.pool.SRs) == ["nfs"]
    assert uuids(built.hosts[0].SRs) == ["local"]


def test_lists_are_in_the_order_of_uuid(model: Model) -> None:
    """Every list is in the order of UUID, whatever the order of references."""
    vms = {"1": {"uuid": "c"}, "2": {"uuid": "a"}, "3": {"uuid": "b"}}
    built = model(
        host={"h": {}},
        sr={"s": {"shared": True}},
        vm={**vms},
        vdi={ref: {**fields, "SR": "s"} for ref, fields in vms.items()},
        pbd={ref: {**fields, "SR": "s", "host": "h"} for ref, fields in vms.items()},
        vbd={
            ref: {**fields, "VM": "1", "VDI": "2", "userdevice": ref} for ref, fields in vms.items()
        },
    )
    everything: list[Iterable[VM | PBD | VDI | VBD]] = [
        *(built.VMs, built.VDIs, built.PBDs, built.VBDs),
        *(built.SRs[0].VDIs, built.SRs[0].PBDs, built.hosts[0].PBDs, built.VMs[2].VBDs),
        *(built.pool.all_VMs, built.pool.VMs),
    ]
    for things in everything:
        assert uuids(things) == ["a", "b", "c"]


def test_vbd_of_a_disk(model: Model) -> None:
    """VDI.$VBD is the first VBD by UUID that is attached, else the first by UUID, else null."""
    built = model(
        vm={"v": {}, "w": {}},
        vdi={"attached": {}, "detached": {}, "orphan": {}},
        vbd={
            "1": {"VM": "v", "VDI": "attached", "currently_attached": False},
            "3": {"VM": "v", "VDI": "attached", "currently_attached": True},
            "2": {"VM": "w", "VDI": "attached", "currently_attached": True},
            "5": {"VM": "v", "VDI": "detached", "currently_attached": False},
            "4": {"VM": "w", "VDI": "detached", "currently_attached": False},
        },
    )
    found = {vdi.UUID: vdi.VBD.UUID if vdi.VBD else None for vdi in built.VDIs}
    assert found == {"attached": "2", "detached": "4", "orphan": None}


def test_tags_are_there_once(model: Model) -> None:
    """Tags are sorted, each once, empty ones left out."""
    tags = {"tags": ["b", "a", "b", ""]}
    built = model(
        pool={"p": tags},
        host={"h": tags},
        vm={"v": tags},
        sr={"s": tags},
    )
    things = (built.pool, built.hosts[0], built.VMs[0], built.SRs[0])
    assert [thing.tags for thing in things] == [["a", "b"]] * 4


def test_name_of_a_nameless_pool(model: Model) -> None:
    """A pool without a name has its master's."""
    hosts = {"h": {"name_label": "xcp1"}}
    named = model(pool={"p": {"name_label": "Main", "master": "h"}}, host=hosts)
    nameless = model(pool={"p": {"name_label": "", "master": "h"}}, host=hosts)
    lost = model(pool={"p": {"name_label": "", "master": "gone"}}, host=hosts)
    assert [built.pool.name_label for built in (named, nameless, lost)] == ["Main", "xcp1", ""]


def test_totals(model: Model) -> None:
    """XO sums CPUs and memory size over all hosts, memory usage over running ones."""
    one = model(
        pool={"2": {}},
        host={
            "a": {"metrics": "live", "cpu_info": {"cpu_count": "4"}},
            "b": {"metrics": "dead", "cpu_info": {"cpu_count": "8"}},
            "c": {"metrics": "gone"},
        },
        host_metrics={
            "live": {"live": True, "memory_total": "100", "memory_free": "30"},
            "dead": {"live": False, "memory_total": "1000", "memory_free": "300"},
        },
        vm={
            "v": {"power_state": "Running", "VCPUs_at_startup": "3"},
            "w": {"power_state": "Halted", "VCPUs_at_startup": "5"},
        },
    )
    other = model(
        pool={"1": {}},
        host={"d": {"metrics": "live", "cpu_info": {"cpu_count": "1"}}},
        host_metrics={"live": {"live": True, "memory_total": "10", "memory_free": "3"}},
        vm={"x": {"power_state": "Running", "VCPUs_at_startup": "1"}},
    )
    xo = total([totals_of(one) for one in (one, other)])
    assert [pool.UUID for pool in xo.pools] == ["1", "2"]
    assert (xo.CPUs, xo.running_VMs, xo.vCPUs) == (13, 2, 4)
    assert (xo.memory.size, xo.memory.usage) == (1110, 77)


def test_totals_without_a_pool_are_unknown() -> None:
    """Without a pool that could be read the totals are unknown; the number of pools is 0."""
    xo = total([])
    assert (xo.pools, xo.CPUs, xo.running_VMs, xo.vCPUs) == ([], None, None, None)
    assert (xo.memory.size, xo.memory.usage) == (None, None)


def test_totals_of_unknown_values_are_unknown(model: Model) -> None:
    """Where no host says its CPUs or memory, and no running VM its vCPUs, the sum is unknown."""
    built = model(host={"h": {}}, vm={"v": {"power_state": "Running", "resident_on": "h"}})
    xo = total([totals_of(built)])
    assert (xo.CPUs, xo.vCPUs, xo.running_VMs) == (None, None, 1)
    assert (xo.memory.size, xo.memory.usage) == (None, None)
    assert [host.vCPUs for host in built.hosts] == [None]


def test_totals_of_nothing_are_zero(model: Model) -> None:
    """A pool in which nothing runs has 0 running VMs and 0 vCPUs."""
    xo = total([totals_of(model(host={"h": {}}, vm={"v": {"power_state": "Halted"}}))])
    assert (xo.running_VMs, xo.vCPUs) == (0, 0)


def test_nothing_known_beside_nothing_is_unknown(model: Model) -> None:
    """A pool in which nothing runs makes nothing known of one of which nothing is."""
    idle = model(pool={"1": {}})
    unknown = model(pool={"2": {}}, host={"h": {}}, vm={"v": {"power_state": "Running"}})
    xo = total([totals_of(one) for one in (idle, unknown)])
    assert (xo.running_VMs, xo.vCPUs, xo.CPUs) == (1, None, None)
    assert (xo.memory.size, xo.memory.usage) == (None, None)


def test_the_memory_of_a_pool_that_is_down_is_not_in_use(model: Model) -> None:
    """Where all hosts are known not to run, they use nothing."""
    dead = {"m": {"live": False, "memory_total": "1000", "memory_free": "300"}}
    xo = total([totals_of(model(host={"h": {"metrics": "m"}}, host_metrics=dead))])
    assert (xo.memory.size, xo.memory.usage) == (1000, 0)


def test_a_model_that_is_taken_apart_leaves_nothing_to_collect(model: Model) -> None:
    """Without its links nothing holds on to the objects, and no collector has to find them."""
    one = model(
        host={"h": {}},
        sr={"s": {}},
        pbd={"p": {"host": "h", "SR": "s"}},
        vm={"v": {"power_state": "Running", "resident_on": "h"}},
        vdi={"d": {"SR": "s"}},
        vbd={"b": {"VM": "v", "VDI": "d"}},
    )
    gc.collect()
    gc.disable()
    try:
        before = sum(type(thing).__module__ == objects.__name__ for thing in gc.get_objects())
        unlink(one)
        del one
        after = sum(type(thing).__module__ == objects.__name__ for thing in gc.get_objects())
    finally:
        gc.enable()
    assert before - after >= 8  # the model and one object of each kind

"""What an operator of an estate has to look after, from choices of their own.

State files of high availability, a cluster, updates that wait, a host to be restarted, a path
that is lost, chains of images, a certificate of an authority.
"""

from collections import defaultdict
from dataclasses import replace
from typing import Final

from xo_exporter.simulator.estate_plan import MIB, Plan
from xo_exporter.simulator.estate_storage import make_vdi
from xo_exporter.simulator.names import Identities

_OWN: Final = 0xC04D
_CHAINED: Final = frozenset(("ext", "lvm", "lvmoiscsi", "nfs"))
_CLUSTER_SIZE: Final = 3
_LONGEST_CHAIN: Final = 5


def make_conditions(plan: Plan) -> None:
    """Add all of them to an estate that is otherwise complete."""
    own = replace(plan, ids=Identities(plan.database.seed ^ _OWN))
    _availability(own)
    _cluster(own)
    _updates(own)
    _paths(own)
    _chains(own)
    own.add(
        "Certificate",
        type="ca",
        name="example-authority.pem",
        not_before=own.ago(700 * 86400),
        not_after=own.ago(-1000 * 86400),
    )


def _availability(plan: Plan) -> None:
    """Give a pool with high availability its state file, and hosts that see it and each other."""
    database = plan.database
    if not database.tables["pool"][plan.pool]["ha_enabled"]:
        return
    storage = plan.shared[0]
    file = make_vdi(plan, storage, "Statefile for HA", 356 * MIB, type="ha_statefile")
    database.modify(
        "SR",
        storage.ref,
        physical_utilisation=str(storage.used),
        virtual_allocation=str(storage.virtual),
    )
    database.modify("pool", plan.pool, ha_statefiles=[file])
    peers = [database.tables["host"][ref]["uuid"] for ref in plan.hosts]
    for host in plan.hosts:
        database.modify("host", host, ha_statefiles=[file], ha_network_peers=peers)


def _cluster(plan: Plan) -> None:
    """Make a cluster of all hosts over their bonds, where these are enough."""
    if len(plan.hosts) < _CLUSTER_SIZE:
        return
    hosts = str(len(plan.hosts))
    cluster = plan.add(
        "Cluster",
        cluster_stack="corosync",
        cluster_token="not-to-be-seen",  # noqa: S106  it is the simulated pool's
        is_quorate=True,
        quorum=str(len(plan.hosts) // 2 + 1),
        live_hosts=hosts,
        expected_hosts=hosts,
        pool_auto_join=True,
        token_timeout=20.0,
        token_timeout_coefficient=1.0,
        cluster_stack_version="3",
    )
    for host in plan.hosts:
        plan.add(
            "Cluster_host",
            cluster=cluster,
            host=host,
            PIF=plan.database.find("PIF", host=host, device="bond0", VLAN="-1")[0],
            enabled=True,
            joined=True,
            live=True,
            last_update_live=plan.ago(30),
        )


def _updates(plan: Plan) -> None:
    """Make an update that the first host alone has; the second one is to be restarted for it."""
    database = plan.database
    update = plan.add(
        "pool_update",
        name_label="XCPNG-2024-02",
        name_description="Security update",
        version="1.0",
        installation_size="9437184",
        after_apply_guidance=["restartHost"],
        enforce_homogeneity=True,
        hosts=plan.hosts[:1],
    )
    first = database.tables["host"][plan.hosts[0]]
    database.modify("host", plan.hosts[0], updates=[*first["updates"], update])
    for host in plan.hosts[1:2]:
        record = database.tables["host"][host]
        patched = {"rpm_patch_installation_time": f"{plan.now - 86400:.3f}"}
        database.modify(
            "host",
            host,
            updates_requiring_reboot=[update],
            pending_guidances=["reboot_host"],
            pending_guidances_recommended=["restart_toolstack"],
            other_config={**record["other_config"], **patched},
        )


def _paths(plan: Plan) -> None:
    """Let hosts of a pool use several paths; the second one has lost one of them."""
    database = plan.database
    if len(plan.hosts) == 1:
        return
    for host in plan.hosts:
        config = {**database.tables["host"][host]["other_config"], "multipathing": "true"}
        if host == plan.hosts[0]:
            config |= {"multipathed": "true", "mpath-boot": "[2, 2]"}
        database.modify("host", host, multipathing=True, other_config=config)
    for ref in database.find("PBD", host=plan.hosts[1]):
        config = database.tables["PBD"][ref]["other_config"]
        lost = {key: "[1, 2]" for key in config if key.startswith("mpath-")}
        database.modify("PBD", ref, other_config={**config, **lost})


def _chains(plan: Plan) -> None:
    """Let disks, each with its snapshots, lie on the base copies of their SR.

    What is left over of these makes the chain of the first disk longer; one disk's parent is gone.
    """
    vdis = plan.database.tables["VDI"]
    bases: dict[str, list[str]] = defaultdict(list)
    for ref in plan.database.find("VDI", managed=False):
        bases[vdis[ref]["SR"]].append(ref)
    stores = (*plan.shared, *(storage for local in plan.local.values() for storage in local))
    for storage in stores:
        if storage.kind not in _CHAINED:
            continue
        free = bases[storage.ref]
        disks = [
            ref
            for ref in plan.database.tables["SR"][storage.ref]["VDIs"]
            if vdis[ref]["VBDs"] and not vdis[ref]["is_a_snapshot"]
        ]
        for disk in sorted(disks, key=lambda ref: not vdis[ref]["snapshots"]):
            if not free:
                break
            base = free.pop()
            for child in (disk, *vdis[disk]["snapshots"]):
                _lay(plan, child, vdis[base]["uuid"])
            for _ in range(min(_LONGEST_CHAIN, len(free) // 2)):
                below = free.pop()
                _lay(plan, base, vdis[below]["uuid"])
                base = below
    left = plan.database.find("VDI", name_label="old disk, to be deleted?")
    chained = {storage.ref for storage in stores if storage.kind in _CHAINED}
    for ref in [ref for ref in left if vdis[ref]["SR"] in chained][:1]:
        _lay(plan, ref, plan.ids.uuid())


def _lay(plan: Plan, child: str, parent_uuid: str) -> None:
    config = plan.database.tables["VDI"][child]["sm_config"]
    plan.database.modify("VDI", child, sm_config={**config, "vhd-parent": parent_uuid})

"""A believable estate from a seed: the pool that the demonstration shows and the tests read."""

import time

from xo_exporter.simulator import (
    estate_conditions,
    estate_copies,
    estate_hosts,
    estate_messages,
    estate_networks,
    estate_storage,
    estate_troubles,
    estate_vms,
    estate_xostor,
)
from xo_exporter.simulator.database import Database
from xo_exporter.simulator.estate_plan import Plan
from xo_exporter.simulator.names import Identities
from xo_exporter.simulator.schema import Generation, Release

_DEFAULT_TEMPLATES = 40
_VMS_PER_REPLICA = 40


def make_estate(
    hosts: int = 3,
    vms: int = 20,
    seed: int = 1,
    generation: Generation = "g4",
    *,
    now: float | None = None,
    release: Release | None = None,
) -> Database:
    """Make a pool of so many hosts (at least one) and VMs, replicas among them.

    Control domains, templates and snapshots come on top.

    The same seed gives the same references, UUIDs, names and sizes. `now` is the Unix time that
    start times, snapshots and certificates are dated by; the present when left out. `release` is
    the xapi of the pool, where it is another than that of the generation.
    """
    if hosts < 1 or vms < 0:
        raise ValueError("a pool has at least one host and no negative number of VMs")
    database = Database(generation, seed, release)
    plan = Plan(database, Identities(seed), float(int(time.time())) if now is None else now)
    estate_hosts.make_pool(plan, hosts)
    networks = estate_networks.make_networks(plan)
    for number in range(hosts):
        estate_hosts.make_host(plan, number, networks)
    estate_storage.make_storage(plan)
    estate_copies.make_templates(plan, _DEFAULT_TEMPLATES)
    replicas = (vms + _VMS_PER_REPLICA // 2) // _VMS_PER_REPLICA
    made = [
        estate_vms.make_vm(plan, number, estate_vms.choose_guest(plan, number))
        for number in range(vms - replicas)
    ]
    for number, vm in enumerate(made):
        if number % 10 == 2:
            estate_copies.make_snapshot(plan, vm, number // 10)
    for number in range(7, 7 + replicas * _VMS_PER_REPLICA, _VMS_PER_REPLICA):
        estate_copies.make_replica(plan, made[number % len(made)], number)
    _use_gpu(plan, made)
    estate_networks.share_mac(plan, made)
    estate_storage.make_leftovers(plan, max(12, vms // 3))
    estate_storage.finish_storage(plan)
    estate_hosts.finish_hosts(plan)
    if generation != "g1":
        estate_xostor.make_xostor(plan)
    _happenings(plan, made)
    estate_conditions.make_conditions(plan)
    estate_messages.make_alarms(database, plan.now)
    estate_troubles.make_troubles(plan)
    return database


def _use_gpu(plan: Plan, vms: list[str]) -> None:
    for vm in vms:
        if plan.database.tables["VM"][vm]["resident_on"] == plan.hosts[0]:
            plan.add(
                "VGPU",
                VM=vm,
                GPU_group=plan.gpu_group,
                device="0",
                currently_attached=True,
                resident_on=plan.gpus[0],
            )
            return


def _happenings(plan: Plan, vms: list[str]) -> None:
    database = plan.database
    for number, vm in enumerate(vms[:20]):
        uuid = database.tables["VM"][vm]["uuid"]
        _message(plan, "VM_STARTED", "VM", uuid, 86400 + number * 977)
    host = database.tables["host"][plan.hosts[0]]["uuid"]
    alarm = 'value: 0.931\nconfig:\n<variable>\n<name value="cpu_usage"/>\n</variable>'
    _message(plan, "ALARM", "Host", host, 5000, priority="3", body=alarm)
    pool = database.only("pool")[1]["uuid"]
    _message(plan, "HA_POOL_OVERCOMMITTED", "Pool", pool, 90000, priority="1")
    for number, label in enumerate(("SR.scan", "VM.snapshot", "VM.migrate_send", "host.evacuate")):
        is_done = number < 3
        plan.add(
            "task",
            name_label=label,
            created=plan.ago(600 - number * 100),
            finished=plan.ago(550 - number * 100) if is_done else plan.ago(0),
            status=("success", "failure", "success", "pending")[number],
            progress=1.0 if is_done else 0.42,
            error_info=["VM_BAD_POWER_STATE", "OpaqueRef:NULL"] if number == 1 else [],
            resident_on=plan.hosts[0],
            type="<none/>",
        )
    update = plan.add(
        "pool_update",
        name_label="XCPNG-2024-01",
        name_description="Security update",
        version="1.0",
        installation_size="12582912",
        after_apply_guidance=["restartHost"],
        enforce_homogeneity=True,
        hosts=list(plan.hosts),
    )
    for ref in plan.hosts:
        database.modify("host", ref, updates=[update])


def _message(
    plan: Plan, name: str, cls: str, uuid: str, age: int, *, priority: str = "5", body: str = ""
) -> None:
    fields = {"cls": cls, "obj_uuid": uuid, "timestamp": plan.ago(age), "body": body}
    plan.add("message", name=name, priority=priority, **fields)

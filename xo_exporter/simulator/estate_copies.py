"""What is no VM of its own: templates, snapshots, the copies that backup jobs keep."""

from typing import Final

from xo_exporter.simulator import estate_texts as texts
from xo_exporter.simulator.estate_plan import GIB, Plan
from xo_exporter.simulator.estate_storage import make_vdi
from xo_exporter.simulator.estate_vms import make_vbd
from xo_exporter.simulator.names import TEMPLATES
from xo_exporter.simulator.schema import NULL

JOBS: Final = {
    "nightly": "0b7a4a2e-6c1f-4a53-9d0c-5b7c6f0b5c11",
    "full": "5f0c1d7e-93b2-4d0a-8a44-1e7d0b6c2f35",
    "rolling": "c2e9a6b4-7d15-4f68-b0f3-86a1d94e5720",
}
"""The ids of the backup jobs: one is incremental and marks what was exported, two never do."""


def make_templates(plan: Plan, count: int) -> None:
    """Make the default templates, and one of the pool's own."""
    for number, label in enumerate((*TEMPLATES[: count - 1], "Our golden image")):
        plan.add(
            "VM",
            name_label=label,
            name_description="Clones of this template will automatically provision storage",
            is_a_template=True,
            is_default_template=label in TEMPLATES,
            memory_static_max=str(2 * GIB),
            memory_dynamic_max=str(2 * GIB),
            memory_dynamic_min=str(2 * GIB),
            memory_static_min=str(GIB),
            VCPUs_max="1",
            VCPUs_at_startup="1",
            actions_after_reboot="restart",
            allowed_operations=["changing_NVRAM", "changing_dynamic_range", "clone", "copy"],
            HVM_boot_policy="BIOS order",
            HVM_boot_params={"firmware": "uefi", "order": "cdn"},
            platform={
                "nx": "true",
                "acpi": "1",
                "apic": "true",
                "pae": "true",
                "viridian": "false",
            },
            other_config={
                "default_template": "true",
                "linux_template": str("Windows" not in label).lower(),
                "install-methods": "cdrom,nfs,http,ftp",
                "disks": '<provision><disk device="0" size="10737418240" sr="" bootable="true" '
                'type="system"/></provision>',
            },
            recommendations=texts.recommendations(1536 * GIB, 32 + number % 2 * 32),
            domain_type="hvm",
            reference_label=label.lower().replace(" ", "-"),
        )


def _job(number: int) -> str:
    """Name the backup job that a snapshot is of; the name is empty where it was taken by hand."""
    if number % 3 == 2:
        return ""
    return {3: "full", 6: "rolling"}.get(number % 7, "nightly")


def make_snapshot(plan: Plan, vm: str, number: int) -> None:
    """Make a snapshot of a VM with its disks; two in three are a backup job's.

    Of some the job has purged the data: then the snapshots of the disks are all that is left.
    """
    database = plan.database
    original = database.tables["VM"][vm]
    age = plan.random.randrange(3600, 40 * 86400) if number % 3 else plan.random.randrange(80000)
    job = _job(number)
    marks = backup_marks(plan, original["uuid"], age, job) if job else {}
    if job == "nightly" and number % 7 != 1:
        marks["xo:backup:exported"] = "true"
    purged = job == "nightly" and number % 7 == 2
    snapshot = "" if purged else _make_vm_snapshot(plan, vm, age, job, marks)
    stores = {store.ref: store for store in plan.shared}
    stores |= {store.ref: store for local in plan.local.values() for store in local}
    for position, vbd in enumerate(list(original["VBDs"])):
        record = database.tables["VBD"][vbd]
        disk = database.get("VDI", record["VDI"])
        if record["type"] != "Disk" or disk is None or disk["SR"] not in stores:
            continue
        size = int(disk["virtual_size"])
        copy = make_vdi(
            plan,
            stores[disk["SR"]],
            disk["name_label"],
            size,
            used=0 if purged else size // 40 // 4096 * 4096,
            type="cbt_metadata" if purged else "user",
            is_a_snapshot=True,
            snapshot_of=record["VDI"],
            snapshot_time=plan.ago(age),
            other_config=marks,
        )
        if snapshot:
            make_vbd(plan, snapshot, copy, position, plugged=False)


def _make_vm_snapshot(plan: Plan, vm: str, age: float, job: str, marks: dict[str, str]) -> str:
    original = plan.database.tables["VM"][vm]
    skipped = {"uuid", "VBDs", "VIFs", "snapshots", "VGPUs", "children", "tags"}
    return plan.add(
        "VM",
        **{name: value for name, value in original.items() if name not in skipped}
        | {
            "name_label": f"[XO Backup {job}] {original['name_label']}"
            if job
            else f"{original['name_label']}_before update",
            "is_a_template": True,
            "is_a_snapshot": True,
            "snapshot_of": vm,
            "snapshot_time": plan.ago(age),
            "power_state": "Halted",
            "resident_on": NULL,
            "domid": "-1",
            "guest_metrics": NULL,
            "metrics": NULL,
            "other_config": {**original["other_config"], **marks},
            "snapshot_info": {"disk-snapshot-type": "crash_consistent"},
            "snapshot_metadata": texts.snapshot_metadata(original, plan.random),
            "ha_restart_priority": "",
        },
    )


def backup_marks(plan: Plan, vm_uuid: str, age: float, job: str = "nightly") -> dict[str, str]:
    """Write the marks that a backup job leaves on what it made."""
    marks = {
        "xo:backup:job": JOBS[job],
        "xo:backup:schedule": "f4e8d6c4-40f0-4d5f-a8c5-22a1f2b1a0d7",
        "xo:backup:vm": vm_uuid,
        "xo:backup:datetime": plan.ago(age),
    }
    return {**marks, "xo:backup:deltaChainLength": str(int(age) % 7)} if job == "nightly" else marks


def make_replica(plan: Plan, vm: str, number: int) -> str:
    """Make the copy of a VM that a replication job keeps."""
    original = plan.database.tables["VM"][vm]
    target = plan.shared[number % len(plan.shared)] if plan.shared else plan.local[plan.hosts[0]][0]
    marks = backup_marks(plan, original["uuid"], 7200.0 + number)
    replica = plan.add(
        "VM",
        name_label=f"{original['name_label']} - replica - ({plan.ago(7200)})",
        name_description=original["name_description"],
        tags=["Continuous Replication"],
        blocked_operations={
            "start": "Start operation for this vm is blocked, clone it if you want to"
        },
        other_config={**marks, "xo:backup:sr": target.uuid},
        memory_static_max=original["memory_static_max"],
        memory_dynamic_max=original["memory_dynamic_max"],
        memory_dynamic_min=original["memory_dynamic_min"],
        VCPUs_max=original["VCPUs_max"],
        VCPUs_at_startup=original["VCPUs_at_startup"],
        domain_type="hvm",
        metrics=plan.add("VM_metrics", install_time=plan.ago(7200)),
    )
    size = plan.random.choice((10, 20, 50)) * GIB
    disk = make_vdi(plan, target, f"{original['name_label']} root", size, other_config=marks)
    make_vbd(plan, replica, disk, 0, plugged=False)
    return replica

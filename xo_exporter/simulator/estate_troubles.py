"""What a pool's operator is warned of: what outlived its VM, and what a backup holds on to."""

from dataclasses import replace
from typing import Final

from xo_exporter.simulator import actions
from xo_exporter.simulator.estate_copies import backup_marks
from xo_exporter.simulator.estate_plan import GIB, Plan, Storage
from xo_exporter.simulator.estate_storage import make_vdi
from xo_exporter.simulator.estate_vms import make_vbd
from xo_exporter.simulator.names import Identities

_OWN: Final = 0xB0B
_AGE: Final = 200 * 86400


def make_troubles(plan: Plan) -> None:
    """Add them to an estate that is otherwise complete, where it has VMs with snapshots."""
    own = replace(plan, ids=Identities(plan.database.seed ^ _OWN))
    snapshots = plan.database.find("VM", is_a_snapshot=True)
    if snapshots:
        storages = [*plan.shared, *(each for local in plan.local.values() for each in local)]
        _export(own, snapshots[0])
        _forget_vm(own, storages[0])


def _export(plan: Plan, snapshot: str) -> None:
    """Let a backup be under way: the control domain reads the disks of a snapshot."""
    database = plan.database
    controllers = database.find("VM", is_control_domain=True)
    record = database.tables["VM"][snapshot]
    database.modify("VM", record["snapshot_of"], current_operations={plan.ids.ref(): "export"})
    for position, vbd in enumerate(list(record["VBDs"])):
        disk = database.tables["VBD"][vbd]["VDI"]
        make_vbd(plan, controllers[0], disk, position, plugged=True)


def _forget_vm(plan: Plan, storage: Storage) -> None:
    """Leave a snapshot behind whose VM was destroyed, as a backup that broke off does."""
    marks = backup_marks(plan, plan.ids.uuid(), _AGE)
    snapshot = plan.add(
        "VM",
        name_label="[XO Backup nightly] old-intranet",
        is_a_template=True,
        is_a_snapshot=True,
        snapshot_time=plan.ago(_AGE),
        other_config=marks,
        snapshot_info={"disk-snapshot-type": "crash_consistent"},
        memory_static_max=str(2 * GIB),
        memory_dynamic_max=str(2 * GIB),
        memory_dynamic_min=str(2 * GIB),
        VCPUs_max="2",
        VCPUs_at_startup="2",
        domain_type="hvm",
    )
    disk = make_vdi(
        plan,
        storage,
        "old-intranet root",
        20 * GIB,
        used=7 * GIB,
        is_a_snapshot=True,
        snapshot_time=plan.ago(_AGE),
        other_config=marks,
    )
    make_vbd(plan, snapshot, disk, 0, plugged=False)
    actions.account_for(plan.database, disk)

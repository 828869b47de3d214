"""What happens to VMs: each function changes all the records that XAPI would change."""

from xo_exporter.simulator.database import Database
from xo_exporter.simulator.host_sources import used_memory
from xo_exporter.simulator.schema import NULL, Record
from xo_exporter.simulator.sessions import wire_time

OPERATIONS: dict[str, list[str]] = {
    "Running": [
        "suspend",
        "hard_reboot",
        "hard_shutdown",
        "clean_reboot",
        "clean_shutdown",
        "pause",
        "checkpoint",
        "snapshot",
        "migrate_send",
        "pool_migrate",
    ],
    "Halted": ["start", "start_on", "clone", "copy", "destroy", "export", "snapshot", "provision"],
    "Paused": ["unpause", "hard_shutdown", "snapshot"],
    "Suspended": ["resume", "resume_on", "hard_shutdown", "export"],
}
"""What a VM allows in each power state."""


def memory_of(record: Record) -> int:
    """Give the bytes that a VM takes of a host while it runs."""
    return int(record["memory_dynamic_max"]) + int(record["memory_overhead"])


def start_vm(database: Database, vm: str, host: str, now: float) -> None:
    """Start a VM on a host at a Unix time: it runs, its disks and NICs are plugged."""
    record = database.tables["VM"][vm]
    memory = record["memory_dynamic_max"]
    domids = (int(other["domid"]) for other in database.tables["VM"].values())
    database.modify(
        "VM",
        vm,
        power_state="Running",
        resident_on=host,
        domid=str(max(domids, default=0) + 1),
        memory_target=memory,
        ha_always_run=record["ha_restart_priority"] == "restart",
        allowed_operations=OPERATIONS["Running"],
    )
    if database.get("VM_metrics", record["metrics"]) is not None:
        database.modify(
            "VM_metrics",
            record["metrics"],
            memory_actual=memory,
            VCPUs_number=record["VCPUs_at_startup"],
            start_time=wire_time(now),
            last_updated=wire_time(now),
            state=["running"],
            current_domain_type=record["domain_type"],
        )
    _plug(database, record, plugged=True)
    settle_memory(database, host)


def stop_vm(database: Database, vm: str, now: float) -> None:
    """Shut a VM down: it lies on no host, nothing of it is plugged, its agent is gone."""
    record = database.tables["VM"][vm]
    host, agent = record["resident_on"], record["guest_metrics"]
    database.modify(
        "VM",
        vm,
        power_state="Halted",
        resident_on=NULL,
        domid="-1",
        memory_target="0",
        ha_always_run=False,
        guest_metrics=NULL,
        allowed_operations=OPERATIONS["Halted"],
    )
    if database.get("VM_guest_metrics", agent) is not None:
        database.delete("VM_guest_metrics", agent)
    if database.get("VM_metrics", record["metrics"]) is not None:
        database.modify(
            "VM_metrics",
            record["metrics"],
            memory_actual="0",
            VCPUs_number="0",
            last_updated=wire_time(now),
            state=[],
            current_domain_type="unspecified",
        )
    _plug(database, record, plugged=False)
    settle_memory(database, host)


def migrate_vm(database: Database, vm: str, host: str) -> None:
    """Move a running VM to another host; its RRD goes with it."""
    source = database.tables["VM"][vm]["resident_on"]
    database.modify("VM", vm, resident_on=host)
    settle_memory(database, source)
    settle_memory(database, host)


def delete_vm(database: Database, vm: str) -> None:
    """Delete a halted VM with its disks, NICs and metrics."""
    record = database.tables["VM"][vm]
    for ref in list(record["VBDs"]):
        vbd = database.get("VBD", ref)
        if vbd is None:
            continue
        disk = database.get("VDI", vbd["VDI"])
        database.delete("VBD", ref)
        if disk is not None and vbd["type"] == "Disk" and not disk["VBDs"]:
            _account(database, disk, sign=-1)
            database.delete("VDI", vbd["VDI"])
    for ref in list(record["VIFs"]):
        if database.get("VIF", ref) is not None:
            database.delete("VIF", ref)
    if database.get("VM_metrics", record["metrics"]) is not None:
        database.delete("VM_metrics", record["metrics"])
    database.delete("VM", vm)


def settle_memory(database: Database, host: str) -> None:
    """Bring a host's free memory in line with what runs there."""
    record = database.get("host", host)
    metrics = database.get("host_metrics", record["metrics"]) if record is not None else None
    if record is None or metrics is None:
        return
    free = max(0, int(metrics["memory_total"]) - used_memory(database, host))
    if metrics["memory_free"] != str(free):
        database.modify("host_metrics", record["metrics"], memory_free=str(free))


def _account(database: Database, disk: Record, *, sign: int) -> None:
    sr = database.get("SR", disk["SR"])
    if sr is None:
        return
    used = int(sr["physical_utilisation"]) + sign * int(disk["physical_utilisation"])
    virtual = int(sr["virtual_allocation"]) + sign * int(disk["virtual_size"])
    database.modify(
        "SR",
        disk["SR"],
        physical_utilisation=str(max(0, used)),
        virtual_allocation=str(max(0, virtual)),
    )


def account_for(database: Database, vdi: str) -> None:
    """Add a new disk to what its SR says is taken."""
    _account(database, database.tables["VDI"][vdi], sign=1)


def _plug(database: Database, record: Record, *, plugged: bool) -> None:
    for ref in record["VBDs"]:
        vbd = database.get("VBD", ref)
        if vbd is None or (plugged and vbd["empty"]):
            continue
        position = int(vbd["userdevice"]) if vbd["userdevice"].isdigit() else 0
        device = f"xvd{chr(ord('a') + position % 26)}" if plugged else ""
        database.modify("VBD", ref, currently_attached=plugged, device=device)
    for ref in record["VIFs"]:
        if database.get("VIF", ref) is not None:
            database.modify("VIF", ref, currently_attached=plugged)

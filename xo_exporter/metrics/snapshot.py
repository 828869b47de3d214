"""Metrics of the snapshots of VMs."""

from typing import Final

from xo_exporter.metrics import pool, sr, vm
from xo_exporter.metrics.table import Table, gauge
from xo_exporter.model.snapshots import PoolOrphans, Snapshots, SROrphans, VMSnapshots

_COLLECTOR: Final = "snapshot"
_PART: Final = "snapshots"

TABLE: Final = Table[VMSnapshots](
    collector=_COLLECTOR,
    part=_PART,
    objects=lambda model: model.part(Snapshots).of_vms,
    label_names=vm.TABLE.label_names,
    labels=lambda snapshots, label: vm.TABLE.labels(snapshots.vm, label),
    metrics=(
        gauge(
            "xo_vm_snapshots",
            "Snapshots of a VM, those of backup jobs included, from VM.snapshot_of.",
            lambda snapshots: snapshots.count,
        ),
        gauge(
            "xo_vm_snapshot_usage_bytes",
            "Space that the disks of a VM's snapshots take, from VDI.physical_utilisation.",
            lambda snapshots: snapshots.usage,
        ),
        gauge(
            "xo_vm_oldest_snapshot_timestamp_seconds",
            "When the oldest snapshot of a VM was taken, from VM.snapshot_time.",
            lambda snapshots: snapshots.oldest,
        ),
    ),
)

POOL_TABLE: Final = Table[PoolOrphans](
    collector=_COLLECTOR,
    part=_PART,
    objects=lambda model: (model.part(Snapshots).orphans,),
    label_names=pool.TABLE.label_names,
    labels=lambda orphans, label: pool.TABLE.labels(orphans.pool, label),
    metrics=(
        gauge(
            "xo_pool_orphan_snapshots",
            "Snapshots in a pool whose VM is gone, from VM.is_a_snapshot and VM.snapshot_of.",
            lambda orphans: orphans.count,
        ),
        gauge(
            "xo_pool_oldest_orphan_snapshot_timestamp_seconds",
            "When the oldest snapshot in a pool whose VM is gone was taken, from VM.snapshot_time.",
            lambda orphans: orphans.oldest,
        ),
    ),
)

SR_TABLE: Final = Table[SROrphans](
    collector=_COLLECTOR,
    part=_PART,
    objects=lambda model: model.part(Snapshots).orphans_on_srs,
    label_names=sr.TABLE.label_names,
    labels=lambda orphans, label: sr.TABLE.labels(orphans.sr, label),
    metrics=(
        gauge(
            "xo_sr_orphan_snapshot_disks",
            "Disks on an SR that snapshots whose VM is gone hold, from VBD.VDI; of SRs that have "
            "any.",
            lambda orphans: orphans.disks,
        ),
        gauge(
            "xo_sr_orphan_snapshot_usage_bytes",
            "Space on an SR that snapshots whose VM is gone hold, from VDI.physical_utilisation; "
            "of SRs that have any.",
            lambda orphans: orphans.usage,
        ),
    ),
)

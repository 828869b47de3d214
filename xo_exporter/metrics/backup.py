"""Metrics of what Xen Orchestra's backup jobs have left in the pool.

Replicas have none of the families about a VM's backups, only those about replicas.
"""

from typing import Final

from xo_exporter.metrics import vm
from xo_exporter.metrics.table import Table, each, gauge, info, name_of
from xo_exporter.model.backups import Backups, Replica, VMBackups

_COLLECTOR: Final = "backup"
_PART: Final = "backups"

TABLE: Final = Table[VMBackups](
    collector=_COLLECTOR,
    part=_PART,
    objects=lambda model: model.part(Backups).of_vms,
    label_names=vm.TABLE.label_names,
    labels=lambda backups, label: vm.TABLE.labels(backups.vm, label),
    metrics=(
        gauge(
            "xo_vm_backups",
            "Snapshots of a VM that tell of a good backup by Xen Orchestra, from VM.other_config "
            "xo:backup:exported, or VDI.other_config where a job purges its snapshots' data; only "
            "incremental jobs mark success.",
            lambda backups: backups.snapshots,
        ),
        each(
            "xo_vm_backup_last_success_timestamp_seconds",
            "When the snapshot of the last good backup of a VM by each incremental job of Xen "
            "Orchestra was taken, from VM.other_config or VDI.other_config xo:backup:datetime and "
            "xo:backup:exported; other jobs mark no success.",
            "backup_job",
            lambda backups: ((job.UUID, job.last_success) for job in backups.jobs),
        ),
        each(
            "xo_vm_backup_last_snapshot_timestamp_seconds",
            "When each job of Xen Orchestra last took a snapshot of a VM that is still there, "
            "whether or not a backup came of it, from VM.other_config or VDI.other_config "
            "xo:backup:datetime.",
            "backup_job",
            lambda backups: ((job.UUID, job.last_snapshot) for job in backups.jobs),
        ),
        each(
            "xo_vm_backup_chain_length",
            "Deltas since the full backup of a VM in the last good one by each incremental job of "
            "Xen Orchestra, from VM.other_config or VDI.other_config xo:backup:deltaChainLength.",
            "backup_job",
            lambda backups: ((job.UUID, job.chain_length) for job in backups.jobs),
        ),
        gauge(
            "xo_vm_replicas",
            "Replicas of a VM in this pool that are wholly there, from VM.other_config "
            "xo:backup:vm and xo:backup:sr.",
            lambda backups: backups.replicas,
        ),
        gauge(
            "xo_vm_newest_replica_timestamp_seconds",
            "When the newest replica of a VM in this pool was like the VM, from VM.other_config "
            "xo:backup:datetime.",
            lambda backups: backups.newest_replica,
        ),
    ),
)

REPLICA_TABLE: Final = Table[Replica](
    collector=_COLLECTOR,
    part=_PART,
    objects=lambda model: model.part(Backups).replicas,
    label_names=vm.TABLE.label_names,
    labels=lambda replica, label: vm.TABLE.labels(replica.vm, label),
    metrics=(
        info(
            "xo_vm_replica_info",
            "A VM that is a replica, which a job of Xen Orchestra keeps on an SR, and its source, "
            "from VM.other_config xo:backup:vm; no workload until it is started.",
            {
                "source": lambda replica: replica.source.name_label if replica.source else None,
                "source_uuid": lambda replica: replica.source_uuid,
                "sr": lambda replica: name_of(replica.sr),
                "backup_job": lambda replica: replica.job,
            },
        ),
        gauge(
            "xo_vm_replica_complete",
            "Whether a replica is wholly there, from VM.other_config xo:backup:sr.",
            lambda replica: replica.complete,
        ),
        gauge(
            "xo_vm_replica_timestamp_seconds",
            "When a replica was like its source, from VM.other_config xo:backup:datetime.",
            lambda replica: replica.time,
        ),
    ),
)

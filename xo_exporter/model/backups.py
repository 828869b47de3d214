"""What Xen Orchestra's backup jobs have left in the pool: marked snapshots, and replicas.

A job marks the snapshot that it takes of a VM, and marks it again once all is exported. The next
run replaces it, so the newest one that is marked as exported is the last good backup. A full
backup may be told to keep no snapshot: of such a job the pool knows nothing.

A replica is a VM that a replication job made and keeps. It is a VM of the model like any other,
and counts as one, since XAPI, Xen Orchestra and whoever pays for the storage see it as one; but
it is no workload: nothing of it is backed up, and nobody misses it when it doesn't run. So it
has a family of its own, `xo_vm_replica_info`, that queries exclude it by, rather than a label:
a label would stand on every series of every VM, and change all of them when a replica is
started. One that was started, as after a disaster, is a workload again and no replica.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xo_exporter.model import known
from xo_exporter.model.guests import is_true
from xo_exporter.model.index import Index
from xo_exporter.model.objects import SR, VM, PoolModel
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.records import Records, Ref


@dataclass(slots=True, eq=False)
class Job:
    """What a job has left of a VM, in Unix time; the length of the chain is in deltas."""

    UUID: str
    last_snapshot: int | None = None
    last_success: int | None = None
    chain_length: int | None = None


@dataclass(slots=True, eq=False)
class Replica:
    """A VM that a replication job keeps of another, which need not be in the pool.

    `time` is when it was like its source, in Unix time; `complete` whether it is wholly there.
    """

    vm: VM
    source_uuid: str
    source: VM | None
    sr: SR | None
    job: str
    time: int | None
    complete: bool

    @property
    def UUID(self) -> str:
        """That of the replica."""
        return self.vm.UUID


@dataclass(slots=True, eq=False)
class VMBackups:
    """The backups of a VM that is no replica: snapshots of good ones, and replicas wholly there."""

    vm: VM
    snapshots: int
    jobs: list[Job]
    replicas: int
    newest_replica: int | None

    @property
    def UUID(self) -> str:
        """That of the VM."""
        return self.vm.UUID


@dataclass(slots=True, eq=False)
class Backups:
    """Those of every VM that is no replica, and the replicas."""

    of_vms: list[VMBackups]
    replicas: list[Replica]


def build(model: PoolModel, records: Records, index: Index) -> Backups:
    """Backups by VM, and the replicas, in the order of the VMs."""
    by_vm: dict[Ref, list[xapi.VM]] = {}
    for record in records.vm.values():
        if record.other_config.backup_job and record.snapshot_of in index.vms:
            by_vm.setdefault(record.snapshot_of, []).append(record)
    vms = {vm.UUID: vm for vm in model.VMs}
    srs = {sr.UUID: sr for sr in model.SRs}
    replicas = {
        ref: _replica(vm, records.vm[ref], vms, srs)
        for ref, vm in index.vms.items()
        if _is_replica(records.vm[ref])
    }
    copies: dict[str, list[Replica]] = {}
    for replica in replicas.values():
        if replica.complete:
            copies.setdefault(replica.source_uuid, []).append(replica)
    return Backups(
        [
            _backups(vm, by_vm.get(ref, []), copies.get(vm.UUID, []))
            for ref, vm in index.vms.items()
            if ref not in replicas
        ],
        list(replicas.values()),
    )


def _is_replica(record: xapi.VM) -> bool:
    source = record.other_config.backup_vm
    return bool(source) and source != record.uuid and record.power_state == "Halted"


def _replica(vm: VM, record: xapi.VM, vms: Mapping[str, VM], srs: Mapping[str, SR]) -> Replica:
    marks = record.other_config
    return Replica(
        vm,
        marks.backup_vm,
        vms.get(marks.backup_vm),
        srs.get(marks.backup_sr),
        marks.backup_job,
        known.timestamp(marks.backup_datetime),
        complete=bool(marks.backup_sr),
    )


def _newest(times: Iterable[int | None]) -> int | None:
    return max((time for time in times if time is not None), default=None)


def _backups(vm: VM, snapshots: list[xapi.VM], replicas: list[Replica]) -> VMBackups:
    jobs: dict[str, Job] = {}
    good = 0
    for snapshot in snapshots:
        marks = snapshot.other_config
        job = jobs.setdefault(marks.backup_job, Job(marks.backup_job))
        time = known.timestamp(marks.backup_datetime) or known.timestamp(snapshot.snapshot_time)
        job.last_snapshot = _newest((job.last_snapshot, time))
        if is_true(marks.backup_exported):
            good += 1
            if time is not None and time >= (job.last_success or 0):
                job.last_success = time
                job.chain_length = known.count(known.integer(marks.backup_chain_length))
    return VMBackups(
        vm,
        good,
        [jobs[name] for name in sorted(jobs)],
        len(replicas),
        _newest(replica.time for replica in replicas),
    )

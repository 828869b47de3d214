"""What Xen Orchestra's backup jobs have left in the pool: marked snapshots, and replicas.

A job marks the snapshot that it takes of a VM and those of its disks; one that is incremental, a
delta backup or a replication, marks them again once all is exported. The next run replaces them,
so the newest one that is marked as exported is the last good backup. Jobs of full backups and of
rolling snapshots mark no success: of them the pool knows at most when they took a snapshot.

A job may purge the data of its snapshots, for the sake of changed block tracking: then that of
the VM is gone, and those of the disks, with the same marks, are all that is left.

A replica is a VM that a replication job made and keeps. It is a VM of the model like any other,
and counts as one, since XAPI, Xen Orchestra and whoever pays for the storage see it as one; but
it is no workload: nothing of it is backed up, and nobody misses it when it doesn't run. So it
has a family of its own, `xo_vm_replica_info`, that queries exclude it by, rather than a label:
a label would stand on every series of every VM, and change all of them when a replica is
started. One that was started, as after a disaster, is a workload again and no replica.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

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


class _Taken(NamedTuple):
    """What the marks of a snapshot say; `time` is when it was taken, in Unix time."""

    job: str
    time: int | None
    exported: bool
    chain_length: int | None


def build(model: PoolModel, records: Records, index: Index) -> Backups:
    """Backups by VM, and the replicas, in the order of the VMs."""
    by_vm: dict[Ref, list[_Taken]] = {}
    for record in records.vm.values():
        if record.other_config.backup_job and record.snapshot_of in index.vms:
            taken = _taken(record.other_config, record.snapshot_time)
            by_vm.setdefault(record.snapshot_of, []).append(taken)
    vms = {vm.UUID: vm for vm in model.VMs}
    srs = {sr.UUID: sr for sr in model.SRs}
    replicas = {
        ref: _replica(vm, records.vm[ref], vms, srs)
        for ref, vm in index.vms.items()
        if _is_replica(records.vm[ref])
    }
    of_disks = _of_disks(records, vms, replicas)
    copies: dict[str, list[Replica]] = {}
    for replica in replicas.values():
        if replica.complete:
            copies.setdefault(replica.source_uuid, []).append(replica)
    return Backups(
        [
            _backups(vm, by_vm.get(ref, []), of_disks.get(vm.UUID, {}), copies.get(vm.UUID, []))
            for ref, vm in index.vms.items()
            if ref not in replicas
        ],
        list(replicas.values()),
    )


_Times = dict[tuple[str, int | None], _Taken]


def _of_disks(
    records: Records, vms: Container[str], replicas: Container[Ref]
) -> Mapping[str, _Times]:
    """What snapshots of disks say, by the UUID of the VM and by job and time."""
    marked = [
        vdi
        for vdi in records.vdi.values()
        if vdi.other_config.backup_job and vdi.is_a_snapshot and vdi.other_config.backup_vm in vms
    ]
    if not marked:
        return {}
    # The disks of a replica bear the marks of its source, and so do snapshots of them.
    copies = {vbd.VDI for vbd in records.vbd.values() if vbd.VM in replicas}
    found: dict[str, _Times] = {}
    for vdi in marked:
        taken = _taken(vdi.other_config)
        if taken.time is None or vdi.snapshot_of in copies:
            continue
        times = found.setdefault(vdi.other_config.backup_vm, {})
        other = times.setdefault((taken.job, taken.time), taken)
        if taken.exported and not other.exported:
            times[taken.job, taken.time] = taken
    return found


def _taken(marks: xapi.VMOtherConfig | xapi.VDIOtherConfig, snapshot_time: str = "") -> _Taken:
    return _Taken(
        marks.backup_job,
        known.timestamp(marks.backup_datetime) or known.timestamp(snapshot_time),
        is_true(marks.backup_exported),
        known.count(known.integer(marks.backup_chain_length)),
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


def _backups(
    vm: VM, snapshots: list[_Taken], of_disks: _Times, replicas: list[Replica]
) -> VMBackups:
    jobs: dict[str, Job] = {}
    good = 0
    whole = {(taken.job, taken.time) for taken in snapshots}
    purged = (taken for time, taken in of_disks.items() if time not in whole)
    for taken in (*snapshots, *purged):
        job = jobs.setdefault(taken.job, Job(taken.job))
        job.last_snapshot = _newest((job.last_snapshot, taken.time))
        if taken.exported:
            good += 1
            if taken.time is not None and taken.time >= (job.last_success or 0):
                job.last_success = taken.time
                job.chain_length = taken.chain_length
    return VMBackups(
        vm,
        good,
        [jobs[name] for name in sorted(jobs)],
        len(replicas),
        _newest(replica.time for replica in replicas),
    )

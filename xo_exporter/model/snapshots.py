"""Snapshots of VMs: how many, what they hold, how old they are, and which outlived their VM.

A snapshot is a record of its own, of class `VM`, with VBDs of its own to the snapshots of the
disks. Where its VM is gone nobody sees it below that VM any more, but what it holds it holds.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from xo_exporter.model import known
from xo_exporter.model.index import Index
from xo_exporter.model.objects import SR, VM, Pool, PoolModel
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.records import Records, Ref


@dataclass(slots=True, eq=False)
class VMSnapshots:
    """The snapshots of a VM; `usage` in bytes, `oldest` in Unix time."""

    vm: VM
    count: int
    usage: int | float | None
    oldest: int | None

    @property
    def UUID(self) -> str:
        """That of the VM."""
        return self.vm.UUID


@dataclass(slots=True, eq=False)
class PoolOrphans:
    """The snapshots whose VM is gone; `oldest` in Unix time."""

    pool: Pool
    count: int
    oldest: int | None

    @property
    def UUID(self) -> str:
        """That of the pool."""
        return self.pool.UUID


@dataclass(slots=True, eq=False)
class SROrphans:
    """The disks on an SR that snapshots whose VM is gone hold; `usage` in bytes."""

    sr: SR
    disks: int
    usage: int | float | None

    @property
    def UUID(self) -> str:
        """That of the SR."""
        return self.sr.UUID


@dataclass(slots=True, eq=False)
class Snapshots:
    """Those of every VM; those whose VM is gone, altogether and on each SR that has any."""

    of_vms: list[VMSnapshots]
    orphans: PoolOrphans
    orphans_on_srs: list[SROrphans]


def build(model: PoolModel, records: Records, index: Index) -> Snapshots:
    """The snapshots by VM and, of those whose VM is gone, by SR."""
    by_vm: dict[Ref, list[Ref]] = {}
    orphans: list[Ref] = []
    for ref, record in records.vm.items():
        if record.snapshot_of in records.vm:
            by_vm.setdefault(record.snapshot_of, []).append(ref)
        elif record.is_a_snapshot:
            orphans.append(ref)
    snapshots = {*orphans, *(ref for refs in by_vm.values() for ref in refs)}
    disks = _disks(records, snapshots)
    return Snapshots(
        [
            VMSnapshots(
                vm,
                len(refs := by_vm.get(ref, [])),
                _usage(records, {disk for one in refs for disk in disks.get(one, ())}),
                _oldest(records, refs),
            )
            for ref, vm in index.vms.items()
        ],
        PoolOrphans(model.pool, len(orphans), _oldest(records, orphans)),
        _on_srs(records, index, {disk for ref in orphans for disk in disks.get(ref, ())}),
    )


def _is_snapshot(records: Records, vdi: xapi.VDI) -> bool:
    return vdi.is_a_snapshot or vdi.snapshot_of in records.vdi


def _disks(records: Records, snapshots: Collection[Ref]) -> Mapping[Ref, set[Ref]]:
    """The disks that each snapshot holds, the image of its memory included."""
    found: dict[Ref, set[Ref]] = {}
    for vbd in records.vbd.values():
        if vbd.VM in snapshots:
            # An image in the drive belongs to the library.
            vdi = records.vdi.get(vbd.VDI)
            if vdi is not None and _is_snapshot(records, vdi):
                found.setdefault(vbd.VM, set()).add(vbd.VDI)
    for ref in snapshots:
        image = records.vm[ref].suspend_VDI
        if image in records.vdi:
            found.setdefault(ref, set()).add(image)
    return found


def _usage(records: Records, disks: Iterable[Ref]) -> int | float | None:
    return known.total([known.count(records.vdi[ref].physical_utilisation) for ref in disks])


def _oldest(records: Records, snapshots: Iterable[Ref]) -> int | None:
    times = (known.timestamp(records.vm[ref].snapshot_time) for ref in snapshots)
    return min((time for time in times if time is not None), default=None)


def _on_srs(records: Records, index: Index, disks: Iterable[Ref]) -> list[SROrphans]:
    by_sr: dict[Ref, list[Ref]] = {}
    for disk in disks:
        by_sr.setdefault(records.vdi[disk].SR, []).append(disk)
    return [
        SROrphans(sr, len(by_sr[ref]), _usage(records, by_sr[ref]))
        for ref, sr in index.srs.items()
        if ref in by_sr
    ]

"""How an SR is and what lies on it: disks, snapshots, base copies, and what nobody uses."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from xo_exporter.model import known
from xo_exporter.model.index import Index
from xo_exporter.model.objects import SR, PoolModel
from xo_exporter.model.tally import Tally
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.records import Records, Ref

VDI_KINDS: Final = ("disk", "snapshot", "unmanaged")
"""What a VDI is: a disk, a snapshot of one, or unmanaged, a base copy that these lie on."""

_THIN: Final = frozenset(
    ("cephfs", "ext", "file", "gfs2", "glusterfs", "largeblock", "moosefs", "nfs", "shm", "smb")
) | {"xfs", "xosan", "zfs"}
_THICK: Final = frozenset(
    ("hba", "iscsi", "lvhd", "lvhdofcoe", "lvhdohba", "lvhdoiscsi", "lvm", "lvmofcoe", "lvmohba")
) | {"lvmoiscsi", "ocfs", "ocfsohba", "ocfsoiscsi", "rawhba", "rawiscsi", "udev"}
_ALLOCATIONS: Final = {"thin": "thin", "xlvhd": "thin", "thick": "thick"}

_USED_BY_VMS: Final = frozenset(("system", "user", "ephemeral"))


def _tallies() -> dict[str, Tally]:
    return {kind: Tally() for kind in VDI_KINDS}


@dataclass(slots=True, eq=False)
class SRHealth:
    """How an SR is.

    `vdis` is all that lies on it, by kind, and `unattached` what no VBD names. `to_coalesce` are
    base copies that one VDI alone lies on, which the garbage collector is to merge; `parentless`
    are VDIs whose parent is gone.
    """

    sr: SR
    content_type: str
    allocation: str
    writable: bool | None
    is_default: bool
    is_tools: bool | None
    auto_scan: bool
    local_cache: bool | None
    maintenance: bool
    attached_pbds: int
    vdis: dict[str, Tally] = field(default_factory=_tallies)
    unattached: dict[str, Tally] = field(default_factory=_tallies)
    missing: int = 0
    to_coalesce: int = 0
    parentless: int = 0

    @property
    def UUID(self) -> str:
        """That of the SR."""
        return self.sr.UUID


@dataclass(slots=True, eq=False)
class StorageHealth:
    """That of all SRs, in the order of the SRs."""

    srs: list[SRHealth]


def build(model: PoolModel, records: Records, index: Index) -> StorageHealth:
    """How each SR is, by its record and those of its PBDs and VDIs."""
    drivers = {driver.type: driver for driver in records.sm.values()}
    provisioning: dict[Ref, str] = {}
    for pbd in sorted(records.pbd.values(), key=lambda pbd: pbd.uuid):
        provisioning.setdefault(pbd.SR, pbd.device_config.provisioning)
    healths = {
        ref: _health(model, sr, records.sr[ref], drivers, provisioning.get(ref, ""))
        for ref, sr in index.srs.items()
    }
    _count(healths, records, index)
    return StorageHealth(list(healths.values()))


def _health(
    model: PoolModel, sr: SR, record: xapi.SR, drivers: Mapping[str, xapi.SM], provisioning: str
) -> SRHealth:
    driver = drivers.get(record.type)
    return SRHealth(
        sr=sr,
        content_type=record.content_type,
        allocation=_allocation(record, provisioning),
        writable=None if driver is None else driver.features.VDI_CREATE is not None,
        is_default=sr is model.pool.default_SR,
        is_tools=record.is_tools_sr,
        auto_scan=record.other_config.auto_scan == "true",
        local_cache=record.local_cache_enabled,
        maintenance=record.other_config.maintenance is not None,
        attached_pbds=sum(pbd.attached is True for pbd in sr.PBDs),
    )


def _allocation(record: xapi.SR, provisioning: str) -> str:
    """How an SR gives space to disks: "thin" or "thick"; "" where nothing tells."""
    given = record.sm_config.allocation or (provisioning if record.type == "linstor" else "")
    if given in _ALLOCATIONS:
        return _ALLOCATIONS[given]
    if record.type in _THIN:
        return "thin"
    return "thick" if record.type in _THICK else ""


def _count(healths: Mapping[Ref, SRHealth], records: Records, index: Index) -> None:
    """Count what lies on the SRs."""
    attached = {vbd.VDI for vbd in records.vbd.values()}
    children: Counter[tuple[Ref, str]] = Counter()
    places: set[tuple[Ref, str]] = set()
    base_copies: list[tuple[Ref, str]] = []
    lists_unattached = {ref: _lists_unattached(health.sr) for ref, health in healths.items()}
    for ref, vdi in records.vdi.items():
        health = healths.get(vdi.SR)
        if health is None:
            continue
        usage = known.count(vdi.physical_utilisation)
        place = vdi.SR, vdi.uuid
        places.add(place)
        if parent := vdi.sm_config.vhd_parent:
            children[vdi.SR, parent] += 1
        kind = _kind(ref, vdi, records, index)
        health.vdis[kind].add(usage)
        if kind == "unmanaged":
            base_copies.append(place)
        elif ref not in attached and vdi.type in _USED_BY_VMS and lists_unattached[vdi.SR]:
            health.unattached[kind].add(usage)
        if vdi.missing:
            health.missing += 1
    for place in base_copies:
        healths[place[0]].to_coalesce += children[place] == 1
    for place, number in children.items():
        if place not in places:
            healths[place[0]].parentless += number


def _kind(ref: Ref, vdi: xapi.VDI, records: Records, index: Index) -> str:
    if ref in index.vdis:
        return "disk"
    return "snapshot" if vdi.is_a_snapshot or vdi.snapshot_of in records.vdi else "unmanaged"


def _lists_unattached(sr: SR) -> bool:
    """Whether a VDI there is of use only with a VM: images and removable disks are not."""
    return sr.SR_type != "iso" and (sr.SR_type != "udev" or sr.size is None)

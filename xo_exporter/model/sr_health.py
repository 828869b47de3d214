"""How an SR is and what lies on it: disks, snapshots, base copies, and what nobody uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from xo_exporter.model.index import Index
from xo_exporter.model.objects import SR, PoolModel
from xo_exporter.model.tally import Tally, tally
from xo_exporter.model.vdi_layout import Kind, layout
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.records import Records, Ref

_THIN: Final = frozenset(
    ("cephfs", "ext", "file", "gfs2", "glusterfs", "largeblock", "moosefs", "nfs", "shm", "smb")
) | {"xfs", "xosan", "zfs"}
_THICK: Final = frozenset(
    ("hba", "iscsi", "lvhd", "lvhdofcoe", "lvhdohba", "lvhdoiscsi", "lvm", "lvmofcoe", "lvmohba")
) | {"lvmoiscsi", "ocfs", "ocfsohba", "ocfsoiscsi", "rawhba", "rawiscsi", "udev"}
_ALLOCATIONS: Final = {"thin": "thin", "xlvhd": "thin", "thick": "thick"}


@dataclass(slots=True, eq=False)
class SRHealth:
    """How an SR is.

    `vdis` is all that lies on it, by kind, and `unattached` what no VBD names, where that means
    something; the numbers are of VDIs, as in `SRLayout`.
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
    vdis: Mapping[Kind, Tally]
    unattached: Mapping[Kind, Tally]
    missing: int
    to_coalesce: int
    parentless: int

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
    layouts = layout(model, records, index).srs
    srs = []
    for ref, sr in index.srs.items():
        record, lie = records.sr[ref], layouts[ref]
        driver = drivers.get(record.type)
        srs.append(
            SRHealth(
                sr=sr,
                content_type=record.content_type,
                allocation=_allocation(record, provisioning.get(ref, "")),
                writable=None if driver is None else driver.features.VDI_CREATE is not None,
                is_default=sr is model.pool.default_SR,
                is_tools=record.is_tools_sr,
                auto_scan=record.other_config.auto_scan == "true",
                local_cache=record.local_cache_enabled,
                maintenance=record.other_config.maintenance is not None,
                attached_pbds=sum(pbd.attached is True for pbd in sr.PBDs),
                vdis=_tallies(lie.vdis, records),
                unattached=_tallies(lie.unattached, records) if _lists_unattached(sr) else {},
                missing=lie.missing,
                to_coalesce=lie.to_coalesce,
                parentless=lie.parentless,
            )
        )
    return StorageHealth(srs)


def _tallies(refs: Mapping[Kind, list[Ref]], records: Records) -> Mapping[Kind, Tally]:
    return {kind: tally(of_kind, records.vdi) for kind, of_kind in refs.items()}


def _allocation(record: xapi.SR, provisioning: str) -> str:
    """How an SR gives space to disks: "thin" or "thick"; "" where nothing tells."""
    given = record.sm_config.allocation or (provisioning if record.type == "linstor" else "")
    if given in _ALLOCATIONS:
        return _ALLOCATIONS[given]
    if record.type in _THIN:
        return "thin"
    return "thick" if record.type in _THICK else ""


def _lists_unattached(sr: SR) -> bool:
    """Whether a VDI there is of use only with a VM: images and removable disks are not."""
    return sr.SR_type != "iso" and (sr.SR_type != "udev" or sr.size is None)

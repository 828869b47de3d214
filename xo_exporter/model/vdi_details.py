"""What else XAPI says of a disk."""

from dataclasses import dataclass

from xo_exporter.model.index import Index
from xo_exporter.model.objects import VDI, PoolModel
from xo_exporter.model.tally import Tally, tally
from xo_exporter.xapi.records import Records, Ref


@dataclass(slots=True, eq=False)
class VDIDetails:
    """Details of a disk, and its snapshots."""

    vdi: VDI
    vdi_type: str
    image_format: str
    on_boot: str
    read_only: bool | None
    sharable: bool | None
    CBT_enabled: bool | None
    snapshots: Tally

    @property
    def UUID(self) -> str:
        """That of the disk."""
        return self.vdi.UUID


@dataclass(slots=True, eq=False)
class VDIsDetails:
    """Those of all disks, in the order of the disks."""

    vdis: list[VDIDetails]


def build(_model: PoolModel, records: Records, index: Index) -> VDIsDetails:
    """Details of each disk, by its record and those of its snapshots."""
    snapshots: dict[Ref, list[Ref]] = {}
    for ref, snapshot in records.vdi.items():
        if snapshot.snapshot_of in index.vdis:
            snapshots.setdefault(snapshot.snapshot_of, []).append(ref)
    return VDIsDetails(
        [
            VDIDetails(
                vdi=vdi,
                vdi_type=(record := records.vdi[ref]).type,
                image_format=record.sm_config.image_format,
                on_boot=record.on_boot,
                read_only=record.read_only,
                sharable=record.sharable,
                CBT_enabled=record.cbt_enabled,
                snapshots=tally(snapshots.get(ref, ()), records.vdi),
            )
            for ref, vdi in index.vdis.items()
        ]
    )

"""How disks are: whether they are there, and how many images each one is read from."""

from dataclasses import dataclass

from xo_exporter.model.index import Index
from xo_exporter.model.objects import VDI, PoolModel
from xo_exporter.model.vdi_layout import chain_lengths
from xo_exporter.xapi.records import Records


@dataclass(slots=True, eq=False)
class VDIHealth:
    """How a disk is; `chain_length` counts its own image and all that this lies on."""

    vdi: VDI
    missing: bool | None
    chain_length: int | None

    @property
    def UUID(self) -> str:
        """That of the disk."""
        return self.vdi.UUID


@dataclass(slots=True, eq=False)
class VDIsHealth:
    """That of all disks, in the order of the disks."""

    vdis: list[VDIHealth]


def build(_model: PoolModel, records: Records, index: Index) -> VDIsHealth:
    """How each disk is, by its record and those of its parents."""
    lengths = chain_lengths(records.vdi)
    return VDIsHealth(
        [
            VDIHealth(
                vdi=vdi,
                missing=records.vdi[ref].missing,
                chain_length=lengths[ref] if _has_image(vdi) else None,
            )
            for ref, vdi in index.vdis.items()
        ]
    )


def _has_image(vdi: VDI) -> bool:
    return vdi.SR is not None and vdi.SR.SR_type not in ("iso", "udev")

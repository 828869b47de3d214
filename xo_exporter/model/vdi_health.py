"""How disks are: whether they are there, and how many images each one is read from."""

from collections.abc import Mapping
from dataclasses import dataclass

from xo_exporter.model.index import Index
from xo_exporter.model.objects import VDI, PoolModel
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.records import Records, Ref


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


def chain_lengths(vdis: Mapping[Ref, xapi.VDI]) -> Mapping[Ref, int | None]:
    """For each VDI, how many there are from it by parent to parent, as far as they are known.

    Parents are of the same SR. None where the way leads in a circle.
    """
    places = {(vdi.SR, vdi.uuid): ref for ref, vdi in vdis.items()}
    lengths: dict[Ref, int | None] = {}
    for first in vdis:
        way: dict[Ref, None] = {}
        at: Ref | None = first
        while at is not None and at not in lengths and at not in way:
            way[at] = None
            vdi = vdis[at]
            parent = vdi.sm_config.vhd_parent
            at = places.get((vdi.SR, parent)) if parent else None
        length = 0 if at is None else lengths.get(at)
        for ref in reversed(way):
            length = None if length is None else length + 1
            lengths[ref] = length
    return lengths

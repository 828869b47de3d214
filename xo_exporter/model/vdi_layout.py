"""Which VDIs lie on an SR, and how they lie on each other."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from xo_exporter.model.index import Index
from xo_exporter.model.objects import PoolModel
from xo_exporter.xapi.records import VDI, Records, Ref

Kind = Literal["disk", "snapshot", "unmanaged"]
"""What a VDI is: a disk, a snapshot of one, or unmanaged, a base copy that these lie on."""

_USED_BY_VMS: Final = frozenset(("system", "user", "ephemeral"))


@dataclass(slots=True, eq=False)
class SRLayout:
    """The VDIs of one SR by kind, and those among them that no VBD names though VMs use such.

    `to_coalesce` base copies have one VDI alone that lies on them, which the garbage collector is
    to merge; the parent of `parentless` VDIs is gone, `missing` ones the last scan didn't find.
    """

    vdis: dict[Kind, list[Ref]] = field(
        default_factory=lambda: {"disk": [], "snapshot": [], "unmanaged": []}
    )
    unattached: dict[Kind, list[Ref]] = field(default_factory=lambda: {"disk": [], "snapshot": []})
    missing: int = 0
    to_coalesce: int = 0
    parentless: int = 0


@dataclass(slots=True, eq=False)
class VDILayout:
    """That of all SRs, by reference."""

    srs: Mapping[Ref, SRLayout]


def layout(model: PoolModel, records: Records, index: Index) -> VDILayout:
    """The layout of the VDIs, which the model keeps: it holds for as long as its objects do."""
    kept = model.parts.get(VDILayout)
    if not isinstance(kept, VDILayout):
        model.parts[VDILayout] = kept = _layout(records, index)
    return kept


def _layout(records: Records, index: Index) -> VDILayout:
    srs = {ref: SRLayout() for ref in index.srs}
    attached = {vbd.VDI for vbd in records.vbd.values()}
    for ref, vdi in records.vdi.items():
        sr = srs.get(vdi.SR)
        if sr is None:
            continue
        kind = _kind(ref, vdi, records, index)
        sr.vdis[kind].append(ref)
        if kind in sr.unattached and ref not in attached and vdi.type in _USED_BY_VMS:
            sr.unattached[kind].append(ref)
        if vdi.missing:
            sr.missing += 1
    for sr in srs.values():
        _count_parents(sr, records.vdi)
    return VDILayout(srs)


def _kind(ref: Ref, vdi: VDI, records: Records, index: Index) -> Kind:
    if ref in index.vdis:
        return "disk"
    return "snapshot" if vdi.is_a_snapshot or vdi.snapshot_of in records.vdi else "unmanaged"


def _count_parents(sr: SRLayout, vdis: Mapping[Ref, VDI]) -> None:
    """Count who lies on whom: each VDI names its parent by UUID."""
    children: Counter[str] = Counter()
    found: set[str] = set()
    for refs in sr.vdis.values():
        for ref in refs:
            vdi = vdis[ref]
            found.add(vdi.uuid)
            if parent := vdi.sm_config.vhd_parent:
                children[parent] += 1
    sr.to_coalesce = sum(children[vdis[ref].uuid] == 1 for ref in sr.vdis["unmanaged"])
    sr.parentless = sum(number for uuid, number in children.items() if uuid not in found)


def chain_lengths(vdis: Mapping[Ref, VDI]) -> Mapping[Ref, int | None]:
    """For each VDI, how many there are from it by parent to parent, itself included.

    Parents are of the same SR. None where the way leads to one that is gone, or in a circle.
    """
    lengths: dict[Ref, int | None] = {
        ref: 1 for ref, vdi in vdis.items() if not vdi.sm_config.vhd_parent
    }
    if len(lengths) == len(vdis):
        return lengths
    places = {(vdi.SR, vdi.uuid): ref for ref, vdi in vdis.items()}
    for first in vdis:
        way: dict[Ref, None] = {}
        at: Ref | None = first
        while at is not None and at not in lengths and at not in way:
            way[at] = None
            vdi = vdis[at]
            at = places.get((vdi.SR, vdi.sm_config.vhd_parent))
        length = None if at is None else lengths.get(at)
        for ref in reversed(way):
            length = None if length is None else length + 1
            lengths[ref] = length
    return lengths

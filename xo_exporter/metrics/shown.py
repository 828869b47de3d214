"""Which objects have series of their own, where VMs are filtered."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from xo_exporter.choice import VMFilter
from xo_exporter.model.objects import VM, PoolModel

_IMAGES: Final = "iso"


class Shown:
    """The objects of a model that a filter leaves.

    A VM that is filtered out takes along what is its own: disks that no other VM has, VBDs,
    VIFs, snapshots. An image in its drive is none of these.
    """

    def __init__(self, wanted: VMFilter) -> None:
        self._filter = wanted
        self._hidden: frozenset[str] = frozenset()

    def look_at(self, model: PoolModel) -> None:
        """Work out what is to be left out of a new model."""
        if self._filter != VMFilter():
            self._hidden = self._found(model)

    def of(self, objects: Sequence[Any]) -> Sequence[Any]:
        """Those of these that are left."""
        if not self._hidden:
            return objects
        return [thing for thing in objects if self._hidden.isdisjoint(_uuids(thing))]

    def _found(self, model: PoolModel) -> frozenset[str]:
        hidden = {vm.UUID for vm in model.VMs if not self._is_shown(vm)}
        disks: dict[str, bool] = {}  # whether any VM that has it is shown
        for vbd in model.VBDs:
            vdi = vbd.VDI
            if vdi is not None and not (vdi.SR and vdi.SR.SR_type == _IMAGES):
                disks[vdi.UUID] = disks.get(vdi.UUID, False) or vbd.VM.UUID not in hidden
        return frozenset(hidden | {uuid for uuid, is_shown in disks.items() if not is_shown})

    def _is_shown(self, vm: VM) -> bool:
        wanted = self._filter
        return (
            (not wanted.power_states or vm.power_state in wanted.power_states)
            and (not wanted.tags or _any(vm.tags, wanted.tags))
            and not _any(vm.tags, wanted.exclude_tags)
        )


def _any(tags: Iterable[str], globs: Sequence[str]) -> bool:
    return any(fnmatchcase(tag, glob) for tag in tags for glob in globs)


def _uuids(thing: Any) -> list[str]:
    """The UUIDs of an object and of the VM or disk that it is about, or is a snapshot of."""
    about = (getattr(thing, name, None) for name in ("vm", "VM", "vdi", "thing"))
    uuids = [one.UUID for one in about if one is not None]
    named = (getattr(thing, name, "") for name in ("UUID", "vdi_uuid", "disk_uuid"))
    return [*named, *uuids]

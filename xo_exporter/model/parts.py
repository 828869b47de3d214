"""The parts of a model beside the objects of the specification, each from classes of its own.

A part is built from a model that has its objects; it is built anew when a record of its classes
changed, and whenever the objects are. It changes none of them.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from xo_exporter.model import (
    backups,
    certificates,
    clusters,
    controller_disks,
    host_state,
    host_storage,
    host_updates,
    messages,
    multipath,
    networks,
    plugins,
    pool_state,
    snapshots,
    sr_health,
    tasks,
    vdi_details,
    vdi_health,
)
from xo_exporter.model.index import Index
from xo_exporter.model.objects import PoolModel
from xo_exporter.xapi.records import BASE, Records


@dataclass(frozen=True)
class Part:
    """One part: the classes it is built from, and the pure function that builds it.

    The model keeps it by the type that `build` gives: `model.part(Networks)`.
    """

    classes: tuple[str, ...]
    build: Callable[[PoolModel, Records, Index], object]

    def add(self, model: PoolModel, records: Records, index: Index) -> None:
        """Build it, and put it into the model."""
        part = self.build(model, records, index)
        model.parts[type(part)] = part

    def differs(self, before: Records, now: Records) -> bool:
        """Whether any record of its classes may have changed."""
        return any(getattr(before, name) is not getattr(now, name) for name in self.classes)


PARTS: Final[Mapping[str, Part]] = {
    "backups": Part(classes=(), build=backups.build),
    "controller_disks": Part(classes=(), build=controller_disks.build),
    "host_storage": Part(classes=(), build=host_storage.build),
    "messages": Part(classes=("message",), build=messages.build),
    "snapshots": Part(classes=("vdi",), build=snapshots.build),
    "tasks": Part(classes=("task",), build=tasks.build),
    "networks": Part(
        classes=("network", "pif", "pif_metrics", "bond", "vif"), build=networks.build
    ),
    "certificates": Part(classes=("certificate",), build=certificates.build),
    "clusters": Part(classes=("cluster", "cluster_host"), build=clusters.build),
    "host_state": Part(classes=("host",), build=host_state.build),
    "host_updates": Part(classes=("pool_update",), build=host_updates.build),
    "multipath": Part(classes=(), build=multipath.build),
    "plugins": Part(classes=(), build=plugins.build),
    "pool_state": Part(classes=("pool",), build=pool_state.build),
    "sr_health": Part(classes=("sr", "vdi", "sm"), build=sr_health.build),
    "vdi_details": Part(classes=("vdi",), build=vdi_details.build),
    "vdi_health": Part(classes=(), build=vdi_health.build),
}
"""All parts by name."""


_GUESTS: Final = "vm_guest_metrics"


def classes(parts: Collection[str] = PARTS.keys(), *, with_guests: bool = True) -> tuple[str, ...]:
    """The classes of records that the objects of the specification and these parts need.

    The objects say what contains what, and need theirs all together, but for what guests tell.
    """
    further = {name for part in parts for name in PARTS[part].classes}
    base = [name for name in BASE if with_guests or name != _GUESTS]
    return (*base, *sorted(further.difference(BASE)))

"""A pool's model, kept from reading to reading: what did not change is not built again.

Most of what XAPI tells between two readings is how large something is now. Such a change is
put into the object that it concerns; any other builds the model anew.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from msgspec import structs

from xo_exporter.model import state
from xo_exporter.model.build import ModelBuilder
from xo_exporter.model.lists import unlink
from xo_exporter.model.measured import Rrds, measure
from xo_exporter.model.objects import PoolModel
from xo_exporter.model.parts import PARTS
from xo_exporter.model.plugins import Plugins
from xo_exporter.plugins.values import NO_RESULTS, PluginResults
from xo_exporter.xapi.records import BASE, Records, Ref

_OWN: Final[Mapping[str, tuple[str, ...]]] = {
    "pool": ("ha_plan_exists_for", "ha_overcommitted"),
    "host": ("current_operations",),
    "host_metrics": ("memory_total", "memory_free"),
    "vm": ("current_operations",),
    "vm_metrics": ("memory_actual", "start_time"),
    "vm_guest_metrics": (
        *("networks", "os_version", "live", "last_updated"),
        *("PV_drivers_version", "PV_drivers_detected", "PV_drivers_up_to_date"),
    ),
    "sr": ("physical_size", "physical_utilisation", "virtual_allocation"),
    "vdi": ("physical_utilisation",),
}
"""The fields, by class, that make no difference to any other object."""

_PLUGINS: Final = "plugins"

_Changed = dict[str, list[Ref]]


class Changes(NamedTuple):
    """What of a model changed: the parts that are new, and the UUIDs of objects that changed."""

    parts: Collection[str]
    uuids: Collection[str]


def _same_but_for(one: Any, other: Any, fields: tuple[str, ...]) -> bool:
    """Whether two records are the same but for these fields."""
    same = structs.replace(one, **{name: getattr(other, name) for name in fields})
    return bool(same == other)


def _changed(before: Records, now: Records) -> _Changed | None:
    """References of the records that differ in fields of their own alone; None if others do."""
    changed: _Changed = {}
    for name in BASE:
        old: Mapping[Ref, Any] = getattr(before, name)
        new: Mapping[Ref, Any] = getattr(now, name)
        if old is new:
            continue
        if old.keys() != new.keys():
            return None
        refs = [ref for ref, record in new.items() if record is not old[ref]]
        own = _OWN.get(name, ())
        if not all(_same_but_for(old[ref], new[ref], own) for ref in refs):
            return None
        changed[name] = refs
    return changed


def _owners(records: Mapping[Ref, Any], field: str) -> dict[Ref, list[Ref]]:
    """Who names a record in this field, by the reference of that record."""
    owners: dict[Ref, list[Ref]] = {}
    for ref, record in records.items():
        owners.setdefault(getattr(record, field), []).append(ref)
    return owners


class KeptModel:
    """The model of one pool, from one reading to the next.

    parts: the names of those that are wanted beside the objects of the specification.
    """

    def __init__(self, parts: Collection[str] = PARTS.keys()) -> None:
        self._parts = {name: PARTS[name] for name in sorted(parts)}
        self._records: Records | None = None
        self._builder: ModelBuilder  # as soon as there are records
        self._results = NO_RESULTS

    def update(
        self, records: Records, rrds: Rrds, results: PluginResults = NO_RESULTS
    ) -> tuple[PoolModel, Changes | None]:
        """What `build` gives, and what changed since the last time: None means that all may have.

        What RRDs measure is always set anew, and is not among the changes. The model is the
        same as the last time where it could be kept, with its objects changed; else the last
        one is taken apart.
        """
        before = self._records
        changed = None if before is None else _changed(before, records)
        if before is None or changed is None:
            self._start(records)
            changes = None
        else:
            new = [name for name, part in self._parts.items() if part.differs(before, records)]
            changes = Changes(new, set(self._apply(records, changed)))
        self._records = records
        builder = self._builder
        for name, part in self._parts.items():
            if changes is None or name in changes.parts:
                part.add(builder.model, records, builder.index)
        measure(records, rrds, builder.hosts, builder.vms)
        return builder.model, self._told(results, changes)

    def _told(self, results: PluginResults, changes: Changes | None) -> Changes | None:
        """Put in what the plugins have told; gives the changes with those that this makes."""
        if _PLUGINS not in self._parts or (changes is not None and results is self._results):
            return changes
        self._results = results
        self._builder.model.part(Plugins).take(results)
        return None if changes is None else Changes([*changes.parts, _PLUGINS], changes.uuids)

    def _start(self, records: Records) -> None:
        if self._records is not None:
            self._records = None
            unlink(self._builder.model)
        self._builder = builder = ModelBuilder(records)
        guests = {ref: records.vm[ref] for ref in builder.vms}
        self._by_metrics = _owners(guests, "metrics")
        self._by_guest_metrics = _owners(guests, "guest_metrics")
        self._by_controller_metrics = _owners(builder.controllers, "metrics")

    def _apply(self, records: Records, changed: _Changed) -> list[str]:
        """Put the changes into the objects, and give the UUIDs of these."""
        return [*self._apply_to_vms(records, changed), *self._apply_to_storage(records, changed)]

    def _apply_to_vms(self, records: Records, changed: _Changed) -> Iterator[str]:
        builder = self._builder
        for ref in changed.get("vm", ()):
            if (vm := builder.vms.get(ref)) is not None:
                state.set_operations(vm, records.vm[ref])
                yield vm.UUID
        for ref in changed.get("vm_metrics", ()):
            for vm_ref in self._by_metrics.get(ref, ()):
                vm = builder.vms[vm_ref]
                state.set_memory_size(vm.memory, records.vm[vm_ref], records)
                state.set_start_time(vm, records.vm_metrics[ref])
                yield vm.UUID
            for host_ref in self._by_controller_metrics.get(ref, ()):
                host = builder.hosts[host_ref]
                controller = builder.controllers[host_ref]
                state.set_memory_size(host.controller_memory, controller, records)
                yield host.UUID
        for ref in changed.get("vm_guest_metrics", ()):
            for vm_ref in self._by_guest_metrics.get(ref, ()):
                vm = builder.vms[vm_ref]
                state.set_guest(vm, records.vm_guest_metrics[ref])
                yield vm.UUID

    def _apply_to_storage(self, records: Records, changed: _Changed) -> Iterator[str]:
        builder = self._builder
        for ref in changed.get("sr", ()):
            if (sr := builder.srs.get(ref)) is not None:
                state.set_sr_sizes(sr, records.sr[ref])
                yield sr.UUID
        for ref in changed.get("vdi", ()):
            if (vdi := builder.vdis.get(ref)) is not None:
                state.set_vdi_usage(vdi, records.vdi[ref])
                yield vdi.UUID

"""The object model as JSON: the specification's own field names, nesting and units."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from xo_exporter.model.objects import (
    PBD,
    SR,
    VBD,
    VDI,
    VM,
    XO,
    XO_UUID,
    Host,
    Memory,
    Pool,
    PoolModel,
)

TYPES: Final = ("pool", "host", "VM", "SR", "PBD", "VDI", "VBD")
"""What `type` can be, in the order of the document."""

Json = dict[str, Any]
_Object = Pool | Host | VM | SR | PBD | VDI | VBD


def document(xo: XO, models: Sequence[PoolModel], only: str | None = None) -> Json:
    """The whole model: the singleton, then the objects by type; of one type with `only`."""
    groups: dict[str, list[Json]] = {
        "xo": [],  # it stands beside them
        "pool": [_pool(model.pool) for model in models],
        "host": [_host(host) for model in models for host in model.hosts],
        "VM": [_vm(vm) for model in models for vm in model.VMs],
        "SR": [_sr(sr) for model in models for sr in model.SRs],
        "PBD": [_pbd(pbd) for model in models for pbd in model.PBDs],
        "VDI": [_vdi(vdi) for model in models for vdi in model.VDIs],
        "VBD": [_vbd(vbd) for model in models for vbd in model.VBDs],
    }
    wanted = TYPES if only is None else (only,)
    return {"xo": _xo(xo), "objects": [thing for kind in wanted for thing in groups[kind]]}


def _uuid(thing: _Object | None) -> str | None:
    return None if thing is None else thing.UUID


def _uuids(things: Iterable[_Object]) -> list[str]:
    return [thing.UUID for thing in things]


def _memory(memory: Memory) -> Json:
    return {"size": memory.size, "usage": memory.usage}


def _percent(ratio: float | None) -> float | None:
    return None if ratio is None else ratio * 100


def _cpus(usages: Iterable[float | None]) -> list[Json]:
    return [{"usage": _percent(usage)} for usage in usages]


def _xo(xo: XO) -> Json:
    return {
        "type": "xo",
        "UUID": XO_UUID,
        "pools": _uuids(xo.pools),
        "$CPUs": xo.CPUs,
        "$running_VMs": xo.running_VMs,
        "$vCPUs": xo.vCPUs,
        "$memory": _memory(xo.memory),
    }


def _pool(pool: Pool) -> Json:
    return {
        "type": "pool",
        "UUID": pool.UUID,
        "name_label": pool.name_label,
        "name_description": pool.name_description,
        "tags": pool.tags,
        "SRs": _uuids(pool.SRs),
        "default_SR": _uuid(pool.default_SR),
        "HA_enabled": pool.HA_enabled,
        "hosts": _uuids(pool.hosts),
        "master": _uuid(pool.master),
        "VMs": _uuids(pool.VMs),
        "$running_hosts": _uuids(pool.running_hosts),
        "$running_VMs": _uuids(pool.running_VMs),
        "$VMs": _uuids(pool.all_VMs),
    }


def _host(host: Host) -> Json:
    return {
        "type": "host",
        "UUID": host.UUID,
        "name_label": host.name_label,
        "name_description": host.name_description,
        "tags": host.tags,
        "address": host.address or None,
        "controller": host.controller,
        "CPUs": _cpus(host.CPUs),
        "enabled": host.enabled,
        "hostname": host.hostname or None,
        "iSCSI_name": host.iSCSI_name,
        "memory": _memory(host.memory),
        "power_state": host.power_state,
        "SRs": _uuids(host.SRs),
        "VMs": _uuids(host.VMs),
        "$PBDs": _uuids(host.PBDs),
        "$pool": host.pool.UUID,
        "$running_VMs": _uuids(host.running_VMs),
        "$vCPUs": host.vCPUs,
    }


def _vm(vm: VM) -> Json:
    return {
        "type": "VM",
        "UUID": vm.UUID,
        "name_label": vm.name_label,
        "name_description": vm.name_description,
        "tags": vm.tags,
        "address": vm.address,
        "memory": _memory(vm.memory),
        "power_state": vm.power_state,
        "CPUs": _cpus(vm.CPUs),
        "$CPU_usage": _percent(vm.CPU_usage),
        "$container": vm.container.UUID,
        "$VBDs": _uuids(vm.VBDs),
    }


def _sr(sr: SR) -> Json:
    return {
        "type": "SR",
        "UUID": sr.UUID,
        "name_label": sr.name_label,
        "name_description": sr.name_description,
        "tags": sr.tags,
        "SR_type": sr.SR_type,
        "physical_usage": sr.physical_usage,
        "usage": sr.usage,
        "size": sr.size,
        "VDIs": _uuids(sr.VDIs),
        "$container": sr.container.UUID,
        "$PBDs": _uuids(sr.PBDs),
        "shared": sr.shared,
    }


def _pbd(pbd: PBD) -> Json:
    return {
        "type": "PBD",
        "UUID": pbd.UUID,
        "attached": pbd.attached,
        "host": _uuid(pbd.host),
        "SR": _uuid(pbd.SR),
    }


def _vdi(vdi: VDI) -> Json:
    return {
        "type": "VDI",
        "UUID": vdi.UUID,
        "name_label": vdi.name_label,
        "name_description": vdi.name_description,
        "usage": vdi.usage,
        "size": vdi.size,
        "$SR": _uuid(vdi.SR),
        "$VBD": _uuid(vdi.VBD),
    }


def _vbd(vbd: VBD) -> Json:
    return {
        "type": "VBD",
        "UUID": vbd.UUID,
        "VDI": _uuid(vbd.VDI),
        "VM": vbd.VM.UUID,
        "attached": vbd.attached,
        "device": vbd.device,
    }

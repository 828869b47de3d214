"""Disks that are attached to a control domain.

Xen Orchestra attaches a disk to one while it exports or imports it. A disk that stays attached,
after an export that broke off, can be neither deleted nor coalesced.
"""

from dataclasses import dataclass
from typing import Final

from xo_exporter.model.index import Index
from xo_exporter.model.objects import SR, Host, PoolModel
from xo_exporter.xapi.records import Records

_MOST: Final = 100
"""Disks that are named: what is beyond them is counted alone."""


@dataclass(slots=True, eq=False)
class ControllerDisk:
    """A disk, or a snapshot of one, and the control domain's host.

    `disk_uuid` is that of the disk that a snapshot is of, empty where it is none.
    """

    vdi_uuid: str
    disk_uuid: str
    vdi_name: str
    sr: SR | None
    host: Host

    @property
    def UUID(self) -> str:
        """That of the disk and that of the host: it may be attached to several."""
        return f"{self.vdi_uuid} {self.host.UUID}"


@dataclass(slots=True, eq=False)
class HostControllerDisks:
    """How many disks the control domain of a host has."""

    host: Host
    count: int = 0

    @property
    def UUID(self) -> str:
        """That of the host."""
        return self.host.UUID


@dataclass(slots=True, eq=False)
class ControllerDisks:
    """The number of disks by host, in the order of the hosts, and the first disks."""

    of_hosts: list[HostControllerDisks]
    disks: list[ControllerDisk]


def build(_model: PoolModel, records: Records, index: Index) -> ControllerDisks:
    """What is attached to the control domains, each disk once a host."""
    hosts = {
        ref: index.hosts[vm.resident_on]
        for ref, vm in records.vm.items()
        if vm.is_control_domain and vm.resident_on in index.hosts
    }
    for ref, host in index.hosts.items():
        if (controller := records.host[ref].control_domain) in records.vm:
            hosts[controller] = host
    found: dict[tuple[str, str], ControllerDisk] = {}
    for vbd in records.vbd.values():
        if vbd.VM in hosts and vbd.currently_attached and vbd.VDI in records.vdi:
            vdi, host = records.vdi[vbd.VDI], hosts[vbd.VM]
            disk = records.vdi.get(vdi.snapshot_of)
            found[vdi.uuid, host.UUID] = ControllerDisk(
                vdi.uuid, disk.uuid if disk else "", vdi.name_label, index.srs.get(vdi.SR), host
            )
    of_hosts = {host.UUID: HostControllerDisks(host) for host in index.hosts.values()}
    for _, host_uuid in found:
        of_hosts[host_uuid].count += 1
    return ControllerDisks(
        list(of_hosts.values()), [found[place] for place in sorted(found)[:_MOST]]
    )

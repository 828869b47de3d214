"""Which updates a host waits for, and what is to be done to bring them into force."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from xo_exporter.model import known
from xo_exporter.model.index import Index
from xo_exporter.model.objects import Host, PoolModel
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.records import Records

GUIDANCES: Final = (
    "reboot_host",
    "reboot_host_on_livepatch_failure",
    "reboot_host_on_kernel_livepatch_failure",
    "reboot_host_on_xen_livepatch_failure",
    "restart_toolstack",
)
"""What XAPI may ask for on a host after an update."""

SYNCED: Final = ("yes", "no", "unknown")
"""Whether a host has the updates that were last synchronised."""


@dataclass(slots=True, eq=False)
class HostUpdate:
    """The updates of a host.

    `guidances` are those that are asked for, by how much: "mandatory", "recommended" or "full",
    those of them that the server knows. `last_update` is a Unix time.
    """

    host: Host
    reboot_required: bool | None
    guidances: Mapping[str, frozenset[str]]
    pending: int | None
    synced: str | None
    last_update: int | None

    @property
    def UUID(self) -> str:
        """That of the host."""
        return self.host.UUID


@dataclass(slots=True, eq=False)
class HostUpdates:
    """Those of all hosts, in the order of the hosts."""

    hosts: list[HostUpdate]


def build(_model: PoolModel, records: Records, index: Index) -> HostUpdates:
    """The updates of each host, by its record and the pool's updates."""
    updates = list(records.pool_update.values())
    return HostUpdates(
        [
            HostUpdate(
                host=host,
                reboot_required=_reboot_required(record := records.host[ref]),
                guidances=_guidances(record),
                # XCP-ng has none: its packages are no objects of XAPI.
                pending=sum(ref not in update.hosts for update in updates) if updates else None,
                synced=synced
                if (synced := record.latest_synced_updates_applied) in SYNCED
                else None,
                last_update=known.timestamp(record.last_software_update),
            )
            for ref, host in index.hosts.items()
        ]
    )


def _guidances(record: xapi.Host) -> Mapping[str, frozenset[str]]:
    asked = {
        "mandatory": record.pending_guidances,
        "recommended": record.pending_guidances_recommended,
        "full": record.pending_guidances_full,
    }
    return {level: frozenset(names) for level, names in asked.items() if names is not None}


def _reboot_required(record: xapi.Host) -> bool | None:
    signs = []
    if record.updates_requiring_reboot is not None:
        signs.append(bool(record.updates_requiring_reboot))
    if record.pending_guidances is not None:
        signs.append("reboot_host" in record.pending_guidances)
    # XCP-ng's package manager leaves when it last brought something that needs one.
    booted = known.unix_time(record.other_config.boot_time)
    patched = known.unix_time(record.other_config.rpm_patch_installation_time)
    if booted is not None and patched is not None:
        signs.append(booted < patched)
    return any(signs) if signs else None

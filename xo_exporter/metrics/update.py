"""Metrics of updates: what waits to be installed, and what is to be done afterwards."""

from collections.abc import Iterator
from typing import Final

from xo_exporter.metrics import host, pool
from xo_exporter.metrics.table import Table, each_of, gauge, since, states
from xo_exporter.model.host_updates import GUIDANCES, SYNCED, HostUpdate, HostUpdates
from xo_exporter.model.pool_state import PoolState


def _guidances(update: HostUpdate) -> Iterator[tuple[tuple[str, str], bool]]:
    for level, asked in update.guidances.items():
        for guidance in GUIDANCES:
            yield (guidance, level), guidance in asked


TABLE: Final = Table[PoolState](
    collector="update",
    part="pool_state",
    objects=lambda model: [model.part(PoolState)],
    label_names=pool.TABLE.label_names,
    labels=lambda state, label: pool.TABLE.labels(state.pool, label),
    metrics=(
        since(
            "23.18",
            gauge(
                "xo_pool_last_update_sync_timestamp_seconds",
                "When a pool last synchronised its updates with their source, from "
                "pool.last_update_sync.",
                lambda state: state.last_update_sync,
            ),
        ),
    ),
)

HOST_TABLE: Final = Table[HostUpdate](
    collector="update",
    part="host_updates",
    objects=lambda model: model.part(HostUpdates).hosts,
    label_names=host.TABLE.label_names,
    labels=lambda update, label: host.TABLE.labels(update.host, label),
    metrics=(
        gauge(
            "xo_host_reboot_required",
            "Whether a host is to be restarted after an update: host.updates_requiring_reboot "
            "isn't empty, host.pending_guidances has reboot_host, or rpm_patch_installation_time "
            "of host.other_config is after boot_time.",
            lambda update: update.reboot_required,
        ),
        since(
            "21.3",
            each_of(
                "xo_host_pending_guidance",
                "1 for what is to be done on a host after an update, 0 for the rest, from "
                "host.pending_guidances (mandatory), pending_guidances_recommended and "
                "pending_guidances_full.",
                ("guidance", "level"),
                _guidances,
            ),
        ),
        gauge(
            "xo_host_pending_updates",
            "Updates in the pool that a host hasn't got, from pool_update.hosts; unknown in a pool "
            "without such, as XCP-ng's are.",
            lambda update: update.pending,
        ),
        since(
            "23.18",
            states(
                "xo_host_synced_updates_applied",
                "1 for whether a host has the updates that the pool last synchronised, 0 for the "
                "other answers, from host.latest_synced_updates_applied.",
                "applied",
                SYNCED,
                lambda update: update.synced,
            ),
        ),
        since(
            "22.20",
            gauge(
                "xo_host_last_software_update_timestamp_seconds",
                "When a host's software was last updated, from host.last_software_update.",
                lambda update: update.last_update,
            ),
        ),
    ),
)

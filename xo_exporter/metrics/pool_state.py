"""Metrics of what state a pool is in as a whole."""

from typing import Final

from xo_exporter.metrics import pool
from xo_exporter.metrics.table import Table, gauge, since
from xo_exporter.model.pool_state import PoolState

TABLE: Final = Table[PoolState](
    collector="pool_state",
    part="pool_state",
    objects=lambda model: [model.part(PoolState)],
    label_names=pool.TABLE.label_names,
    labels=lambda state, label: pool.TABLE.labels(state.pool, label),
    metrics=(
        gauge(
            "xo_pool_host_versions",
            "Different versions of the software that the hosts of a pool run, all keys of "
            "host.software_version taken together that name a version; 1 where all are alike.",
            lambda state: state.host_versions,
        ),
        gauge(
            "xo_pool_rolling_upgrade",
            "Whether the hosts of a pool are being upgraded one after the other, from "
            "pool.other_config rolling_upgrade_in_progress.",
            lambda state: state.rolling_upgrade,
        ),
        gauge(
            "xo_pool_wlb_enabled",
            "Whether workload balancing is on, from pool.wlb_enabled.",
            lambda state: state.WLB_enabled,
        ),
        gauge(
            "xo_pool_redo_log_enabled",
            "Whether changes of the pool's database are written to shared storage at once, from "
            "pool.redo_log_enabled.",
            lambda state: state.redo_log_enabled,
        ),
        since(
            "21.3",
            gauge(
                "xo_pool_tls_verification_enabled",
                "Whether hosts verify each other's certificates, from "
                "pool.tls_verification_enabled.",
                lambda state: state.TLS_verification_enabled,
            ),
        ),
        since(
            "21.3",
            gauge(
                "xo_pool_secret_rotation_pending",
                "Whether a change of the pool's secret was begun and not ended, from "
                "pool.is_psr_pending.",
                lambda state: state.secret_rotation_pending,
            ),
        ),
    ),
)

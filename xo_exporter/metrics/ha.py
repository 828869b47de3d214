"""Metrics of high availability, of pools where it is on."""

from typing import Final

from xo_exporter.metrics import host, pool
from xo_exporter.metrics.table import Table, gauge
from xo_exporter.model.host_state import HostState, HostStates
from xo_exporter.model.pool_state import PoolState

TABLE: Final = Table[PoolState](
    collector="ha",
    part="pool_state",
    objects=lambda model: [model.part(PoolState)] if model.pool.HA_enabled else [],
    label_names=pool.TABLE.label_names,
    labels=lambda state, label: pool.TABLE.labels(state.pool, label),
    metrics=(
        gauge(
            "xo_pool_ha_host_failures_to_tolerate",
            "Hosts that may fail with all protected VMs still to run, as it was asked for, from "
            "pool.ha_host_failures_to_tolerate.",
            lambda state: state.failures_to_tolerate,
        ),
        gauge(
            "xo_pool_ha_plan_exists_for",
            "Hosts that may fail now with a plan where their VMs go, from pool.ha_plan_exists_for; "
            "below xo_pool_ha_host_failures_to_tolerate there is no room for what was asked for.",
            lambda state: state.plan_exists_for,
        ),
        gauge(
            "xo_pool_ha_overcommitted",
            "Whether there is no room for all protected VMs after the failures that are to be "
            "tolerated, from pool.ha_overcommitted.",
            lambda state: state.is_overcommitted,
        ),
        gauge(
            "xo_pool_ha_allow_overcommit",
            "Whether changes that leave no room for the failures to be tolerated are allowed, from "
            "pool.ha_allow_overcommit.",
            lambda state: state.allows_overcommit,
        ),
        gauge(
            "xo_pool_ha_statefiles",
            "Disks that hosts write to so that the others see that they live, from "
            "pool.ha_statefiles.",
            lambda state: state.statefiles,
        ),
    ),
)

HOST_TABLE: Final = Table[HostState](
    collector="ha",
    part="host_state",
    objects=lambda model: model.part(HostStates).hosts if model.pool.HA_enabled else [],
    label_names=host.TABLE.label_names,
    labels=lambda state, label: host.TABLE.labels(state.host, label),
    metrics=(
        gauge(
            "xo_host_ha_statefiles",
            "State files that a host can reach, from host.ha_statefiles.",
            lambda state: state.statefiles,
        ),
        gauge(
            "xo_host_ha_network_peers",
            "Hosts whose heartbeats reach a host over the network, from host.ha_network_peers.",
            lambda state: state.network_peers,
        ),
    ),
)

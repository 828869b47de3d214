"""All tables, and a pool's families by them."""

from collections.abc import Mapping
from typing import Any, Final

from xo_exporter.metrics import (
    arrivals,
    backup,
    bond,
    certificate,
    cluster,
    controller_disk,
    cpu_states,
    exporter,
    ha,
    host,
    host_clock,
    host_controller,
    host_ha,
    host_hardware,
    host_load,
    host_network,
    host_state,
    host_storage,
    message,
    multipath,
    network,
    pbd,
    pif,
    plugin_host,
    plugin_sr,
    pool,
    pool_state,
    snapshot,
    sr,
    sr_health,
    task,
    update,
    vbd,
    vdi,
    vdi_health,
    vif,
    vm,
    vm_disk,
    vm_guest,
    vm_memory,
    vm_network,
    vm_scheduling,
    vm_state,
    xapi_process,
    xenopsd_process,
    xo,
)
from xo_exporter.metrics.source import SourceTable
from xo_exporter.metrics.table import Table

AnyTable = Table[Any] | SourceTable[Any]

OBJECT_TABLES: Final[tuple[AnyTable, ...]] = (
    pool.TABLE,
    pool_state.TABLE,
    ha.TABLE,
    update.TABLE,
    message.TABLE,
    task.TABLE,
    xapi_process.POOL_TABLE,
    host.TABLE,
    host_state.TABLE,
    update.HOST_TABLE,
    certificate.TABLE,
    ha.HOST_TABLE,
    cluster.TABLE,
    cluster.HOST_TABLE,
    host_load.TABLE,
    cpu_states.TABLE,
    host_controller.TABLE,
    host_controller.SOURCE_TABLE,
    host_storage.TABLE,
    host_storage.SOURCE_TABLE,
    host_storage.THROUGHPUT_TABLE,
    host_network.TABLE,
    host_hardware.TABLE,
    host_ha.TABLE,
    host_clock.TABLE,
    xapi_process.TABLE,
    xenopsd_process.TABLE,
    exporter.RRD_TABLE,
    plugin_host.STATUS_TABLE,
    plugin_host.UPDATER_TABLE,
    plugin_host.IPMI_TABLE,
    plugin_host.SMART_TABLE,
    message.HOST_TABLE,
    vm.TABLE,
    vm_state.TABLE,
    vm_state.POOL_TABLE,
    vm_guest.TABLE,
    vm_memory.TABLE,
    vm_memory.SOURCE_TABLE,
    vm_disk.TABLE,
    vm_disk.THROUGHPUT_TABLE,
    vm_scheduling.TABLE,
    vm_scheduling.NUMA_TABLE,
    vm_scheduling.PVS_TABLE,
    snapshot.TABLE,
    snapshot.POOL_TABLE,
    snapshot.SR_TABLE,
    backup.TABLE,
    backup.REPLICA_TABLE,
    controller_disk.TABLE,
    controller_disk.DISK_TABLE,
    vm_network.TABLE,
    vm_network.SOURCE_TABLE,
    message.VM_TABLE,
    sr.TABLE,
    sr_health.TABLE,
    message.SR_TABLE,
    plugin_sr.STATUS_TABLE,
    plugin_sr.XOSTOR_TABLE,
    pbd.TABLE,
    multipath.TABLE,
    multipath.HOST_TABLE,
    vdi.TABLE,
    vdi_health.TABLE,
    vdi_health.DETAILS_TABLE,
    vbd.TABLE,
    network.TABLE,
    network.POOL_TABLE,
    pif.TABLE,
    bond.TABLE,
    vif.TABLE,
)
"""The tables of a pool's objects, in the order of the exposition."""

ALL_TABLES: Final[tuple[AnyTable, ...]] = (
    exporter.BUILD_TABLE,
    exporter.POOL_TABLE,
    *arrivals.TABLES,
    xo.TABLE,
    *OBJECT_TABLES,
)

COLLECTORS: Final[Mapping[str, bool]] = {
    table.collector: table.default
    for table in (xo.TABLE, *OBJECT_TABLES)
    if table.collector != "exporter"
}
"""The collectors that can be switched, each with its default."""

ROLES: Final[Mapping[str, str]] = {
    table.collector: table.role
    for table in OBJECT_TABLES
    if isinstance(table, Table) and table.role != "read-only"
}
"""The role that each collector takes for which read-only is not enough."""

_PLUGIN: Final = "plugin_"


def is_on(table: AnyTable, collectors: Mapping[str, bool]) -> bool:
    """Whether a table is exported; the exporter's own, which are not in COLLECTORS, always are."""
    return collectors.get(table.collector, True)


def plugins(collectors: Mapping[str, bool]) -> frozenset[str]:
    """The plugins of hosts that the collectors which are on need, by the names of their values."""
    return frozenset(
        collector.removeprefix(_PLUGIN)
        for collector, default in COLLECTORS.items()
        if collector.startswith(_PLUGIN) and collectors.get(collector, default)
    )

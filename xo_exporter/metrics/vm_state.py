"""Metrics of how VMs are set up and what is being done with them."""

from typing import Final

from xo_exporter.metrics import pool, vm
from xo_exporter.metrics.table import Table, each, gauge, info, name_of, uuid_of
from xo_exporter.model.objects import VM, Pool


def _on_affinity(of: VM) -> bool | None:
    if of.affinity is None or of.power_state != "Running":
        return None
    return of.container is of.affinity


def _is_protected(of: VM) -> bool | None:
    priority = of.settings.ha_restart_priority
    return None if priority is None else priority == "restart"


TABLE: Final = Table[VM](
    collector="vm_state",
    objects=vm.TABLE.objects,
    label_names=vm.TABLE.label_names,
    labels=vm.TABLE.labels,
    metrics=(
        gauge(
            "xo_vm_start_timestamp_seconds",
            "When a running VM was started, from VM_metrics.start_time.",
            lambda vm: vm.start_time,
        ),
        each(
            "xo_vm_operations",
            "Operations on a VM that go on now, 1 for each kind, from VM.current_operations.",
            "operation",
            lambda vm: ((operation, 1) for operation in vm.current_operations),
        ),
        each(
            "xo_vm_operation_blocked",
            "1 for each power operation, migration or deletion of a VM that is blocked, from "
            "VM.blocked_operations.",
            "operation",
            lambda vm: ((operation, 1) for operation in vm.settings.blocked),
        ),
        info(
            "xo_vm_settings_info",
            "How a VM is set up: VM.ha_restart_priority, and the host that it is to run on, from "
            "VM.affinity.",
            {
                "ha_restart_priority": lambda vm: vm.settings.ha_restart_priority,
                "affinity": lambda vm: name_of(vm.affinity),
                "affinity_uuid": lambda vm: uuid_of(vm.affinity),
            },
        ),
        gauge(
            "xo_vm_ha_protected",
            "Whether HA restarts a VM whatever that takes, from VM.ha_restart_priority: restart, "
            "and no best-effort.",
            _is_protected,
        ),
        gauge(
            "xo_vm_ha_always_run",
            "Whether a VM is meant to run now, as far as HA is concerned: so from its start until "
            "it is shut down or suspended on purpose, from VM.ha_always_run.",
            lambda vm: vm.settings.ha_always_run,
        ),
        gauge(
            "xo_vm_on_affinity_host",
            "Whether a running VM is on the host that it is to run on, from VM.resident_on and "
            "VM.affinity; of VMs that are to run on one.",
            _on_affinity,
        ),
        gauge(
            "xo_vm_auto_poweron",
            "Whether a VM is to be started with its host, from VM.other_config auto_poweron; the "
            "pool has to say so, too.",
            lambda vm: vm.settings.auto_poweron,
        ),
        gauge(
            "xo_vm_vcpus_max",
            "Virtual CPUs that a VM can be given until it is shut down, from VM.VCPUs_max.",
            lambda vm: vm.settings.vcpus_max,
        ),
    ),
)

POOL_TABLE: Final = Table[Pool](
    collector=TABLE.collector,
    objects=pool.TABLE.objects,
    label_names=pool.TABLE.label_names,
    labels=pool.TABLE.labels,
    metrics=(
        gauge(
            "xo_pool_auto_poweron",
            "Whether VMs of a pool may be started with their hosts, from pool.other_config "
            "auto_poweron.",
            lambda pool: pool.auto_poweron,
        ),
    ),
)

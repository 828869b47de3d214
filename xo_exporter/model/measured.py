"""What the RRDs say of hosts and VMs, put into the objects of a model at each reading."""

from collections.abc import Mapping

from xo_exporter.model import usage
from xo_exporter.model.objects import VM, Host
from xo_exporter.rrd.values import NO_VALUES, HostRrd, Values
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.records import Records, Ref

Rrds = Mapping[Ref, HostRrd | None]
"""The RRDs of the live hosts by reference; None where they could not be read."""


def measure(records: Records, rrds: Rrds, hosts: Mapping[Ref, Host], vms: Mapping[Ref, VM]) -> None:
    """Set what is measured of hosts and VMs, unknown where `rrds` doesn't say; memory in bytes.

    Of a running host that has no entry in `rrds` it is unknown, too, whether they can be read.
    """
    for ref, host in hosts.items():
        record = records.host[ref]
        running = host.power_state == "Running"
        rrd = rrds.get(ref) if running else None
        _measure_host(host, records.host_metrics.get(record.metrics), rrd, running=running)
        host.rrd_up = (rrd is not None) if running and ref in rrds else None
    with_rrd = [(ref, rrd) for ref in sorted(rrds) if (rrd := rrds[ref]) is not None]
    for ref, vm in vms.items():
        if vm.power_state == "Running":
            vm.values, host_ref = _values_of(records.vm[ref], rrds, with_rrd)
            vm.values_host = hosts.get(host_ref)
            _measure_vm(vm)


def _measure_host(
    host: Host, metrics: xapi.HostMetrics | None, rrd: HostRrd | None, *, running: bool
) -> None:
    host.values = values = rrd.hosts.get(host.UUID, NO_VALUES) if rrd else NO_VALUES
    by_core = usage.by_core(values)
    host.CPUs = usage.of_cores(by_core, host.cpu_count)
    host.CPU_usage = usage.host_cpu(values, by_core)
    host.memory = usage.host_memory(metrics, values, running=running)
    controller = rrd.vms.get(host.controller or "", NO_VALUES) if rrd else NO_VALUES
    host.controller_values = controller
    host.controller_memory.usage = usage.vm_memory(controller)
    host.controller_CPU_usage = usage.vm_cpu(
        controller, usage.by_core(controller), host.xapi_version
    )
    host.rrd_age = rrd.age if rrd else None
    host.clock_offset = rrd.clock_offset if rrd else None


def _measure_vm(vm: VM) -> None:
    values = vm.values
    by_core = usage.by_core(values)
    vm.CPUs = usage.of_cores(by_core, vm.vCPUs)
    vm.CPU_usage = usage.vm_cpu(
        values, by_core, vm.values_host.xapi_version if vm.values_host else ""
    )
    vm.memory.usage = usage.vm_memory(values)


def _values_of(vm: xapi.VM, rrds: Rrds, with_rrd: list[tuple[Ref, HostRrd]]) -> tuple[Values, Ref]:
    """The RRD values of a VM, and the host that has them.

    That is the VM's own host, else, while it moves, one that still has it.
    """
    own = rrds.get(vm.resident_on)
    if own is not None and (values := own.vms.get(vm.uuid)) is not None:
        return values, vm.resident_on
    for ref, rrd in with_rrd:
        if (values := rrd.vms.get(vm.uuid)) is not None:
            return values, ref
    return NO_VALUES, ""

"""What is linked back: the lists of a parent's children, and the VBD of a disk."""

from xo_exporter.model import known
from xo_exporter.model.objects import Host, PoolModel


def fill_lists(model: PoolModel) -> None:
    """Fill all lists of pool, hosts and SRs; the order of UUID is that of `model`'s own lists."""
    pool = model.pool
    pool.hosts = list(model.hosts)
    pool.running_hosts = [host for host in model.hosts if host.power_state == "Running"]
    pool.SRs = [sr for sr in model.SRs if sr.shared]
    pool.all_VMs = list(model.VMs)
    _fill_vms(model)
    _fill_storage(model)


def _fill_vms(model: PoolModel) -> None:
    for vm in model.VMs:
        running = vm.power_state == "Running"
        if running:
            model.pool.running_VMs.append(vm)
        if isinstance(vm.container, Host):
            vm.container.VMs.append(vm)
            if running:
                vm.container.running_VMs.append(vm)
        elif not running:
            model.pool.VMs.append(vm)
    for host in model.hosts:
        host.vCPUs = known.count_of([vm.vCPUs for vm in host.running_VMs])


def _fill_storage(model: PoolModel) -> None:
    for sr in model.SRs:
        if isinstance(sr.container, Host):
            sr.container.SRs.append(sr)
    for pbd in model.PBDs:
        if pbd.host is not None:
            pbd.host.PBDs.append(pbd)
        if pbd.SR is not None:
            pbd.SR.PBDs.append(pbd)
    for vdi in model.VDIs:
        if vdi.SR is not None:
            vdi.SR.VDIs.append(vdi)


def link_disks(model: PoolModel) -> None:
    """Give each VM its VBDs, and each VDI its first one that is attached, else its first."""
    for vbd in model.VBDs:
        vbd.VM.VBDs.append(vbd)
        if vbd.VDI is None:
            continue
        first = vbd.VDI.VBD
        if first is None or (vbd.attached and not first.attached):
            vbd.VDI.VBD = vbd


def unlink(model: PoolModel) -> None:
    """Take apart a model that nobody needs any more, so that its memory is free at once.

    Its objects hold on to each other; until the garbage collector looked at them all, the next
    model would stand beside it.
    """
    pool = model.pool
    pool.SRs.clear()
    for hosts in (pool.hosts, pool.running_hosts):
        hosts.clear()
    for vms in (pool.VMs, pool.running_VMs, pool.all_VMs):
        vms.clear()
    pool.master = pool.default_SR = None
    for host in model.hosts:
        host.SRs.clear()
        host.VMs.clear()
        host.running_VMs.clear()
        host.PBDs.clear()
    for sr in model.SRs:
        sr.VDIs.clear()
        sr.PBDs.clear()
    for vm in model.VMs:
        vm.VBDs.clear()
        vm.values_host = None
    for vdi in model.VDIs:
        vdi.VBD = None
    model.parts.clear()

"""From XAPI's records and RRD values to the objects of the model, in one pure function.

Links between children and parents are taken from the child's field (`VBD.VM`, `VDI.SR`, …):
XAPI works the parents' lists out from those, so that both sides agree at any moment.
"""

from typing import get_args

from xo_exporter.model import known, usage
from xo_exporter.model.first import by_userdevice, by_uuid
from xo_exporter.model.guests import is_true, settings_of
from xo_exporter.model.index import Index
from xo_exporter.model.lists import fill_lists, link_disks
from xo_exporter.model.measured import Rrds, measure
from xo_exporter.model.objects import (
    PBD,
    SR,
    VBD,
    VDI,
    VM,
    Host,
    HostPowerState,
    Pool,
    PoolModel,
    VMPowerState,
)
from xo_exporter.model.parts import PARTS
from xo_exporter.model.plugins import Plugins
from xo_exporter.model.state import (
    set_guest,
    set_memory_size,
    set_operations,
    set_sr_sizes,
    set_start_time,
    set_vdi_usage,
)
from xo_exporter.plugins.values import NO_RESULTS, PluginResults
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.records import Records, Ref


def build(records: Records, rrds: Rrds, results: PluginResults = NO_RESULTS) -> PoolModel:
    """The object model of one pool; `results` is what the hosts' plugins have told.

    `records` holds exactly one pool record. A record without a UUID, or with one that another
    of its class has, is left out.
    """
    builder = ModelBuilder(records)
    for part in PARTS.values():
        part.add(builder.model, records, builder.index)
    measure(records, rrds, builder.hosts, builder.vms)
    builder.model.part(Plugins).take(results)
    return builder.model


def pool_identity(records: Records) -> tuple[str, str]:
    """UUID of the pool, and its name: `name_label`, else its master's; ("", "") without a pool."""
    for record in records.pool.values():
        master = records.host.get(record.master)
        return record.uuid, record.name_label or (master.name_label if master else "")
    return "", ""


def is_live(records: Records, host: xapi.Host) -> bool:
    """Whether a host runs, as the pool's master sees it."""
    metrics = records.host_metrics.get(host.metrics)
    return metrics is not None and metrics.live is True


def _tags(tags: list[str]) -> list[str]:
    return sorted({tag for tag in tags if tag})


class ModelBuilder:
    """Builds a model from records, without what RRDs say, and keeps its objects by reference.

    `controllers` has the record of each host's control domain, where there is one, by the
    reference of the host.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self.hosts: dict[Ref, Host] = {}
        self.controllers: dict[Ref, xapi.VM] = {}
        self.srs: dict[Ref, SR] = {}
        self.vms: dict[Ref, VM] = {}
        self.vdis: dict[Ref, VDI] = {}
        self._first_pbd: dict[Ref, PBD] = {}
        self._vbds_of_vm: dict[Ref, list[tuple[Ref, xapi.VBD]]] = {}
        self._pbds: list[PBD] = []
        self.model = self._build()
        self.index = Index(self.hosts, self.vms, self.srs, self.vdis)

    def _build(self) -> PoolModel:
        pool_record = next(iter(self._records.pool.values()))
        master = self._records.host.get(pool_record.master)
        self._pool = pool = Pool(
            UUID=pool_record.uuid,
            name_label=pool_record.name_label or (master.name_label if master else ""),
            name_description=pool_record.name_description,
            tags=_tags(pool_record.tags),
            HA_enabled=pool_record.ha_enabled,
            auto_poweron=is_true(pool_record.other_config.auto_poweron),
            labels=xapi.chosen_labels(pool_record),
        )
        for ref, host in by_uuid(self._records.host):
            self.hosts[ref] = self._host(ref, host)
        self._add_storage()
        self._add_vms()
        vbds = self._add_vbds()
        pool.master = self.hosts.get(pool_record.master)
        pool.default_SR = self.srs.get(pool_record.default_SR)
        model = PoolModel(
            pool=pool,
            hosts=list(self.hosts.values()),
            VMs=list(self.vms.values()),
            SRs=list(self.srs.values()),
            PBDs=self._pbds,
            VDIs=list(self.vdis.values()),
            VBDs=vbds,
        )
        fill_lists(model)
        link_disks(model)
        return model

    def _host(self, ref: Ref, record: xapi.Host) -> Host:
        metrics = self._records.host_metrics.get(record.metrics)
        power_state: HostPowerState | None = None
        if metrics is not None and metrics.live is not None:
            power_state = "Running" if metrics.live else "Halted"
        host = Host(
            UUID=record.uuid,
            name_label=record.name_label,
            name_description=record.name_description,
            tags=_tags(record.tags),
            pool=self._pool,
            address=record.address,
            hostname=record.hostname,
            enabled=record.enabled,
            iSCSI_name=record.iscsi_iqn or record.other_config.iscsi_iqn or None,
            controller=None,
            power_state=power_state,
            product_brand=record.software_version.product_brand,
            product_version=record.software_version.product_version,
            xapi_version=record.software_version.xapi,
            xen_version=record.software_version.xen,
            cpu_count=known.count(known.integer(record.cpu_info.cpu_count)),
            labels=xapi.chosen_labels(record),
        )
        controller = self._controller(ref, record)
        if controller is not None:
            self.controllers[ref] = controller
            host.controller = controller.uuid or None
            host.controller_vCPUs = self._vcpus(controller)
            set_memory_size(host.controller_memory, controller, self._records)
        return host

    def _controller(self, ref: Ref, record: xapi.Host) -> xapi.VM | None:
        controller = self._records.vm.get(record.control_domain)
        if controller is not None:
            return controller
        domains = (
            vm for vm in self._records.vm.values() if vm.is_control_domain and vm.resident_on == ref
        )
        return min(domains, key=lambda vm: vm.uuid, default=None)

    def _add_storage(self) -> None:
        pbds = by_uuid(self._records.pbd)
        for _, pbd in pbds:
            link = PBD(
                UUID=pbd.uuid,
                attached=pbd.currently_attached,
                host=self.hosts.get(pbd.host),
                SR=None,
            )
            self._pbds.append(link)
            self._first_pbd.setdefault(pbd.SR, link)
        for ref, sr in by_uuid(self._records.sr):
            first = self._first_pbd.get(ref)
            local = first.host if first and not sr.shared else None
            self.srs[ref] = SR(
                UUID=sr.uuid,
                name_label=sr.name_label,
                name_description=sr.name_description,
                tags=_tags(sr.tags),
                SR_type=sr.type,
                shared=sr.shared,
                container=local or self._pool,
                pool=self._pool,
                labels=xapi.chosen_labels(sr),
            )
            set_sr_sizes(self.srs[ref], sr)
        for (_, pbd), link in zip(pbds, self._pbds, strict=True):
            link.SR = self.srs.get(pbd.SR)
        for ref, vdi in by_uuid(self._records.vdi, self._is_disk):
            self.vdis[ref] = VDI(
                UUID=vdi.uuid,
                name_label=vdi.name_label,
                name_description=vdi.name_description,
                size=known.count(vdi.virtual_size),
                SR=self.srs.get(vdi.SR),
                labels=xapi.chosen_labels(vdi),
            )
            set_vdi_usage(self.vdis[ref], vdi)

    def _add_vms(self) -> None:
        guests = by_uuid(self._records.vm, self._is_guest)
        self._vbds_of_vm = {ref: [] for ref, _ in guests}
        for ref, vbd in by_uuid(self._records.vbd):
            if vbd.VM in self._vbds_of_vm:
                self._vbds_of_vm[vbd.VM].append((ref, vbd))
        for vbds in self._vbds_of_vm.values():
            vbds.sort(key=lambda entry: by_userdevice(entry[1]))
        for ref, vm in guests:
            self.vms[ref] = self._vm(ref, vm)

    def _is_disk(self, vdi: xapi.VDI) -> bool:
        # What `snapshot_of` names tells a snapshot, too: there are records without the flag.
        snapshot = vdi.is_a_snapshot or vdi.snapshot_of in self._records.vdi
        return vdi.managed and not snapshot

    def _is_guest(self, vm: xapi.VM) -> bool:
        snapshot = vm.is_a_snapshot or vm.snapshot_of in self._records.vm
        return not (snapshot or vm.is_a_template or vm.is_control_domain)

    def _vcpus(self, vm: xapi.VM) -> int | None:
        metrics = self._records.vm_metrics.get(vm.metrics)
        running = vm.power_state == "Running"
        vcpus = known.positive(metrics.VCPUs_number) if running and metrics else None
        return known.count(vm.VCPUs_at_startup) if vcpus is None else vcpus

    def _vm(self, ref: Ref, record: xapi.VM) -> VM:
        vcpus = self._vcpus(record)
        vm = VM(
            UUID=record.uuid,
            name_label=record.name_label,
            name_description=record.name_description,
            tags=_tags(record.tags),
            power_state=_vm_power_state(record.power_state),
            vCPUs=vcpus,
            container=self._container(ref, record),
            pool=self._pool,
            CPUs=usage.of_cores({}, vcpus),
            affinity=self.hosts.get(record.affinity),
            settings=settings_of(record),
            labels=xapi.chosen_labels(record),
        )
        set_memory_size(vm.memory, record, self._records)
        set_start_time(vm, self._records.vm_metrics.get(record.metrics))
        set_operations(vm, record)
        set_guest(vm, self._records.vm_guest_metrics.get(record.guest_metrics))
        return vm

    def _container(self, ref: Ref, record: xapi.VM) -> Host | Pool:
        resident_on = self.hosts.get(record.resident_on)
        if resident_on is not None:
            return resident_on
        for _, vbd in self._vbds_of_vm[ref]:
            disk = self._records.vdi.get(vbd.VDI)
            if vbd.type == "CD" or disk is None or vbd.VDI not in self.vdis:
                continue
            sr = self.srs.get(disk.SR)
            if sr is not None and not sr.shared:
                first = self._first_pbd.get(disk.SR)
                return (first.host if first else None) or self._pool
        return self._pool

    def _add_vbds(self) -> list[VBD]:
        """The VBDs of all VMs in the order of UUID."""
        found = [
            VBD(
                UUID=record.uuid,
                attached=record.currently_attached,
                device=record.device or None,
                VDI=self.vdis.get(record.VDI),
                VM=self.vms[vm_ref],
            )
            for vm_ref, vbds in self._vbds_of_vm.items()
            for _, record in vbds
        ]
        return sorted(found, key=lambda vbd: vbd.UUID)


def _vm_power_state(text: str) -> VMPowerState | None:
    states: tuple[VMPowerState, ...] = get_args(VMPowerState)
    return next((state for state in states if state == text), None)

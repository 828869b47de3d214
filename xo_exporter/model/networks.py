"""From records to networks, what connects hosts and VMs to them, and what a data source means.

A data source names an interface by its device: of a host the NIC or bond of that name, never a
VLAN on it, which has the same device; of a VM the number of its VIF.
"""

import ipaddress
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from xo_exporter.model import known
from xo_exporter.model.first import by_uuid
from xo_exporter.model.index import Index
from xo_exporter.model.network_objects import (
    PIF,
    VIF,
    Bond,
    HostNetwork,
    Network,
    Networks,
    PIFKind,
    PoolNetwork,
    VMNetwork,
)
from xo_exporter.model.objects import PoolModel
from xo_exporter.xapi import records as xapi
from xo_exporter.xapi.records import Records, Ref

_MBIT: Final = 1_000_000 // 8
_NO_SPEED: Final = frozenset({65_535, 4_294_967_295})
"""What drivers that know of no speed give: -1, cut to 16 or to 32 bits."""

_TO_START: Final = frozenset({"start", "start_on"})


def build(model: PoolModel, records: Records, index: Index) -> Networks:
    """The networks of a pool, with the VIFs of real VMs alone."""
    networks = {ref: _network(record) for ref, record in by_uuid(records.network)}
    masters = {bond.master for bond in records.bond.values()}
    pifs = {
        ref: _pif(record, _kind(record, is_bond=ref in masters), records, index, networks)
        for ref, record in by_uuid(records.pif)
    }
    links = Counter(record.bond_slave_of for record in records.pif.values())
    bonds = [
        Bond(
            UUID=record.uuid,
            master=pifs.get(record.master),
            mode=record.mode,
            links=links[ref],
            links_up=known.count(record.links_up),
        )
        for ref, record in by_uuid(records.bond)
    ]
    vifs = _vifs(records, index, networks)
    duplicates = _mark_shared_macs(vifs, records, index)
    for pif in pifs.values():
        if pif.network is not None:
            pif.network.PIFs += 1
    return Networks(
        networks=list(networks.values()),
        PIFs=list(pifs.values()),
        bonds=bonds,
        VIFs=vifs,
        hosts=_of_hosts(model, pifs.values()),
        VMs=_of_vms(model, vifs),
        pools=[PoolNetwork(model.pool, duplicates)],
    )


def _network(record: xapi.Network) -> Network:
    return Network(
        UUID=record.uuid,
        name_label=record.name_label,
        name_description=record.name_description,
        bridge=record.bridge,
        tags=sorted({tag for tag in record.tags if tag}),
        MTU=known.positive(record.MTU),
        labels=xapi.chosen_labels(record),
    )


def _kind(pif: xapi.PIF, *, is_bond: bool) -> PIFKind | None:
    if pif.VLAN >= 0:
        return "vlan"
    if is_bond:
        return "bond"
    if pif.physical:
        return "physical"
    if pif.tunnel_access_PIF_of:
        return "tunnel"
    return "sriov" if pif.sriov_logical_PIF_of else None


def _pif(
    record: xapi.PIF,
    kind: PIFKind | None,
    records: Records,
    index: Index,
    networks: Mapping[Ref, Network],
) -> PIF:
    bond = records.bond.get(record.bond_slave_of)
    master = records.pif.get(bond.master) if bond else None
    pif = PIF(
        UUID=record.uuid,
        host=index.hosts.get(record.host),
        network=networks.get(record.network),
        device=record.device,
        kind=kind,
        VLAN=record.VLAN if record.VLAN >= 0 else None,
        bond=master.device if master else None,
        MAC=record.MAC.lower(),
        MTU=known.positive(record.MTU),
        address=_address(record),
        management=record.management,
        attached=record.currently_attached,
    )
    metrics = records.pif_metrics.get(record.metrics)
    if metrics is not None and kind in ("physical", "bond"):
        pif.carrier = metrics.carrier
        pif.vendor_name, pif.device_name = metrics.vendor_name, metrics.device_name
        speed = known.positive(metrics.speed)
        if metrics.carrier and speed is not None and speed not in _NO_SPEED:
            pif.speed = speed * _MBIT
            # XAPI writes that it is not where it doesn't know; then it knows no speed, either.
            pif.full_duplex = metrics.duplex
    return pif


def _address(pif: xapi.PIF) -> str | None:
    """The IPv4 address, else the first IPv6 address that isn't link-local."""
    if pif.IP:
        return pif.IP
    for text in pif.IPv6:
        try:
            interface = ipaddress.IPv6Interface(text)
        except ValueError:
            continue
        if not interface.is_link_local:
            return str(interface.ip)
    return None


def _vifs(records: Records, index: Index, networks: Mapping[Ref, Network]) -> list[VIF]:
    vifs = []
    for _, record in by_uuid(records.vif, lambda vif: vif.VM in index.vms):
        network = networks.get(record.network)
        if network is not None:
            network.VIFs += 1
        vifs.append(
            VIF(
                UUID=record.uuid,
                VM=index.vms[record.VM],
                network=network,
                device=record.device,
                MAC=record.MAC.lower(),
                attached=record.currently_attached,
            )
        )
    return vifs


def _mark_shared_macs(vifs: Iterable[VIF], records: Records, index: Index) -> int:
    """Mark the VIFs that share their MAC address, and count these addresses.

    A VM that cannot be started is left out, as Xen Orchestra does: its replicas of a VM have the
    addresses of that VM, and are not to be started.
    """
    not_to_start = {
        vm.UUID
        for ref, vm in index.vms.items()
        if records.vm[ref].blocked_operations.keys() >= _TO_START
    }
    counted = [vif for vif in vifs if vif.MAC and vif.VM.UUID not in not_to_start]
    times = Counter(vif.MAC for vif in counted)
    for vif in counted:
        vif.shares_MAC = times[vif.MAC] > 1
    return sum(count > 1 for count in times.values())


def _of_hosts(model: PoolModel, pifs: Iterable[PIF]) -> list[HostNetwork]:
    networks = {host.UUID: HostNetwork(host) for host in model.hosts}
    for pif in pifs:
        if pif.host is not None and pif.kind in ("physical", "bond"):
            networks[pif.host.UUID].interfaces.setdefault(pif.device, pif)
    return list(networks.values())


def _of_vms(model: PoolModel, vifs: Iterable[VIF]) -> list[VMNetwork]:
    networks = {vm.UUID: VMNetwork(vm) for vm in model.VMs}
    for vif in vifs:
        network = networks[vif.VM.UUID]
        network.VIFs.append(vif)
        network.by_number.setdefault(vif.device, vif)
    return list(networks.values())

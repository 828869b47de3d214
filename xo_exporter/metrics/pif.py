"""Metrics of PIFs, the interfaces of hosts: NICs, bonds, VLANs, tunnels.

A NIC that belongs to a bond has the label `bond`; XAPI holds it not to be attached. Carrier and
speed are those of NICs and bonds alone: a VLAN has the link of what it lies on, and a link that is
down would be told of once for each VLAN.
"""

from typing import Final

from xo_exporter.metrics.table import Table, gauge, info, uuid_of
from xo_exporter.model.network_objects import PIF, Network, Networks


def network_name(network: Network | None) -> str | None:
    """The name of a linked network, if there is one."""
    return None if network is None else network.name_label


def network_uuid(network: Network | None) -> str | None:
    """The UUID of a linked network, if there is one."""
    return None if network is None else network.UUID


def _yes_or_no(value: bool | None) -> str | None:  # noqa: FBT001  what a row reads
    return None if value is None else str(value).lower()


TABLE: Final = Table[PIF](
    collector="pif",
    part="networks",
    objects=lambda model: model.part(Networks).PIFs,
    label_names=("uuid", "pool", "container", "device", "network", "bond"),
    labels=lambda pif, pool: (
        ("uuid", pif.UUID),
        ("pool", pool),
        ("container", pif.host.name_label if pif.host else None),
        ("device", pif.device),
        ("network", network_name(pif.network)),
        ("bond", pif.bond),
    ),
    metrics=(
        info(
            "xo_pif_info",
            "An interface of a host: kind, VLAN, addresses, whether XAPI is reached by it "
            "(PIF.management), and its card, from PIF_metrics.",
            {
                "pif_type": lambda pif: pif.kind,
                "vlan": lambda pif: None if pif.VLAN is None else str(pif.VLAN),
                "mac": lambda pif: pif.MAC,
                "address": lambda pif: pif.address,
                "management": lambda pif: _yes_or_no(pif.management),
                "vendor_name": lambda pif: pif.vendor_name,
                "device_name": lambda pif: pif.device_name,
                "host_uuid": lambda pif: uuid_of(pif.host),
                "network_uuid": lambda pif: network_uuid(pif.network),
            },
        ),
        gauge(
            "xo_pif_attached",
            "Whether an interface is up, from PIF.currently_attached; 0 for a NIC in a bond.",
            lambda pif: pif.attached,
        ),
        gauge(
            "xo_pif_carrier",
            "Whether a NIC or bond has a link, from PIF_metrics.carrier.",
            lambda pif: pif.carrier,
        ),
        gauge(
            "xo_pif_speed_bytes_per_second",
            "Speed of the link of a NIC or bond, from PIF_metrics.speed.",
            lambda pif: pif.speed,
        ),
        gauge(
            "xo_pif_full_duplex",
            "Whether a link carries both directions at once, from PIF_metrics.duplex.",
            lambda pif: pif.full_duplex,
        ),
        gauge(
            "xo_pif_mtu_bytes",
            "Largest packet of an interface of a host, from PIF.MTU.",
            lambda pif: pif.MTU,
        ),
    ),
)

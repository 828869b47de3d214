"""Metrics of VIFs, the interfaces of VMs."""

from typing import Final

from xo_exporter.metrics.pif import network_name, network_uuid
from xo_exporter.metrics.table import Table, each, gauge, info
from xo_exporter.model.network_objects import VIF, Networks

TABLE: Final = Table[VIF](
    collector="vif",
    part="networks",
    objects=lambda model: model.part(Networks).VIFs,
    label_names=("uuid", "pool", "container", "device", "network"),
    labels=lambda vif, pool: (
        ("uuid", vif.UUID),
        ("pool", pool),
        ("container", vif.VM.name_label),
        ("device", vif.device),
        ("network", network_name(vif.network)),
    ),
    metrics=(
        info(
            "xo_vif_info",
            "A link of a VM and a network, with its MAC address (VIF.MAC).",
            {
                "mac": lambda vif: vif.MAC,
                "vm_uuid": lambda vif: vif.VM.UUID,
                "network_uuid": lambda vif: network_uuid(vif.network),
            },
        ),
        gauge(
            "xo_vif_attached",
            "Whether a VIF is plugged in, from VIF.currently_attached.",
            lambda vif: vif.attached,
        ),
        each(
            "xo_vif_duplicate_mac",
            "1 for a VIF whose MAC address (VIF.MAC) another VIF of the pool has too, those of VMs "
            "whose start is blocked left out; no sample for any other.",
            "mac",
            lambda vif: ((vif.MAC, 1),) if vif.shares_MAC else (),
        ),
    ),
)

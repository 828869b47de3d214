"""Metrics of networks, and of a pool's MAC addresses."""

from typing import Final

from xo_exporter.metrics import pool
from xo_exporter.metrics.table import Table, gauge, info, tags
from xo_exporter.model.network_objects import Network, Networks, PoolNetwork

TABLE: Final = Table[Network](
    collector="network",
    part="networks",
    objects=lambda model: model.part(Networks).networks,
    label_names=("uuid", "name_label", "pool", "container"),
    labels=lambda network, pool: (
        ("uuid", network.UUID),
        ("name_label", network.name_label),
        ("pool", pool),
        ("container", pool),
    ),
    metrics=(
        info(
            "xo_network_info",
            "A network: description and bridge (network.bridge).",
            {
                "name_description": lambda network: network.name_description,
                "bridge": lambda network: network.bridge,
            },
        ),
        tags(
            "xo_network_tag_info",
            "A tag of a network, from network.tags.",
            lambda network: network.tags,
        ),
        gauge(
            "xo_network_mtu_bytes",
            "Largest packet of a network, from network.MTU.",
            lambda network: network.MTU,
        ),
        gauge(
            "xo_network_pifs",
            "PIFs that connect hosts to a network, by PIF.network; 0 for one that is internal.",
            lambda network: network.PIFs,
        ),
        gauge(
            "xo_network_vifs",
            "VIFs that connect VMs to a network, by VIF.network.",
            lambda network: network.VIFs,
        ),
    ),
)

POOL_TABLE: Final = Table[PoolNetwork](
    collector="network",
    part="networks",
    objects=lambda model: model.part(Networks).pools,
    label_names=pool.TABLE.label_names,
    labels=lambda network, label: pool.TABLE.labels(network.pool, label),
    metrics=(
        gauge(
            "xo_pool_duplicate_macs",
            "MAC addresses (VIF.MAC) that more than one VIF has, those of VMs whose start is "
            "blocked not counted.",
            lambda network: network.duplicate_MACs,
        ),
    ),
)

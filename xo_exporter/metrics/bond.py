"""Metrics of bonds, several NICs of a host as one."""

from typing import Final

from xo_exporter.metrics.pif import network_name
from xo_exporter.metrics.table import Table, gauge, info, uuid_of
from xo_exporter.model.network_objects import Bond, Networks
from xo_exporter.model.objects import Host


def _host(bond: Bond) -> Host | None:
    return bond.master.host if bond.master else None


TABLE: Final = Table[Bond](
    collector="bond",
    part="networks",
    objects=lambda model: model.part(Networks).bonds,
    label_names=("uuid", "pool", "container", "device", "network"),
    labels=lambda bond, pool: (
        ("uuid", bond.UUID),
        ("pool", pool),
        ("container", host.name_label if (host := _host(bond)) else None),
        ("device", bond.master.device if bond.master else None),
        ("network", network_name(bond.master.network) if bond.master else None),
    ),
    metrics=(
        info(
            "xo_bond_info",
            "A bond: how it shares out traffic (Bond.mode), its own PIF (Bond.master) and host.",
            {
                "mode": lambda bond: bond.mode,
                "pif_uuid": lambda bond: bond.master.UUID if bond.master else None,
                "host_uuid": lambda bond: uuid_of(_host(bond)),
            },
        ),
        gauge("xo_bond_links", "NICs of a bond, by PIF.bond_slave_of.", lambda bond: bond.links),
        gauge(
            "xo_bond_links_up",
            "NICs of a bond that have a link, from Bond.links_up.",
            lambda bond: bond.links_up,
        ),
    ),
)

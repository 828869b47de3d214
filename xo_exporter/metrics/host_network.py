"""Metrics of the traffic of hosts by interface, from their RRDs.

The sources pif_aggr_rx and pif_aggr_tx are left out: they sum up NICs and the bonds of them, which
counts bonds twice. A NIC in a bond has the label `bond`: `sum by (uuid) (...{bond=""})` is a
host's traffic.
"""

from typing import Final

from xo_exporter.metrics import host
from xo_exporter.metrics.pif import network_name
from xo_exporter.metrics.source import Match, Source, SourceTable
from xo_exporter.model.network_objects import HostNetwork, Networks

# The traffic of a VLAN, which has a dot in its device, is in that of what it lies on.
_DEVICE: Final = r"(?!aggr_)([^.]+)"


def _interface(network: HostNetwork, match: Match) -> tuple[str | None, ...]:
    device = match[1]
    pif = network.interfaces.get(device)
    return (device, network_name(pif.network), pif.bond) if pif else (device, None, None)


def _of_interface(name: str, help_text: str, source: str) -> Source[HostNetwork]:
    return Source(
        name,
        help_text,
        f"pif_{_DEVICE}_{source}",
        labels=("device", "network", "bond"),
        label_values=_interface,
    )


TABLE: Final = SourceTable[HostNetwork](
    collector="host_network",
    part="networks",
    objects=lambda model: model.part(Networks).hosts,
    label_names=host.TABLE.label_names,
    labels=lambda network, pool: host.TABLE.labels(network.host, pool),
    values=lambda network: network.host.values,
    metrics=(
        _of_interface(
            "xo_host_network_receive_bytes_per_second",
            "Traffic that a host receives on each NIC and bond, from RRD pif_*_rx.",
            "rx",
        ),
        _of_interface(
            "xo_host_network_transmit_bytes_per_second",
            "Traffic that a host sends on each NIC and bond, from RRD pif_*_tx.",
            "tx",
        ),
        _of_interface(
            "xo_host_network_receive_errors_per_second",
            "Packets that each NIC and bond of a host received wrong, from RRD pif_*_rx_errors, "
            "which is not recorded by default.",
            "rx_errors",
        ),
        _of_interface(
            "xo_host_network_transmit_errors_per_second",
            "Packets that each NIC and bond of a host failed to send, from RRD pif_*_tx_errors, "
            "which is not recorded by default.",
            "tx_errors",
        ),
    ),
)

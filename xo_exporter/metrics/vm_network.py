"""Metrics of the traffic of VMs by VIF, from the RRDs, and of how many VIFs they have.

Received is what the VM receives. A source stays in the RRDs when its VIF is unplugged, and some
builds of xapi before 24.40 kept its last value; so those of VIFs that are not plugged in are left
out.
"""

from typing import Final

from xo_exporter.metrics import vm
from xo_exporter.metrics.pif import network_name
from xo_exporter.metrics.source import Match, Source, SourceTable
from xo_exporter.metrics.table import Pair, Table, gauge
from xo_exporter.model.network_objects import Networks, VMNetwork
from xo_exporter.model.objects import PoolModel

_COLLECTOR: Final = "vm_network"
_PART: Final = "networks"


def _objects(model: PoolModel) -> list[VMNetwork]:
    return model.part(Networks).VMs


def _labels(network: VMNetwork, pool: str) -> tuple[Pair, ...]:
    return vm.TABLE.labels(network.VM, pool)


def _vif(network: VMNetwork, match: Match) -> tuple[str | None, ...] | None:
    vif = network.by_number.get(match[1])
    if vif is None or vif.attached is False:
        return None
    return vif.device, network_name(vif.network)


def _of_vif(name: str, help_text: str, source: str) -> Source[VMNetwork]:
    return Source(
        name, help_text, f"vif_([0-9]+)_{source}", labels=("device", "network"), label_values=_vif
    )


TABLE: Final = Table[VMNetwork](
    collector=_COLLECTOR,
    part=_PART,
    objects=_objects,
    label_names=vm.TABLE.label_names,
    labels=_labels,
    metrics=(
        gauge("xo_vm_vifs", "VIFs of a VM, by VIF.VM.", lambda network: len(network.VIFs)),
        gauge(
            "xo_vm_attached_vifs",
            "VIFs of a VM that are plugged in, by VIF.currently_attached.",
            lambda network: sum(vif.attached is True for vif in network.VIFs),
        ),
    ),
)

SOURCE_TABLE: Final = SourceTable[VMNetwork](
    collector=_COLLECTOR,
    part=_PART,
    objects=_objects,
    label_names=vm.TABLE.label_names,
    labels=_labels,
    values=lambda network: network.VM.values,
    metrics=(
        _of_vif(
            "xo_vm_network_receive_bytes_per_second",
            "Traffic that a VM receives on each VIF, from RRD vif_N_rx.",
            "rx",
        ),
        _of_vif(
            "xo_vm_network_transmit_bytes_per_second",
            "Traffic that a VM sends on each VIF, from RRD vif_N_tx.",
            "tx",
        ),
        _of_vif(
            "xo_vm_network_receive_errors_per_second",
            "Packets that each VIF of a VM received wrong, from RRD vif_N_rx_errors, which is not "
            "recorded by default.",
            "rx_errors",
        ),
        _of_vif(
            "xo_vm_network_transmit_errors_per_second",
            "Packets that each VIF of a VM failed to send, from RRD vif_N_tx_errors, which is not "
            "recorded by default.",
            "tx_errors",
        ),
    ),
)

"""The XAPI records that the object model is built from, as typed structs of the wanted fields.

A field is named as in XAPI. An absent field (older servers lack the newer ones) takes its
default: None where the model then says unknown. XAPI writes integers as decimal strings, so
records are converted leniently (`strict=False`); no map of XAPI is kept whole, only the keys
that are named here, since maps hold what users and plugins put there, passwords included.

Records hold texts and lists of texts, never what could hold them: the garbage collector need
not look at them (`gc=False`), of which a large pool has tens of thousands.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from xo_exporter.xapi.records.clusters import Cluster, ClusterHost
from xo_exporter.xapi.records.hosts import (
    HOST_OPERATIONS,
    CpuInfo,
    Host,
    HostMetrics,
    HostOtherConfig,
    Pool,
    SoftwareVersion,
)
from xo_exporter.xapi.records.labelled import chosen_labels, with_labels
from xo_exporter.xapi.records.messages import Message, Task
from xo_exporter.xapi.records.networks import PIF, VIF, Bond, Network, PIFMetrics
from xo_exporter.xapi.records.reference import NULL_REF, Ref
from xo_exporter.xapi.records.storage import MPATH, PBD, SM, SR, VBD, VDI, VDIOtherConfig
from xo_exporter.xapi.records.updates import Certificate, PoolUpdate
from xo_exporter.xapi.records.vms import (
    VM,
    OsVersion,
    VMGuestMetrics,
    VMMetrics,
    VMOtherConfig,
)

__all__ = [
    "BASE",
    "CLASSES",
    "HOST_OPERATIONS",
    "MPATH",
    "NULL_REF",
    "PBD",
    "PIF",
    "SM",
    "SR",
    "VBD",
    "VDI",
    "VIF",
    "VM",
    "Bond",
    "Certificate",
    "Cluster",
    "ClusterHost",
    "CpuInfo",
    "Host",
    "HostMetrics",
    "HostOtherConfig",
    "Message",
    "Network",
    "OsVersion",
    "PIFMetrics",
    "Pool",
    "PoolUpdate",
    "Records",
    "Ref",
    "SoftwareVersion",
    "Task",
    "VDIOtherConfig",
    "VMGuestMetrics",
    "VMMetrics",
    "VMOtherConfig",
    "chosen_labels",
    "with_labels",
]


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """All records of a pool at one moment, by reference; the builder of the model reads this."""

    pool: Mapping[Ref, Pool]
    host: Mapping[Ref, Host]
    host_metrics: Mapping[Ref, HostMetrics]
    vm: Mapping[Ref, VM]
    vm_metrics: Mapping[Ref, VMMetrics]
    vm_guest_metrics: Mapping[Ref, VMGuestMetrics] = {}
    sr: Mapping[Ref, SR]
    pbd: Mapping[Ref, PBD]
    vdi: Mapping[Ref, VDI]
    vbd: Mapping[Ref, VBD]
    network: Mapping[Ref, Network] = {}
    pif: Mapping[Ref, PIF] = {}
    pif_metrics: Mapping[Ref, PIFMetrics] = {}
    bond: Mapping[Ref, Bond] = {}
    vif: Mapping[Ref, VIF] = {}
    certificate: Mapping[Ref, Certificate] = {}
    cluster: Mapping[Ref, Cluster] = {}
    cluster_host: Mapping[Ref, ClusterHost] = {}
    pool_update: Mapping[Ref, PoolUpdate] = {}
    sm: Mapping[Ref, SM] = {}
    task: Mapping[Ref, Task] | None = None
    """None where they are not read."""
    message: Mapping[Ref, Message] | None = None
    """None, too, while they have not been read: there may be many, and nobody waits for them."""


_OF_THE_SPECIFICATION: Final[Mapping[str, type[msgspec.Struct]]] = {
    "pool": Pool,
    "host": Host,
    "host_metrics": HostMetrics,
    "sr": SR,
    "pbd": PBD,
    "vm": VM,
    "vm_metrics": VMMetrics,
    "vm_guest_metrics": VMGuestMetrics,
    "vdi": VDI,
    "vbd": VBD,
}

CLASSES: Final[Mapping[str, type[msgspec.Struct]]] = {
    **_OF_THE_SPECIFICATION,
    "network": Network,
    "pif": PIF,
    "pif_metrics": PIFMetrics,
    "bond": Bond,
    "vif": VIF,
    "certificate": Certificate,
    "cluster": Cluster,
    "cluster_host": ClusterHost,
    "pool_update": PoolUpdate,
    "sm": SM,
    "task": Task,
    "message": Message,
}
"""The class of each record by the lower-case name that events give it; fields of `Records`."""

BASE: Final = tuple(_OF_THE_SPECIFICATION)
"""The classes that the objects of the specification are built from: always read."""

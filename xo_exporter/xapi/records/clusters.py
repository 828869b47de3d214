"""Clusters of hosts, as GFS2 needs them."""

import msgspec

from xo_exporter.xapi.records.reference import NULL_REF, Ref


class Cluster(msgspec.Struct, frozen=True, gc=False):
    """Class `Cluster`; the numbers are of hosts."""

    uuid: str
    cluster_stack: str = ""
    is_quorate: bool | None = None
    quorum: int | None = None
    live_hosts: int | None = None
    expected_hosts: int | None = None


class ClusterHost(msgspec.Struct, frozen=True, gc=False):
    """Class `Cluster_host`: a host's place in a cluster."""

    uuid: str
    cluster: Ref = NULL_REF
    host: Ref = NULL_REF
    enabled: bool | None = None
    joined: bool | None = None
    live: bool | None = None

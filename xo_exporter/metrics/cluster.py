"""Metrics of clusters of hosts, in pools that have one."""

from typing import Final

from xo_exporter.metrics.table import Table, gauge, info, name_of, since, uuid_of
from xo_exporter.model.clusters import Cluster, ClusterHost, Clusters

TABLE: Final = Table[Cluster](
    collector="cluster",
    part="clusters",
    objects=lambda model: model.part(Clusters).clusters,
    label_names=("uuid", "pool", "container"),
    labels=lambda cluster, pool: (
        ("uuid", cluster.UUID),
        ("pool", pool),
        ("container", pool),
    ),
    metrics=(
        info(
            "xo_cluster_info",
            "A cluster of hosts, with the software that it works by (Cluster.cluster_stack).",
            {"cluster_stack": lambda cluster: cluster.stack},
        ),
        since(
            "24.9",
            gauge(
                "xo_cluster_quorate",
                "Whether enough hosts of a cluster live, from Cluster.is_quorate.",
                lambda cluster: cluster.is_quorate,
            ),
        ),
        since(
            "24.9",
            gauge(
                "xo_cluster_quorum_hosts",
                "Hosts that must live for a cluster to be quorate, from Cluster.quorum.",
                lambda cluster: cluster.quorum,
            ),
        ),
        since(
            "24.9",
            gauge(
                "xo_cluster_live_hosts",
                "Hosts of a cluster that live, from Cluster.live_hosts.",
                lambda cluster: cluster.live_hosts,
            ),
        ),
        since(
            "24.9",
            gauge(
                "xo_cluster_expected_hosts",
                "Hosts that a cluster expects to live, from Cluster.expected_hosts.",
                lambda cluster: cluster.expected_hosts,
            ),
        ),
        gauge(
            "xo_cluster_hosts",
            "Hosts in a cluster, from Cluster_host.cluster.",
            lambda cluster: cluster.hosts,
        ),
    ),
)

HOST_TABLE: Final = Table[ClusterHost](
    collector="cluster",
    part="clusters",
    objects=lambda model: model.part(Clusters).hosts,
    label_names=("uuid", "pool", "container"),
    labels=lambda place, pool: (
        ("uuid", place.UUID),
        ("pool", pool),
        ("container", name_of(place.host)),
    ),
    metrics=(
        info(
            "xo_cluster_host_info",
            "A host's place in a cluster, from Cluster_host.host.",
            {"host_uuid": lambda place: uuid_of(place.host)},
        ),
        gauge(
            "xo_cluster_host_enabled",
            "Whether a host takes part in its cluster, from Cluster_host.enabled.",
            lambda place: place.enabled,
        ),
        gauge(
            "xo_cluster_host_joined",
            "Whether a host has joined its cluster, from Cluster_host.joined.",
            lambda place: place.joined,
        ),
        since(
            "24.9",
            gauge(
                "xo_cluster_host_live",
                "Whether a host lives, as its cluster sees it, from Cluster_host.live.",
                lambda place: place.live,
            ),
        ),
    ),
)

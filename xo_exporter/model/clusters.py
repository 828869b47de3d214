"""Clusters of hosts, which share storage such as GFS2 for as long as they are quorate."""

from collections import Counter
from dataclasses import dataclass

from xo_exporter.model import known
from xo_exporter.model.first import by_uuid
from xo_exporter.model.index import Index
from xo_exporter.model.objects import Host, PoolModel
from xo_exporter.xapi.records import Records


@dataclass(slots=True, eq=False)
class Cluster:
    """A cluster; the numbers are of hosts: members, those that live, and those needed."""

    UUID: str
    stack: str
    is_quorate: bool | None
    quorum: int | None
    live_hosts: int | None
    expected_hosts: int | None
    hosts: int


@dataclass(slots=True, eq=False)
class ClusterHost:
    """A host's place in a cluster."""

    UUID: str
    host: Host | None
    enabled: bool | None
    joined: bool | None
    live: bool | None


@dataclass(slots=True, eq=False)
class Clusters:
    """All of a pool, in the order of UUID."""

    clusters: list[Cluster]
    hosts: list[ClusterHost]


def build(_model: PoolModel, records: Records, index: Index) -> Clusters:
    """The clusters of the pool, most often none, and the places of its hosts in them."""
    members = Counter(record.cluster for record in records.cluster_host.values())
    return Clusters(
        clusters=[
            Cluster(
                UUID=record.uuid,
                stack=record.cluster_stack,
                is_quorate=record.is_quorate,
                quorum=known.count(record.quorum),
                live_hosts=known.count(record.live_hosts),
                expected_hosts=known.count(record.expected_hosts),
                hosts=members[ref],
            )
            for ref, record in by_uuid(records.cluster)
        ],
        hosts=[
            ClusterHost(
                UUID=record.uuid,
                host=index.hosts.get(record.host),
                enabled=record.enabled,
                joined=record.joined,
                live=record.live,
            )
            for _, record in by_uuid(records.cluster_host)
        ],
    )

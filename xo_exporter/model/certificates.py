"""Certificates, and for how long they hold."""

from dataclasses import dataclass

from xo_exporter.model import known
from xo_exporter.model.first import by_uuid
from xo_exporter.model.index import Index
from xo_exporter.model.objects import Host, Pool, PoolModel
from xo_exporter.xapi.records import Records


@dataclass(slots=True, eq=False)
class Certificate:
    """A certificate of a host, or of an authority that the pool trusts; Unix times."""

    UUID: str
    name_label: str
    kind: str
    container: Host | Pool
    not_before: int | None
    not_after: int | None


@dataclass(slots=True, eq=False)
class Certificates:
    """All of a pool, in the order of UUID."""

    certificates: list[Certificate]


def build(model: PoolModel, records: Records, index: Index) -> Certificates:
    """The certificates of the pool."""
    return Certificates(
        [
            Certificate(
                UUID=record.uuid,
                name_label=record.name,
                kind=record.type,
                container=index.hosts.get(record.host) or model.pool,
                not_before=known.timestamp(record.not_before),
                not_after=known.timestamp(record.not_after),
            )
            for _, record in by_uuid(records.certificate)
        ]
    )

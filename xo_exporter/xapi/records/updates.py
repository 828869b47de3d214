"""What expires and what is to be renewed: certificates and updates."""

import msgspec

from xo_exporter.xapi.records.reference import NULL_REF, Ref


class Certificate(msgspec.Struct, frozen=True, gc=False):
    """Class `Certificate`; those of authorities belong to no host."""

    uuid: str
    host: Ref = NULL_REF
    name: str = ""
    type: str = ""
    not_before: str = ""
    not_after: str = ""


class PoolUpdate(msgspec.Struct, frozen=True, gc=False):
    """Class `pool_update`: an update, and the hosts that have it."""

    uuid: str
    hosts: list[Ref] = []

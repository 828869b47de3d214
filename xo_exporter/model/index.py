"""What a part of a model is built with: the objects, by the references that records have."""

from collections.abc import Mapping
from typing import NamedTuple

from xo_exporter.model.objects import SR, VDI, VM, Host
from xo_exporter.xapi.records import Ref


class Index(NamedTuple):
    """The objects of a model by reference."""

    hosts: Mapping[Ref, Host]
    vms: Mapping[Ref, VM]
    srs: Mapping[Ref, SR]
    vdis: Mapping[Ref, VDI]

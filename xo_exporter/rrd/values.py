"""What the RRDs of a host say at one moment."""

from collections.abc import Mapping
from typing import NamedTuple

Values = Mapping[str, float]
"""Known values by data source, in the source's own unit."""


class HostRrd(NamedTuple):
    """The values of a host and its VMs by UUID; `age` in seconds is that of the newest row.

    `clock_offset` is by how many seconds the host's clock is ahead of ours, where it has said.
    """

    hosts: Mapping[str, Values]
    vms: Mapping[str, Values]
    age: float | None
    clock_offset: float | None = None

"""What the makers of an estate share while they build it."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from xo_exporter.simulator.database import Database
from xo_exporter.simulator.names import Identities

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
TIB = 1024 * GIB


@dataclass(slots=True)
class Storage:
    """An SR under construction: its reference and type, where it hangs, what lies on it.

    hosts: the hosts that have a PBD; used, virtual: bytes of its VDIs so far.
    """

    ref: str
    uuid: str
    kind: str
    shared: bool
    hosts: list[str]
    used: int = 0
    virtual: int = 0

    @property
    def is_thin(self) -> bool:
        """Whether a disk takes only what was written to it."""
        return self.kind in {"ext", "nfs", "zfs", "linstor"}


@dataclass(slots=True)
class Plan:
    """The estate so far, and the seeded choices it is made by.

    now: the Unix time that start times and the like are counted back from.
    """

    database: Database
    ids: Identities
    now: float
    pool: str = ""
    hosts: list[str] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    local: dict[str, list[Storage]] = field(default_factory=dict)
    shared: list[Storage] = field(default_factory=list)
    isos: list[str] = field(default_factory=list)
    gpu_group: str = ""
    gpus: list[str] = field(default_factory=list)

    @property
    def random(self) -> random.Random:
        """The seeded source of every choice."""
        return self.ids.random

    def add(self, cls: str, /, **fields: Any) -> str:
        """Add an object with a seeded reference and UUID; gives the reference."""
        ref = self.ids.ref()
        return self.database.add(cls, {"uuid": self.ids.uuid(), **fields}, ref=ref)

    def ago(self, seconds: float) -> str:
        """Write the time so many seconds ago as XAPI does; negative is in the future."""
        return datetime.fromtimestamp(self.now - seconds, UTC).strftime("%Y%m%dT%H:%M:%SZ")

    def chance(self, share: float) -> bool:
        """Say yes in this share of the cases."""
        return self.random.random() < share

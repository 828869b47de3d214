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

    @property
    def has_storage(self) -> bool:
        """Whether each host has a place for disks of its own, and there are ISO images."""
        return bool(self.isos) and all(self.local.get(host) for host in self.hosts)

    def ago(self, seconds: float) -> str:
        """Write the time so many seconds ago as XAPI does; negative is in the future."""
        return datetime.fromtimestamp(self.now - seconds, UTC).strftime("%Y%m%dT%H:%M:%SZ")

    def chance(self, share: float) -> bool:
        """Say yes in this share of the cases."""
        return self.random.random() < share


def plan_of(database: Database, seed: int) -> Plan:
    """Find in a finished estate what is needed to add to it."""
    tables = database.tables
    plan = Plan(database, Identities(seed), now=0.0, hosts=list(tables["host"]))
    plan.networks = [ref for ref, record in tables["network"].items() if record["PIFs"]]
    for ref, record in tables["SR"].items():
        pbds = (database.get("PBD", pbd) for pbd in record["PBDs"])
        hosts = [pbd["host"] for pbd in pbds if pbd is not None]
        storage = Storage(ref, record["uuid"], record["type"], record["shared"], hosts)
        if record["content_type"] == "iso":
            plan.isos += record["VDIs"]
        elif record["type"] == "udev" or not hosts:
            continue
        elif record["shared"]:
            plan.shared.append(storage)
        else:
            plan.local.setdefault(hosts[0], []).append(storage)
    return plan

"""The pool's database: tables of complete records, and what changed since when.

Every change raises the generation, as in XAPI's own database; `event.from` (see events.py) reads
from that what is new. The set fields that mirror a reference (VM.VBDs for VBD.VM and so on) are
kept in step by the database, and count as a change of the parent.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from xo_exporter.simulator import encoding, schema
from xo_exporter.simulator.change_signal import ChangeSignal
from xo_exporter.simulator.schema import NULL, Generation, Record, Release

MIRRORED: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "VBD": {"VM": ("VM", "VBDs"), "VDI": ("VDI", "VBDs")},
    "VDI": {"SR": ("SR", "VDIs"), "snapshot_of": ("VDI", "snapshots")},
    "PBD": {"host": ("host", "PBDs"), "SR": ("SR", "PBDs")},
    "VIF": {"VM": ("VM", "VIFs"), "network": ("network", "VIFs")},
    "PIF": {
        "host": ("host", "PIFs"),
        "network": ("network", "PIFs"),
        "bond_slave_of": ("Bond", "slaves"),
    },
    "Bond": {"master": ("PIF", "bond_master_of")},
    "VM": {
        "resident_on": ("host", "resident_VMs"),
        "snapshot_of": ("VM", "snapshots"),
        "parent": ("VM", "children"),
    },
    "host_cpu": {"host": ("host", "host_CPUs")},
    "PCI": {"host": ("host", "PCIs")},
    "PUSB": {"host": ("host", "PUSBs")},
    "PGPU": {"host": ("host", "PGPUs"), "GPU_group": ("GPU_group", "PGPUs")},
    "VGPU": {
        "VM": ("VM", "VGPUs"),
        "GPU_group": ("GPU_group", "VGPUs"),
        "resident_on": ("PGPU", "resident_VGPUs"),
    },
    "Feature": {"host": ("host", "features")},
    "Certificate": {"host": ("host", "certificates")},
    "host_patch": {"host": ("host", "patches"), "pool_patch": ("pool_patch", "host_patches")},
    "Cluster_host": {"cluster": ("Cluster", "cluster_hosts")},
    "task": {"subtask_of": ("task", "subtasks")},
}
"""Child class, its reference field: the parent's class and the set field that mirrors it."""

_NAMESPACE = uuid.UUID("5e2cf0d6-1c9c-4a0f-8f0c-6e1f5c6d7a10")
DELETIONS_KEPT = 512


class Deletion(NamedTuple):
    """An object that is gone: its reference, and when it was made and deleted."""

    ref: str
    born: int
    died: int


class Database:
    """All tables of one simulated pool.

    Tests state an estate with `from_records`, or change a living one with `add`, `modify` and
    `delete`; a change from another thread than the server's is allowed when nobody else writes.
    Nothing is validated: dangling references, sizes of -1 and the like stay as given.

    The generation says how hosts print; the release, that of the generation unless another is
    given, which fields and data sources there are.
    """

    def __init__(
        self, generation: Generation = "g4", seed: int = 0, release: Release | None = None
    ) -> None:
        self.generation = generation
        self.release = release or schema.XAPI_VERSION[generation]
        self.seed = seed
        self.tables: dict[str, dict[str, Record]] = {
            name: {} for name in schema.classes() if name != "event"
        }
        self.clock = 1
        self._born: dict[str, dict[str, int]] = {name: {} for name in self.tables}
        # In the order of change: the newest last, so that what is new is found from the end.
        self._changed: dict[str, dict[str, int]] = {name: {} for name in self.tables}
        self._deleted: dict[str, deque[Deletion]] = {
            name: deque(maxlen=DELETIONS_KEPT) for name in self.tables
        }
        self._json: dict[str, dict[str, bytes]] = {name: {} for name in self.tables}
        self._xml: dict[str, dict[str, bytes]] = {name: {} for name in self.tables}
        self._waiters: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @classmethod
    def from_records(
        cls,
        records: Mapping[str, Mapping[str, Mapping[str, Any]]],
        *,
        generation: Generation = "g4",
        seed: int = 0,
        release: Release | None = None,
        keep_lists: bool = False,
    ) -> Self:
        """Make a database from partial records by class and reference.

        Missing fields get XAPI's defaults, a missing uuid one that follows from the reference.
        With `keep_lists` the set fields that mirror references stay exactly as given.
        """
        database = cls(generation, seed, release)
        for name, table in records.items():
            for ref, partial in table.items():
                database.add(name, partial, ref=ref, keep_lists=True)
        if not keep_lists:
            database.mirror()
        return database

    # --- reading

    def get(self, cls: str, ref: str) -> Record | None:
        """Give a record, or None when there is no such object."""
        return self.tables[cls].get(ref)

    def only(self, cls: str) -> tuple[str, Record]:
        """Give the first object of a class, such as the pool; KeyError when there is none."""
        for ref, record in self.tables[cls].items():
            return ref, record
        raise KeyError(cls)

    @property
    def master(self) -> str:
        """The master's reference: as the pool says, else the first host, else NULL."""
        hosts = self.tables["host"]
        named = (pool["master"] for pool in self.tables["pool"].values())
        return next((ref for ref in (*named, *hosts) if ref in hosts), NULL)

    def find(self, cls: str, /, **wanted: Any) -> list[str]:
        """Give the references of the objects whose fields equal these."""
        return [
            ref
            for ref, record in self.tables[cls].items()
            if all(record.get(name) == value for name, value in wanted.items())
        ]

    def counts(self) -> dict[str, int]:
        """Count the rows of every table, by lower-case class."""
        counts = dict.fromkeys((name.lower() for name in schema.EMPTY_CLASSES), 0)
        for name, table in self.tables.items():
            if name != "message":  # these XAPI keeps in files of their own
                counts[name.lower()] = len(table)
        return counts

    def json(self, cls: str, ref: str) -> bytes:
        """Give a record as JSON; encoded once per change."""
        cache = self._json[cls]
        encoded = cache.get(ref)
        if encoded is None:
            encoded = cache[ref] = encoding.record_to_json(cls, self.tables[cls][ref])
        return encoded

    def xml(self, cls: str, ref: str) -> bytes:
        """Give a record as an XML-RPC value; encoded once per change."""
        cache = self._xml[cls]
        encoded = cache.get(ref)
        if encoded is None:
            encoded = cache[ref] = encoding.record_to_xml(cls, self.tables[cls][ref])
        return encoded

    # --- writing

    def add(
        self,
        cls: str,
        partial: Mapping[str, Any] | None = None,
        /,
        *,
        ref: str | None = None,
        keep_lists: bool = False,
        **more: Any,
    ) -> str:
        """Add an object and give its reference; missing fields get XAPI's defaults."""
        given = {**(partial or {}), **more}
        if ref is None:
            ref = f"OpaqueRef:{uuid.uuid5(_NAMESPACE, f'{cls} {self.clock} {self.seed}')}"
        record = {
            name: given[name] if name in given else schema.default(cls, name)
            for name in schema.fields(cls, self.release)
        }
        if not record.get("uuid", "-"):
            record["uuid"] = str(uuid.uuid5(_NAMESPACE, f"{cls} {ref}"))
        self.tables[cls][ref] = record
        self._born[cls][ref] = self._touch(cls, ref)
        if not keep_lists:
            for field, (parent, mirror) in MIRRORED.get(cls, {}).items():
                self._include(parent, record[field], mirror, ref)
        self._wake()
        return ref

    def modify(
        self,
        cls: str,
        ref: str,
        changes: Mapping[str, Any] | None = None,
        /,
        *,
        keep_lists: bool = False,
        **more: Any,
    ) -> None:
        """Change fields of an object; KeyError when there is no such object or field."""
        record = self.tables[cls][ref]
        known = schema.fields(cls, self.release)
        for name, value in {**(changes or {}), **more}.items():
            if name not in known:
                if name in schema.classes()[cls]:
                    continue  # a field that this release does not have yet
                raise KeyError(f"{cls}.{name}")
            mirrored = None if keep_lists else MIRRORED.get(cls, {}).get(name)
            if mirrored is not None and record[name] != value:
                self._exclude(mirrored[0], record[name], mirrored[1], ref)
                self._include(mirrored[0], value, mirrored[1], ref)
            record[name] = value
        self._touch(cls, ref)
        self._wake()

    def delete(self, cls: str, ref: str, *, keep_lists: bool = False) -> None:
        """Delete an object; KeyError when there is none. What refers to it is left dangling."""
        record = self.tables[cls].pop(ref)
        if not keep_lists:
            for field, (parent, mirror) in MIRRORED.get(cls, {}).items():
                self._exclude(parent, record[field], mirror, ref)
        self._changed[cls].pop(ref)
        self.clock += 1
        self._deleted[cls].append(Deletion(ref, self._born[cls].pop(ref), self.clock))
        self._json[cls].pop(ref, None)
        self._xml[cls].pop(ref, None)
        self._wake()

    def mirror(self) -> None:
        """Set every field that mirrors references from those references."""
        for parent, mirror in sorted({at for named in MIRRORED.values() for at in named.values()}):
            for ref, record in self.tables[parent].items():
                if record[mirror]:
                    record[mirror] = []
                    self._touch(parent, ref)
        for cls, named in MIRRORED.items():
            for ref, record in self.tables[cls].items():
                for field, (parent, mirror) in named.items():
                    self._include(parent, record[field], mirror, ref)

    def forget_deletions(self) -> None:
        """Lose every deletion that clients have not read yet, as XAPI does after very many."""
        for queue in self._deleted.values():
            queue.clear()

    def _touch(self, cls: str, ref: str) -> int:
        self.clock += 1
        self._changed[cls].pop(ref, None)
        self._changed[cls][ref] = self.clock
        self._json[cls].pop(ref, None)
        self._xml[cls].pop(ref, None)
        return self.clock

    def _include(self, cls: str, ref: str, field: str, member: str) -> None:
        # Never a member yet: so large sets are not searched for each of their members.
        record = self.tables[cls].get(ref) if ref != NULL else None
        if record is not None:
            record[field].append(member)
            self._touch(cls, ref)

    def _exclude(self, cls: str, ref: str, field: str, member: str) -> None:
        record = self.tables[cls].get(ref) if ref != NULL else None
        if record is not None and member in record[field]:
            record[field].remove(member)
            self._touch(cls, ref)

    # --- what is new

    def changed_since(self, cls: str, since: int) -> tuple[list[str], list[str], list[Deletion]]:
        """Give what was added, modified and deleted in a table after a generation."""
        added: list[str] = []
        modified: list[str] = []
        born = self._born[cls]
        for ref, changed in reversed(self._changed[cls].items()):
            if changed <= since:
                break
            (added if born[ref] > since else modified).append(ref)
        deleted = [
            gone
            for gone in self._deleted[cls]
            if gone.born <= since < gone.died and gone.ref not in born
        ]
        return added[::-1], modified[::-1], deleted

    def born(self, cls: str, ref: str) -> int:
        """Give the generation at which an object was made."""
        return self._born[cls][ref]

    def generation_of(self, cls: str, ref: str) -> int:
        """Give the generation at which an object last changed."""
        return self._changed[cls][ref]

    def touch(self, cls: str, ref: str) -> None:
        """Count an object as changed though no field differs (`event.inject`)."""
        self._touch(cls, ref)
        self._wake()

    def subscribe(self) -> ChangeSignal:
        """Give a context manager whose `wait` returns after the next change."""
        return ChangeSignal(self._waiters)

    def _wake(self) -> None:
        for loop, event in tuple(self._waiters):
            loop.call_soon_threadsafe(event.set)

    def drop_cache(self, classes: Sequence[str] = ()) -> None:
        """Forget encoded records, after a record was changed in place."""
        for name in classes or self.tables:
            self._json[name].clear()
            self._xml[name].clear()

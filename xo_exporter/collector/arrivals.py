"""What comes at a pool while this process watches: messages, and tasks that fail."""

from collections.abc import Callable, Hashable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, Generic, TypeVar

from xo_exporter.metrics.arrivals import Arrived
from xo_exporter.model.build import pool_identity
from xo_exporter.model.messages import MOST_KINDS, OTHER, Kind, kind_of
from xo_exporter.xapi.records import Message, Records, Ref

_MOST_TASK_NAMES: Final = 100
_OTHER_TASKS: Final = "other"
_MOST_REMEMBERED: Final = 20_000
"""References of what was counted, twice as many as XAPI keeps messages."""

K = TypeVar("K", bound=Hashable)


class ArrivalCounts(Generic[K]):
    """Counts by kind of what was not there before; what is there at first counts as 0.

    most: kinds that are told apart; the rest is counted as `other`.
    """

    def __init__(self, most: int, other: K) -> None:
        self._most = most
        self._other = other
        self._counted: set[Ref] | None = None
        self._counts: dict[K, int] = {}
        self._held: dict[K, int] = {}  # of kinds that are new, and stand at 0 this time

    def begin(self) -> None:
        """Count what stood at 0 at the last reading: to be called at each before `note`."""
        for kind, count in self._held.items():
            self._counts[kind] += count
        self._held = {}

    def note(self, present: AbstractSet[Ref], kind_of: Callable[[Ref], K | None]) -> None:
        """Take in what is there now; `kind_of` gives None of what does not count."""
        if self._counted is None:
            self._counted = set(present)
            for kind in map(kind_of, present):
                if kind is not None:
                    self._counts.setdefault(self._room_for(kind), 0)
            return
        new = present - self._counted
        self._counted |= new
        if len(self._counted) > _MOST_REMEMBERED:
            self._counted = set(present)
        for kind in map(kind_of, new):
            if kind is not None:
                self._count(self._room_for(kind))

    def _count(self, kind: K) -> None:
        if kind in self._held or kind not in self._counts:
            self._counts[kind] = 0
            self._held[kind] = self._held.get(kind, 0) + 1
        else:
            self._counts[kind] += 1

    def _room_for(self, kind: K) -> K:
        return kind if kind in self._counts or len(self._counts) < self._most else self._other

    def counts(self) -> dict[K, int]:
        """By kind, in the order in which they came."""
        return dict(self._counts)


class Arrivals:
    """What came at one pool. Sessions come and go, and so may the master: nothing counts twice."""

    def __init__(self) -> None:
        self._start("")

    def _start(self, uuid: str) -> None:
        self._uuid = uuid
        self._messages: ArrivalCounts[Kind] = ArrivalCounts(MOST_KINDS, OTHER)
        self._failures: ArrivalCounts[str] = ArrivalCounts(_MOST_TASK_NAMES, _OTHER_TASKS)
        self._stored: Mapping[Ref, Message] | None = None
        self._master: Ref = ""
        self._latest = ""  # when the last of the messages came that are known
        self.arrived = Arrived()

    def note(self, records: Records) -> None:
        """Take in what a reading gave, each reading once."""
        uuid, _ = pool_identity(records)
        if uuid != self._uuid:
            self._start(uuid)
        self._failures.begin()
        tasks = records.task
        if tasks is not None:
            failed = {ref for ref, task in tasks.items() if task.status == "failure"}
            self._failures.note(failed, lambda ref: tasks[ref].name_label)
        self._messages.begin()
        if records.message is not None and records.message is not self._stored:
            self._note_messages(records, records.message)
        self.arrived = Arrived(self._messages.counts(), self._failures.counts())

    def _note_messages(self, records: Records, stored: Mapping[Ref, Message]) -> None:
        master = next((pool.master for pool in records.pool.values()), "")
        # Each host keeps messages of its own: what another master has from before is not new.
        latest = "" if master == self._master else self._latest
        self._messages.note(
            stored.keys(),
            lambda ref: kind_of(stored[ref]) if stored[ref].timestamp >= latest else None,
        )
        self._stored, self._master = stored, master
        self._latest = max((one.timestamp for one in stored.values()), default=self._latest)

    def let_go(self) -> None:
        """Hold on to no record."""
        self._stored = None

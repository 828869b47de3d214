"""The messages that a pool stores, by what they are, and the alarms among them by object."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

from xo_exporter.model import known
from xo_exporter.model.index import Index
from xo_exporter.model.objects import SR, VM, Host, Pool, PoolModel
from xo_exporter.xapi.records import Message, Records

MOST_KINDS: Final = 200
"""Kinds of messages that are told apart, by pool: whoever may, can make up names."""

T = TypeVar("T", Host, VM, SR)


class Kind(NamedTuple):
    """What a message is: its name, its priority, and the class of what it is about."""

    name: str
    priority: int | None
    cls: str

    @property
    def labels(self) -> tuple[str, str | None, str]:
        """The values of the labels `name`, `priority` and `class`."""
        return self.name, None if self.priority is None else str(self.priority), self.cls


OTHER: Final = Kind("other", None, "")
"""All kinds together that there is no room for."""


@dataclass(slots=True, eq=False)
class StoredMessages:
    """How many messages of each kind a pool stores; the most urgent kinds first."""

    pool: Pool
    counts: tuple[tuple[Kind, int], ...]

    @property
    def UUID(self) -> str:
        """That of the pool."""
        return self.pool.UUID


@dataclass(slots=True, eq=False)
class Alarms(Generic[T]):
    """The alarms about one object: their number, and when the last came (Unix time)."""

    thing: T
    count: int
    newest: int | None

    @property
    def UUID(self) -> str:
        """That of the object."""
        return self.thing.UUID


@dataclass(slots=True, eq=False)
class Messages:
    """All that is known of messages: nothing while they have not been read.

    Of alarms there are the objects that have any, in the order of UUID; what is about a control
    domain is about its host.
    """

    pools: list[StoredMessages] = field(default_factory=list)
    hosts: list[Alarms[Host]] = field(default_factory=list)
    vms: list[Alarms[VM]] = field(default_factory=list)
    srs: list[Alarms[SR]] = field(default_factory=list)


def kind_of(message: Message) -> Kind:
    """What kind a message is of."""
    return Kind(message.name, message.priority, message.cls)


def build(model: PoolModel, records: Records, _index: Index) -> Messages:
    """The messages that are stored now."""
    if records.message is None:
        return Messages()
    stored = records.message.values()
    alarms: dict[str, list[Message]] = {}
    for message in stored:
        if message.obj_uuid:
            alarms.setdefault(message.obj_uuid, []).append(message)
    for host in model.hosts:
        if host.controller in alarms:
            alarms.setdefault(host.UUID, []).extend(alarms[host.controller])
    return Messages(
        pools=[StoredMessages(model.pool, _counts(stored))],
        hosts=_alarms(model.hosts, alarms),
        vms=_alarms(model.VMs, alarms),
        srs=_alarms(model.SRs, alarms),
    )


def _counts(messages: Iterable[Message]) -> tuple[tuple[Kind, int], ...]:
    counts = Counter(map(kind_of, messages))
    kinds = sorted(counts, key=lambda kind: (kind.priority or 0, kind.name, kind.cls))
    rest = sum(counts[kind] for kind in kinds[MOST_KINDS:])
    found = [(kind, counts[kind]) for kind in kinds[:MOST_KINDS]]
    return (*found, (OTHER, rest)) if rest else tuple(found)


def _alarms(things: Iterable[T], alarms: Mapping[str, list[Message]]) -> list[Alarms[T]]:
    found = []
    for thing in things:
        about = alarms.get(thing.UUID)
        if about:
            newest = max(message.timestamp for message in about)
            found.append(Alarms(thing, len(about), known.timestamp(newest)))
    return found

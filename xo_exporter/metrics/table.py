"""What a table of metrics is: a kind of object, its labels, and a row a metric.

A row says name, help, further labels and the function from object to value; documentation,
`describe()` and the exposition all derive from it. A value of None gives no sample.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from xo_exporter.exposition import Family, FamilyType, Labels, Value
from xo_exporter.model.objects import SR, VBD, VDI, Host, Pool, PoolModel

T = TypeVar("T")

Sample = tuple[Labels, Value]
Pair = tuple[str, str | None]


@dataclass(frozen=True)
class Metric(Generic[T]):
    """A row. `read` gives what is known of an object, `write` the samples that this makes.

    What is read can be compared: as long as it is the same, so are the samples. `measured` says
    that it comes from RRDs, and may differ at each reading; `since` which xapi first has it,
    where not all do.
    """

    name: str
    help: str
    read: Callable[[T], Any]
    write: Callable[[Labels, Any], Iterable[Sample]]
    labels: tuple[str, ...] = ()
    type: FamilyType = "gauge"
    measured: bool = False
    since: str = ""

    def samples(self, thing: T, labels: Labels) -> Iterable[Sample]:
        """The samples of one object that has these labels."""
        return self.write(labels, self.read(thing))


@dataclass(frozen=True)
class Table(Generic[T]):
    """All metrics of one kind of object; `collector` is the name it is switched by.

    `labels` makes an object's labels from it and the value of the label `pool`; their names
    are `label_names`. `objects` gives a pool's objects of the kind; they are those of `part`, a
    part of the model, and of the objects of the specification where that is empty. `default`
    says whether it is exported unless chosen otherwise, `stable` whether its names will stay,
    `role` which one of XAPI's what it is made of takes.
    """

    collector: str
    label_names: tuple[str, ...]
    labels: Callable[[T, str], tuple[Pair, ...]]
    metrics: tuple[Metric[T], ...]
    objects: Callable[[PoolModel], Sequence[T]] = lambda _model: ()
    part: str = ""
    default: bool = True
    stable: bool = True
    role: str = "read-only"

    @property
    def needs_rrds(self) -> bool:
        """Whether anything of it comes from RRDs."""
        return any(metric.measured for metric in self.metrics)

    def families(self, objects: Sequence[T], pool: str) -> list[Family]:
        """One family a row, in their order, with the samples of all objects."""
        labelled = [(thing, Labels(self.labels(thing, pool))) for thing in objects]
        return [
            Family(
                metric.name,
                metric.help,
                metric.type,
                (sample for thing, labels in labelled for sample in metric.samples(thing, labels)),
            )
            for metric in self.metrics
        ]

    def describe(self) -> list[Family]:
        """The same families without samples."""
        return self.families((), "")


def gauge(
    name: str, help_text: str, value: Callable[[T], Value | None], *, counter: bool = False
) -> Metric[T]:
    """One sample an object, or none."""

    def write(labels: Labels, known: Value | None) -> Iterable[Sample]:
        return () if known is None else ((labels, known),)

    return Metric(name, help_text, value, write, (), "counter" if counter else "gauge")


def each(
    name: str,
    help_text: str,
    label: str,
    values: Callable[[T], Iterable[tuple[str, Value | None]]],
    *,
    counter: bool = False,
) -> Metric[T]:
    """One sample for each of an object's parts, told apart by `label`."""

    def read(thing: T) -> tuple[tuple[str, Value | None], ...]:
        return tuple(values(thing))

    def write(labels: Labels, parts: tuple[tuple[str, Value | None], ...]) -> Iterator[Sample]:
        for part, value in parts:
            if value is not None:
                yield labels.also((label, part)), value

    return Metric(name, help_text, read, write, (label,), "counter" if counter else "gauge")


def each_of(
    name: str,
    help_text: str,
    labels: tuple[str, ...],
    values: Callable[[T], Iterable[tuple[tuple[str | None, ...], Value | None]]],
    *,
    counter: bool = False,
) -> Metric[T]:
    """As `each`, where it takes several labels to tell the parts apart."""

    def read(thing: T) -> tuple[tuple[tuple[str | None, ...], Value | None], ...]:
        return tuple(values(thing))

    def write(
        base: Labels, parts: tuple[tuple[tuple[str | None, ...], Value | None], ...]
    ) -> Iterator[Sample]:
        for texts, value in parts:
            if value is not None:
                yield base.also(*zip(labels, texts, strict=True)), value

    return Metric(name, help_text, read, write, labels, "counter" if counter else "gauge")


def info(name: str, help_text: str, labels: Mapping[str, Callable[[T], str | None]]) -> Metric[T]:
    """The constant 1 with what is known of an object as labels."""
    names, texts = tuple(labels), tuple(labels.values())

    def read(thing: T) -> tuple[str | None, ...]:
        return tuple([text(thing) for text in texts])

    def write(base: Labels, known: tuple[str | None, ...]) -> Iterable[Sample]:
        return ((base.also(*zip(names, known, strict=True)), 1),)

    return Metric(name, help_text, read, write, names)


def states(
    name: str,
    help_text: str,
    label: str,
    possible: Sequence[str],
    present: Callable[[T], str | None],
) -> Metric[T]:
    """1 for the state an object is in, 0 for the others; nothing where that is unknown."""

    def write(labels: Labels, state: str | None) -> Iterator[Sample]:
        if state is not None:
            for one in possible:
                yield labels.also((label, one)), one == state

    return Metric(name, help_text, present, write, (label,))


def tags(name: str, help_text: str, of: Callable[[T], Iterable[str]]) -> Metric[T]:
    """One sample a tag."""
    return each(name, help_text, "tag", lambda thing: ((tag, 1) for tag in of(thing)))


def measured(metric: Metric[T]) -> Metric[T]:
    """The same metric as one whose values come from RRDs."""
    return replace(metric, measured=True)


def since(xapi: str, metric: Metric[T]) -> Metric[T]:
    """The same metric as one that this version of xapi first has."""
    return replace(metric, since=xapi)


def container_name(container: Host | Pool, pool: str) -> str:
    """The value of the label `container`: a host's name, or that of the label `pool`."""
    return container.name_label if isinstance(container, Host) else pool


def name_of(thing: Host | SR | None) -> str | None:
    """The name of a linked object, if there is one."""
    return None if thing is None else thing.name_label


def uuid_of(thing: Host | SR | VBD | VDI | None) -> str | None:
    """The UUID of a linked object, if there is one."""
    return None if thing is None else thing.UUID

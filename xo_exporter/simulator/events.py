"""`event.from`: what has changed in the database since a token.

A batch holds one event per object with its latest state: what was added, then modified, then
deleted. The token is the database's generation, and the batch counts the rows of every table.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from xo_exporter.errors import ApiFailure
from xo_exporter.simulator import encoding, schema
from xo_exporter.simulator.database import Database

_TOKEN = re.compile(r"\s*(\d+)\s*,\s*(\d+)\s*")


class Event(NamedTuple):
    """One object that has changed; `operation` is add, mod or del."""

    generation: int
    cls: str
    operation: str
    ref: str


class Batch(NamedTuple):
    """The answer of one `event.from`."""

    database: Database
    events: list[Event]
    counts: dict[str, int]
    token: str

    def to_json(self) -> bytes:
        """Encode the answer as JSON-RPC's result."""
        parts = []
        for event in self.events:
            head = encoding.to_json(
                {
                    "id": _id(event),
                    "timestamp": "0.0",
                    "class": event.cls.lower(),
                    "operation": event.operation,
                    "ref": event.ref,
                }
            )
            if event.operation == "del":
                parts.append(head)
            else:
                snapshot = self.database.json(event.cls, event.ref)
                parts.append(b'%b,"snapshot":%b}' % (head[:-1], snapshot))
        return b'{"events":[%b],"valid_ref_counts":%b,"token":%b}' % (
            b",".join(parts),
            encoding.to_json(self.counts),
            encoding.to_json(self.token),
        )

    def to_xml(self) -> bytes:
        """Encode the answer as an XML-RPC value."""
        return b"".join(self._xml_parts())

    def _xml_parts(self) -> Iterable[bytes]:
        yield b"<value><struct><member><name>events</name><value><array><data>"
        for event in self.events:
            yield b"<value><struct>"
            yield _member("id", _id(event))
            yield _member("timestamp", "0.0")
            yield _member("class", event.cls.lower())
            yield _member("operation", event.operation)
            yield _member("ref", event.ref)
            if event.operation != "del":
                yield b"<member><name>snapshot</name>"
                yield self.database.xml(event.cls, event.ref)
                yield b"</member>"
            yield b"</struct></value>"
        yield b"</data></array></value></member>"
        yield _member("valid_ref_counts", self.counts)
        yield _member("token", self.token)
        yield b"</struct></value>"


def _id(event: Event) -> str:
    return "0" if event.cls == "message" else str(event.generation)


def _member(name: str, value: str | dict[str, int]) -> bytes:
    return b"<member><name>%b</name>%b</member>" % (name.encode(), encoding.to_xml(value))


class Subscription:
    """The classes and objects that one call listens to.

    Raises ApiFailure EVENT_SUBSCRIPTION_PARSE_FAILURE for a class that XAPI does not have.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.everything = False
        self._classes: set[str] = set()
        self._objects: dict[str, set[str]] = {}
        for entry in classes:
            name, _, ref = entry.partition("/")
            if name == "*" and not ref:
                self.everything = True
                continue
            cls = schema.class_of(name)
            if cls is None:
                raise ApiFailure("EVENT_SUBSCRIPTION_PARSE_FAILURE", (entry,))
            if ref:
                self._objects.setdefault(cls, set()).add(ref.lower())
            else:
                self._classes.add(cls)

    @property
    def tasks_only(self) -> bool:
        """Whether nothing but tasks is listened to: XAPI answers these without waiting for more."""
        wanted = self._classes | set(self._objects)
        return not self.everything and bool(wanted) and wanted <= {"task"}

    def wants_class(self, cls: str) -> bool:
        """Say whether any object of a class may be of interest."""
        if cls in schema.EVENTLESS_CLASSES:
            return False
        return self.everything or cls in self._classes or cls in self._objects

    def wants(self, cls: str, ref: str) -> bool:
        """Say whether an object is of interest."""
        if self.everything or cls in self._classes:
            return True
        return ref.lower() in self._objects.get(cls, ())


class Token(NamedTuple):
    """How far a client has read: the generation of objects, and of messages, kept apart."""

    objects: int = 0
    messages: int = 0

    @classmethod
    def parse(cls, text: str) -> "Token":
        """Read a token; the empty one is the beginning.

        Raises ApiFailure EVENT_FROM_TOKEN_PARSE_FAILURE for anything that is no token.
        """
        if not text:
            return cls()
        match = _TOKEN.fullmatch(text)
        if match is None:
            raise ApiFailure("EVENT_FROM_TOKEN_PARSE_FAILURE", (text,))
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def now(cls, database: Database) -> "Token":
        """Give the token for everything that changes from now on."""
        return cls(database.clock, database.clock)

    def __str__(self) -> str:
        return f"{self.objects:020d},{self.messages:020d}"


def collect(database: Database, subscription: Subscription, since: Token) -> Batch:
    """Give what is new since a token, at once.

    The next token is the newest generation among what was asked for: what else happened meanwhile
    does not move it.
    """
    messages: list[Event] = []
    added: list[Event] = []
    modified: list[Event] = []
    deleted: list[Event] = []
    for cls in database.tables:
        if not subscription.wants_class(cls):
            continue
        is_message = cls == "message"
        new, changed, gone = database.changed_since(
            cls, since.messages if is_message else since.objects
        )
        news = [
            *(Event(database.born(cls, ref), cls, "add", ref) for ref in new),
            *(Event(database.generation_of(cls, ref), cls, "mod", ref) for ref in changed),
            *(Event(row.died, cls, "del", row.ref) for row in gone),
        ]
        targets = {"add": added, "mod": modified, "del": deleted}
        for event in news:
            if subscription.wants(cls, event.ref):
                (messages if is_message else targets[event.operation]).append(event)
    latest = Token(
        max((_latest(database, event) for event in [*added, *modified, *deleted]), default=0),
        max((_latest(database, event) for event in messages), default=0),
    )
    token = Token(max(since.objects, latest.objects), max(since.messages, latest.messages))
    events = [*messages, *added, *modified, *deleted]
    return Batch(database, events, database.counts(), str(token))


def _latest(database: Database, event: Event) -> int:
    if event.operation == "add":  # it may have changed since it was made
        return database.generation_of(event.cls, event.ref)
    return event.generation


async def wait_for_events(
    database: Database,
    classes: Sequence[str],
    token: str,
    timeout_s: float,
    *,
    delay_s: float,
    check: Callable[[], None],
) -> Batch:
    """Answer `event.from`: wait until something is new, at most `timeout_s` seconds.

    `delay_s` is how long XAPI waits for more changes before it answers; `check` is called after
    each wait and raises when the session has ended meanwhile.
    """
    subscription = Subscription(classes)
    since = Token.parse(token)
    deadline = time.monotonic() + timeout_s
    pause = 0.0 if subscription.tasks_only else delay_s
    with database.subscribe() as changes:
        while True:
            if pause:
                await asyncio.sleep(pause)
            check()
            batch = collect(database, subscription, since)
            left = deadline - time.monotonic()
            if batch.events or left <= 0:
                return batch
            await changes.wait(left)

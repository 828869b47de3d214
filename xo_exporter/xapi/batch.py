"""What one `event.from` brings: its records decoded, event by event where there are many."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec

from xo_exporter.errors import BadAnswer, TooLate
from xo_exporter.xapi import json_text, reply
from xo_exporter.xapi.large_json import take_apart
from xo_exporter.xapi.records import CLASSES, Ref

LARGE: Final = 1 << 16
"""Bytes of an answer that is decoded in a thread; below it takes a millisecond or two."""

_MOST_EVENTS: Final = 250_000  # no class of the largest pool has as many objects
_LONGEST_REST: Final = 1 << 16  # bytes beside the events: a token, and a count for each class


class Event(msgspec.Struct):
    """One object that came, changed or went; `snapshot` is its whole record, none for `del`."""

    ref: str
    cls: str = msgspec.field(name="class")
    operation: str = "mod"
    snapshot: msgspec.Raw = msgspec.Raw(b"")


class Result(msgspec.Struct):
    """The result of `event.from` as it is sent."""

    token: str
    events: list[Event]
    valid_ref_counts: dict[str, int] = {}


class Change(NamedTuple):
    """An object of a class that we know; `record` is None where it went."""

    cls: str
    ref: Ref
    record: msgspec.Struct | None


class Batch(NamedTuple):
    """What has changed, in its order; where to go on; and the rows by lower-case class."""

    changes: list[Change]
    token: str
    counts: dict[str, int]


_RESULT: Final = msgspec.json.Decoder(Result, strict=False)
_EVENT: Final = msgspec.json.Decoder(Event, strict=False)
Decoders = Mapping[str, msgspec.json.Decoder[msgspec.Struct]]
"""What decodes the records of each class."""


def decoders(kinds: Mapping[str, type[msgspec.Struct]]) -> Decoders:
    """Those of these kinds of records, by class."""
    return {name: msgspec.json.Decoder(kind, strict=False) for name, kind in kinds.items()}


DECODERS: Final = decoders(CLASSES)


def read(
    body: bytes, what: str, given_up: Callable[[], bool], records: Decoders = DECODERS
) -> Batch:
    """The batch in an answer to `event.from`; of a large one it may be called in a thread.

    Ends with TooLate once `given_up` says so. Raises ApiFailure, and BadAnswer with `what` in it.
    """
    changes: list[Change] = []

    def note(event: Event) -> None:
        change = _change(event, records)
        if change is not None:
            changes.append(change)

    if len(body) >= LARGE:
        body = _without_events(body, what, given_up, note)
    result = reply.result(_RESULT, body, what)
    for event in result.events:
        note(event)
    counts = {name.lower(): count for name, count in result.valid_ref_counts.items()}
    return Batch(changes, result.token, counts)


def _without_events(
    body: bytes, what: str, given_up: Callable[[], bool], note: Callable[[Event], None]
) -> bytes:
    """Give the events in a body to `note`; the rest is as short as it must be."""
    events = 0

    def take(element: bytes) -> None:
        nonlocal events
        events += 1
        if given_up():
            raise TooLate(f"{what} was not read in time")
        if events > _MOST_EVENTS:
            raise BadAnswer(f"there are more than {_MOST_EVENTS} events")
        note(json_text.decode(_EVENT, element, "an event"))

    try:
        rest = take_apart(body, b"events", take)
    except BadAnswer as error:
        raise BadAnswer(f"{what} can't be decoded: {error}") from error
    if len(rest) > _LONGEST_REST:
        raise BadAnswer(f"{what} can't be decoded ({len(rest)} bytes of it are no events)")
    return rest


def _change(event: Event, records: Decoders) -> Change | None:
    name = event.cls.lower()
    decoder = records.get(name)
    if decoder is None:
        return None
    if event.operation == "del":
        return Change(name, event.ref, None)
    if not event.snapshot:
        raise BadAnswer(f"event.from gives no record with {event.operation} of a {name}")
    record = json_text.decode(decoder, event.snapshot, f"the {name} record {event.ref}")
    return Change(name, event.ref, record)

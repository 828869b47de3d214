"""What XAPI tells of what it does: messages and tasks."""

import sys
from typing import Final

import msgspec
from msgspec.structs import force_setattr

ALARM: Final = "ALARM"
"""The name of the messages by which a host's perfmon warns of a value."""

_LONGEST: Final = 100  # characters of a name; those of XAPI's own have half of it


def _name(text: str) -> str:
    """A name that many records have, kept once, and cut where it is no name."""
    return sys.intern(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


class Message(msgspec.Struct, frozen=True, gc=False):
    """Class `message`; nothing of its body, which may be any text.

    There may be ten thousand: `obj_uuid` is kept of alarms alone. `timestamp` is a date without
    dashes, so that a later one is greater.
    """

    name: str = ""
    priority: int | None = None
    cls: str = ""
    obj_uuid: str = ""
    timestamp: str = ""

    def __post_init__(self) -> None:
        """Keep no more than is wanted."""
        force_setattr(self, "name", _name(self.name))
        force_setattr(self, "cls", _name(self.cls))
        force_setattr(self, "timestamp", self.timestamp[:32].replace("-", ""))
        if self.name != ALARM:
            force_setattr(self, "obj_uuid", "")


class Task(msgspec.Struct, frozen=True, gc=False):
    """Class `task`; neither its result nor what went wrong, which hold what callers gave."""

    name_label: str = ""
    status: str = ""
    created: str = ""

    def __post_init__(self) -> None:
        """Keep no more than is wanted."""
        force_setattr(self, "name_label", _name(self.name_label))
        force_setattr(self, "status", _name(self.status))

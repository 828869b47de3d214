"""Which of several records is the first."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from xo_exporter.xapi.records import VBD, Ref


class HasUUID(Protocol):
    """A record with a UUID, as nearly all are."""

    @property
    def uuid(self) -> str:
        """The UUID, empty where there is none."""


Record = TypeVar("Record", bound=HasUUID)


def by_uuid(
    table: Mapping[Ref, Record], wanted: Callable[[Record], bool] = lambda _: True
) -> list[tuple[Ref, Record]]:
    """The wanted records of a class in the order of UUID, each UUID once, none without one."""
    found: dict[str, tuple[Ref, Record]] = {}
    for ref in sorted(table):
        record = table[ref]
        if record.uuid and wanted(record):
            found.setdefault(record.uuid, (ref, record))
    return [found[uuid] for uuid in sorted(found)]


def by_userdevice(vbd: VBD) -> tuple[bool, int, str]:
    """A key to sort the VBDs of a VM: by `userdevice` as a number, then by UUID."""
    device = vbd.userdevice
    numeric = device.isascii() and device.isdigit() and len(device) < 10
    return not numeric, int(device) if numeric else 0, vbd.uuid

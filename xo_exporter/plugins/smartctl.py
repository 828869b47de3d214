"""Whether the physical disks of a host deem themselves healthy: `health` of `smartctl.py`."""

from typing import Final

import msgspec

from xo_exporter.errors import ApiFailure, BadAnswer
from xo_exporter.plugins.plugin import (
    LONGEST_NAME,
    MOST_ITEMS,
    Call,
    Plugin,
    decode,
    is_its_own,
    live_hosts,
)
from xo_exporter.plugins.values import Disk, Disks

_FILE: Final = "smartctl.py"
_STATUS: Final = {"PASSED": True, "FAILED": False}


class _Status(msgspec.Struct, gc=False):
    status: str = ""


class _SmartStatus(msgspec.Struct, frozen=True, gc=False):
    passed: bool | None = None


class _Information(msgspec.Struct, gc=False):
    smart_status: _SmartStatus = _SmartStatus()


_HEALTH: Final = msgspec.json.Decoder(dict[str, str | _Status | None])
_INFORMATION: Final = msgspec.json.Decoder(dict[str, _Information | str])


def parse(text: str) -> Disks:
    """What `health` gives: PASSED or FAILED by device; raises BadAnswer."""
    found = decode(_HEALTH, text, _FILE)
    return _disks(
        {
            device: _STATUS.get(said.status if isinstance(said, _Status) else said or "")
            for device, said in found.items()
        }
    )


def parse_information(text: str) -> Disks:
    """What `information` gives: all that smartctl knows, by device; raises BadAnswer."""
    found = decode(_INFORMATION, text, _FILE)
    return _disks(
        {
            device: None if isinstance(told, str) else told.smart_status.passed
            for device, told in found.items()
        }
    )


def _disks(healthy: dict[str, bool | None]) -> Disks:
    if len(healthy) > MOST_ITEMS or any(len(device) > LONGEST_NAME for device in healthy):
        raise BadAnswer(f"{_FILE} gives {len(healthy)} disks, or names that are none")
    disks = []
    for name, is_healthy in healthy.items():
        device, _, kind = name.partition(":")  # before 8.3 there was the device alone
        disks.append(Disk(device, kind, is_healthy))
    return Disks(tuple(disks))


async def ask(call: Call) -> Disks:
    """The disks of a host."""
    try:
        text = await call("health")
    except ApiFailure as error:
        if not is_its_own(error):
            raise
        # smartctl ends with an error just where a disk is failing, and `health` with it.
        return parse_information(await call("information"))
    return parse(text)


PLUGIN: Final = Plugin(
    file=_FILE, interval=600.0, deadline=60.0, kept=1800.0, targets=live_hosts, ask=ask
)

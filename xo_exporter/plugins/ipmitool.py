"""The sensors of a host's BMC: `get_all_sensors` of `ipmitool.py`, the lines of `ipmitool sdr`."""

import re
from collections.abc import Mapping
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
from xo_exporter.plugins.values import Quantity, Sensor, Sensors

_FILE: Final = "ipmitool.py"
_READING: Final = re.compile(r"(-?[0-9]{1,15}(?:\.[0-9]{1,15})?) ([A-Za-z ]{1,20})")
_UNITS: Final[Mapping[str, tuple[Quantity, float, float]]] = {  # its zero, and how many make one
    "degrees C": ("celsius", 0.0, 1.0),
    "degrees F": ("celsius", 32.0, 1.8),
    "degrees K": ("celsius", 273.15, 1.0),
    "RPM": ("revolutions_per_second", 0.0, 60.0),
    "Volts": ("volts", 0.0, 1.0),
    "Amps": ("amperes", 0.0, 1.0),
    "Watts": ("watts", 0.0, 1.0),
    "percent": ("ratio", 0.0, 100.0),
}
_STATUS: Final = {"ok": True, "nc": False, "cr": False, "nr": False}
"""Within its thresholds, or beyond the non-critical, critical, non-recoverable one."""


class _Line(msgspec.Struct, gc=False):
    name: str
    value: str
    event: str = ""


_LINES: Final = msgspec.json.Decoder(list[_Line])
_FLAG: Final = msgspec.json.Decoder(bool)


def parse(text: str) -> Sensors:
    """What `get_all_sensors` gives; raises BadAnswer.

    Of sensors with one name (a Dell has a "Temp" for each CPU) the second is "Temp (2)" and so
    on, in the order of the BMC, whether they have a reading at the moment or not.
    """
    lines = decode(_LINES, text, _FILE)
    if len(lines) > MOST_ITEMS:
        raise BadAnswer(f"{_FILE} gives {len(lines)} sensors")
    sensors: list[Sensor] = []
    names: set[str] = set()
    for line in lines:
        name = line.name[:LONGEST_NAME]
        number = 1
        while name in names:
            number += 1
            name = f"{line.name[:LONGEST_NAME]} ({number})"
        names.add(name)
        found = _READING.fullmatch(line.value)
        if found and found[2] in _UNITS:
            quantity, zero, divisor = _UNITS[found[2]]
            value = (float(found[1]) - zero) / divisor
            sensors.append(Sensor(name, quantity, value, _STATUS.get(line.event)))
    return Sensors(tuple(sensors))


async def ask(call: Call) -> Sensors:
    """The sensors of a host that have a reading."""
    try:
        text = await call("get_all_sensors")
    except ApiFailure as error:
        if is_its_own(error) and not await _has_device(call):
            return Sensors(())
        raise
    return parse(text)


async def _has_device(call: Call) -> bool:
    return decode(_FLAG, await call("is_ipmi_device_available"), _FILE)


PLUGIN: Final = Plugin(
    file=_FILE, interval=60.0, deadline=20.0, kept=900.0, targets=live_hosts, ask=ask
)

"""The sensors of a BMC, as `ipmitool.py` tells them."""

import json
from collections.abc import Callable

import pytest

from xo_exporter.errors import ApiFailure, BadAnswer
from xo_exporter.plugins.ipmitool import ask, parse
from xo_exporter.plugins.plugin import Call
from xo_exporter.plugins.values import Quantity, Sensor, Sensors


def lines(*sensors: tuple[str, str, str]) -> str:
    """Write sensors as the plugin does."""
    return json.dumps([dict(zip(("name", "value", "event"), one, strict=True)) for one in sensors])


@pytest.mark.parametrize(
    ("reading", "quantity", "value"),
    [
        ("24 degrees C", "celsius", 24),
        ("-3 degrees C", "celsius", -3),
        ("212 degrees F", "celsius", 100),
        ("273.15 degrees K", "celsius", 0),
        ("4920 RPM", "revolutions_per_second", 82),
        ("3.31 Volts", "volts", 3.31),
        ("0.60 Amps", "amperes", 0.6),
        ("126 Watts", "watts", 126),
        ("23.52 percent", "ratio", 0.2352),
    ],
)
def test_a_reading_is_in_base_units(reading: str, quantity: Quantity, value: float) -> None:
    """Each unit of ipmitool's becomes a base unit."""
    (sensor,) = parse(lines(("One", reading, "ok"))).sensors
    assert (sensor.name, sensor.quantity, sensor.is_ok) == ("One", quantity, True)
    assert sensor.value == pytest.approx(value)


@pytest.mark.parametrize(
    "reading",
    [
        *("Not Readable", "no reading", "disabled", "0x00", "", "12", "12 furlongs", "RPM"),
        *("nan Watts", "1e999 Watts", f"{'9' * 400} Watts", "12  Watts", "12 Watts\n"),
    ],
)
def test_what_is_no_reading_is_no_sensor(reading: str) -> None:
    """A sensor without a number in a known unit is left out."""
    assert parse(lines(("One", reading, "ns"))).sensors == ()


@pytest.mark.parametrize(
    ("event", "is_ok"),
    [("ok", True), ("nc", False), ("cr", False), ("nr", False), ("ns", None), ("", None)],
)
def test_a_status_says_whether_the_reading_is_within_its_thresholds(
    event: str, *, is_ok: bool | None
) -> None:
    """A threshold that is passed, whichever, is not ok; other words are unknown."""
    (sensor,) = parse(lines(("Fan", "600 RPM", event))).sensors
    assert sensor.is_ok is is_ok


def test_sensors_of_one_name_are_numbered() -> None:
    """The second is told apart by its number, which it keeps when the first has no reading."""
    one, two = ("Temp", "45 degrees C", "ok"), ("Temp", "42 degrees C", "ok")
    taken = ("Temp (2)", "1 degrees C", "ok")
    assert [sensor.name for sensor in parse(lines(one, two)).sensors] == ["Temp", "Temp (2)"]
    unread = ("Temp", "no reading", "ns")
    assert [sensor.name for sensor in parse(lines(unread, two)).sensors] == ["Temp (2)"]
    names = [sensor.name for sensor in parse(lines(taken, one, two)).sensors]
    assert names == ["Temp (2)", "Temp", "Temp (3)"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "{}", "true", '[{"name": "x"}]', '[{"name": 1, "value": "2 RPM"}]', "[[]]"),
        json.dumps([{"name": f"s{number}", "value": "1 RPM"} for number in range(1001)]),
    ],
)
def test_what_is_no_list_of_sensors_is_refused(text: str) -> None:
    """Anything else, and more sensors than any host has, is a bad answer."""
    with pytest.raises(BadAnswer):
        parse(text)


def test_names_are_of_bounded_length() -> None:
    """A name longer than any BMC's is cut."""
    (sensor,) = parse(lines(("x" * 10_000, "1 RPM", "ok"))).sensors
    assert len(sensor.name) == 200


async def test_a_host_without_a_bmc_has_no_sensors(
    answering: Callable[..., Call], own_failure: ApiFailure
) -> None:
    """Where the plugin fails and says that there is no device, that is no fault."""
    call = answering(get_all_sensors=own_failure, is_ipmi_device_available="false")
    assert await ask(call) == Sensors(())


@pytest.mark.parametrize("available", ["true", "perhaps"])
async def test_a_bmc_that_can_not_be_read_is_a_fault(
    answering: Callable[..., Call], own_failure: ApiFailure, available: str
) -> None:
    """Where there is a device, or that can't be told, the failure is one."""
    call = answering(get_all_sensors=own_failure, is_ipmi_device_available=available)
    with pytest.raises((ApiFailure, BadAnswer)):
        await ask(call)


async def test_xapis_own_failure_is_not_asked_about(answering: Callable[..., Call]) -> None:
    """An error that XAPI gives is no reason for a second call."""
    call = answering(get_all_sensors=ApiFailure("XENAPI_MISSING_PLUGIN", ("ipmitool.py",)))
    with pytest.raises(ApiFailure, match="XENAPI_MISSING_PLUGIN"):
        await ask(call)


async def test_the_sensors_are_asked_for(answering: Callable[..., Call]) -> None:
    """What the plugin gives is parsed."""
    call = answering(get_all_sensors=lines(("Fan1A", "60 RPM", "ok")))
    assert await ask(call) == Sensors((Sensor("Fan1A", "revolutions_per_second", 1.0, is_ok=True),))

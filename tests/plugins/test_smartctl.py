"""The health of disks, as `smartctl.py` tells it."""

import json
from collections.abc import Callable

import pytest

from xo_exporter.errors import ApiFailure, BadAnswer
from xo_exporter.plugins.plugin import Call
from xo_exporter.plugins.smartctl import ask, parse, parse_information
from xo_exporter.plugins.values import Disks


def seen(disks: Disks) -> dict[tuple[str, str], bool | None]:
    """Give health by device and type."""
    return {(disk.device, disk.type): disk.is_healthy for disk in disks.disks}


@pytest.mark.parametrize(
    ("text", "disks"),
    [
        ("{}", {}),
        ('{"/dev/sda": "PASSED", "/dev/sdb": "FAILED"}', {("/dev/sda", ""): True}
         | {("/dev/sdb", ""): False}),
        ('{"/dev/sda:sat": "PASSED"}', {("/dev/sda", "sat"): True}),
        ('{"/dev/bus/0:megaraid,1": "FAILED", "/dev/bus/0:megaraid,2": "PASSED"}',
         {("/dev/bus/0", "megaraid,1"): False, ("/dev/bus/0", "megaraid,2"): True}),
        ('{"/dev/sda": {"status": "PASSED"}}', {("/dev/sda", ""): True}),
        ('{"/dev/sda": "Error: x", "/dev/sdb": null, "/dev/sdc": {}}',
         {("/dev/sda", ""): None, ("/dev/sdb", ""): None, ("/dev/sdc", ""): None}),
    ],
)  # fmt: skip
def test_health(text: str, disks: dict[tuple[str, str], bool | None]) -> None:
    """PASSED is healthy, FAILED is not, anything else is unknown."""
    assert seen(parse(text)) == disks


def test_information() -> None:
    """Of all that smartctl knows the result of the disk's own test is taken."""
    text = json.dumps(
        {
            "/dev/sda:sat": {"smart_status": {"passed": True}, "temperature": {"current": 35}},
            "/dev/sdb:sat": {"smart_status": {"passed": False}},
            "/dev/sdc:sat": {"smartctl": {"exit_status": 2}},
            "/dev/sdd": "Error: x",
        }
    )
    assert seen(parse_information(text)) == {
        ("/dev/sda", "sat"): True,
        ("/dev/sdb", "sat"): False,
        ("/dev/sdc", "sat"): None,
        ("/dev/sdd", ""): None,
    }


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", '"PASSED"', '{"/dev/sda": 1}', '{"/dev/sda": ["PASSED"]}'),
        json.dumps({f"/dev/sd{number}": "PASSED" for number in range(1001)}),
        json.dumps({"x" * 201: "PASSED"}),
    ],
)
def test_what_is_no_table_of_disks_is_refused(text: str) -> None:
    """Anything else, and more disks than any host has, is a bad answer."""
    with pytest.raises(BadAnswer):
        parse(text)


async def test_a_disk_that_fails_is_seen_though_the_plugin_fails_with_it(
    answering: Callable[..., Call], own_failure: ApiFailure
) -> None:
    """The exit status of smartctl on a failing disk ends `health`, and not `information`."""
    information = json.dumps({"/dev/sda:sat": {"smart_status": {"passed": False}}})
    call = answering(health=own_failure, information=information)
    assert seen(await ask(call)) == {("/dev/sda", "sat"): False}


async def test_a_plugin_that_fails_altogether_is_a_fault(
    answering: Callable[..., Call], own_failure: ApiFailure
) -> None:
    """When neither function answers, nothing is known."""
    with pytest.raises(ApiFailure):
        await ask(answering(health=own_failure, information=own_failure))


async def test_a_missing_plugin_is_asked_once(answering: Callable[..., Call]) -> None:
    """XAPI's own error is no reason for a second call."""
    with pytest.raises(ApiFailure, match="XENAPI_MISSING_PLUGIN"):
        await ask(answering(health=ApiFailure("XENAPI_MISSING_PLUGIN")))

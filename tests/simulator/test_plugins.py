"""The plugins of simulated hosts, as a client of XAPI calls them."""

import json
from typing import Any

import pytest

from xo_exporter.errors import ApiFailure
from xo_exporter.simulator import SimulatedPool, make_estate
from xo_exporter.simulator.estate_xostor import GROUP

CALL = "host.call_plugin"


async def call(
    xapi: Any, pool: SimulatedPool, plugin: str, function: str, host: str = "", **arguments: str
) -> Any:
    """Call a plugin on a host, the master unless told otherwise, and give the whole answer."""
    session = await xapi.login(pool)
    return await xapi.call(
        pool.url, CALL, session, host or pool.master, plugin, function, arguments
    )


async def test_every_plugin_answers_in_json(pool: SimulatedPool, xapi: Any) -> None:
    """A text that is JSON, as XCP-ng's plugins give; each call is counted."""
    for plugin, function, kind in (
        ("updater.py", "check_update", list),
        ("ipmitool.py", "get_all_sensors", list),
        ("ipmitool.py", "is_ipmi_device_available", bool),
        ("smartctl.py", "health", dict),
        ("smartctl.py", "information", dict),
    ):
        answer = await call(xapi, pool, plugin, function)
        assert isinstance(json.loads(answer["result"]), kind)
        assert pool.plugins.calls[plugin, function] == 1
    assert pool.calls[CALL] == 5


async def test_linstor_is_asked_by_its_group(pool: SimulatedPool, xapi: Any) -> None:
    """Each host is a node; a group that is none is a failure."""
    answer = await call(xapi, pool, "linstor-manager", "healthCheck", groupName=GROUP)
    health = json.loads(answer["result"])
    hosts = pool.database.tables["host"].values()
    assert set(health["nodes"]) == {host["hostname"] for host in hosts}
    answer = await call(xapi, pool, "linstor-manager", "healthCheck", groupName="none")
    assert answer["error"]["message"] == "XENAPI_PLUGIN_FAILURE"


@pytest.mark.parametrize(
    ("plugin", "function", "code"),
    [
        ("nothing.py", "health", "XENAPI_MISSING_PLUGIN"),
        ("smartctl.py", "nothing", "UNKNOWN_XENAPI_PLUGIN_FUNCTION"),
    ],
)
async def test_what_is_not_there(
    pool: SimulatedPool, xapi: Any, plugin: str, function: str, code: str
) -> None:
    """XAPI's own errors say so."""
    answer = await call(xapi, pool, plugin, function)
    assert answer["error"]["message"] == code


async def test_a_host_that_is_down_or_none(pool: SimulatedPool, xapi: Any) -> None:
    """Nothing is asked of it."""
    host = next(ref for ref in pool.database.tables["host"] if ref != pool.master)
    metrics = pool.database.tables["host"][host]["metrics"]
    pool.database.modify("host_metrics", metrics, live=False)
    answer = await call(xapi, pool, "updater.py", "check_update", host)
    assert answer["error"]["message"] == "HOST_OFFLINE"
    answer = await call(xapi, pool, "updater.py", "check_update", "OpaqueRef:none")
    assert answer["error"]["message"] == "HANDLE_INVALID"


async def test_health_fails_where_a_disk_does(pool: SimulatedPool, xapi: Any) -> None:
    """As on real hosts, where smartctl ends with an error then; `information` still answers."""
    host = list(pool.database.tables["host"])[2]
    answer = await call(xapi, pool, "smartctl.py", "health", host)
    assert answer["error"]["message"] == "-1"
    answer = await call(xapi, pool, "smartctl.py", "information", host)
    passed = {
        name: told["smart_status"]["passed"] for name, told in json.loads(answer["result"]).items()
    }
    assert passed == {"/dev/sda:sat": True, "/dev/sdb:sat": False, "/dev/nvme0:nvme": True}


async def test_a_test_may_give_an_answer_of_its_own(pool: SimulatedPool, xapi: Any) -> None:
    """In place of what the plugin would tell, or as a failure."""
    pool.plugins.answers["updater.py", "check_update"] = "odd"
    assert (await call(xapi, pool, "updater.py", "check_update"))["result"] == "odd"
    pool.plugins.answers["updater.py", "check_update"] = ApiFailure("X", ("y",))
    answer = await call(xapi, pool, "updater.py", "check_update")
    assert answer["error"] == {"code": 1, "message": "X", "data": ["y"]}


def test_hosts_of_8_2_lack_the_newer_plugins() -> None:
    """They have packages to update, and neither sensors, disks nor LINSTOR."""
    pool = SimulatedPool(make_estate(hosts=3, vms=1, seed=1, generation="g1"))
    assert pool.plugins.call(pool.master, "updater.py", "check_update", {})
    for plugin, function in (("ipmitool.py", "get_all_sensors"), ("smartctl.py", "health")):
        with pytest.raises(ApiFailure, match="XENAPI_MISSING_PLUGIN"):
            pool.plugins.call(pool.master, plugin, function, {})
    assert not pool.database.find("SR", type="linstor")


def test_a_host_without_a_bmc_says_so() -> None:
    """The fourth host has none: no sensors, and no device."""
    pool = SimulatedPool(make_estate(hosts=4, vms=1, seed=1))
    host = list(pool.database.tables["host"])[3]
    assert pool.plugins.call(host, "ipmitool.py", "is_ipmi_device_available", {}) == "false"
    with pytest.raises(ApiFailure):
        pool.plugins.call(host, "ipmitool.py", "get_all_sensors", {})

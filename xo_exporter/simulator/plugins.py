"""The plugins on the simulated hosts: what `host.call_plugin` answers, as XCP-ng's own do."""

import json
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from xo_exporter.errors import ApiFailure
from xo_exporter.simulator.database import Database
from xo_exporter.simulator.schema import Record

_Function = Callable[["Plugins", str, Mapping[str, str]], str]

_GIB: Final = 1 << 30
_PACKAGES: Final = (
    ("xen-hypervisor", "The Xen hypervisor itself", 2_871_344),
    ("xen-dom0-libs", "Xen Domain 0 libraries", 771_228),
    ("xapi-core", "The xapi toolstack", 18_322_104),
    ("sm", "Storage managers for XAPI", 541_912),
    ("microcode_ctl", "CPU microcode updates", 6_291_456),
)
# Name, reading, unit and how it prints, as `ipmitool sdr list` has them on a Dell; None is not
# read, and two sensors have one name.
_SENSORS: Final = (
    ("SEL", None, "", "ns"),
    ("Intrusion", None, "0x00", "ok"),
    ("Fan1A", 4920, "RPM", "ok"),
    ("Fan2A", 4800, "RPM", "ok"),
    ("Inlet Temp", 24, "degrees C", "ok"),
    ("Exhaust Temp", 35, "degrees C", "ok"),
    ("Temp", 45, "degrees C", "ok"),
    ("Temp", 42, "degrees C", "nc"),
    ("Current 1", 0.6, "Amps", "ok"),
    ("Voltage 1", 232, "Volts", "ok"),
    ("Pwr Consumption", 126, "Watts", "ok"),
    ("CPU Usage", 12, "percent", "ok"),
    ("GPU Temp", None, "no reading", "ns"),
)
_STATES: Final = ("UpToDate", "UpToDate", "Inconsistent")


class Plugins:
    """All plugins of a pool's hosts.

    calls: how often each was asked, by plugin and function;
    answers: texts, or failures, in place of what a function would answer, by the same;
    clock: gives a host's time by its reference.
    """

    def __init__(self, database: Database, clock: Callable[[str], float]) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.answers: dict[tuple[str, str], str | ApiFailure] = {}
        self._database = database
        self._clock = clock

    def call(self, host: str, plugin: str, function: str, arguments: Mapping[str, str]) -> str:
        """Answer a call to a host; raises ApiFailure as XAPI or the plugin would."""
        self.calls[plugin, function] += 1
        record = self._database.get("host", host)
        if record is None:
            raise ApiFailure("HANDLE_INVALID", ("host", host))
        metrics = self._database.get("host_metrics", record["metrics"])
        if metrics is None or not metrics["live"]:
            raise ApiFailure("HOST_OFFLINE", (host,))
        given = self.answers.get((plugin, function))
        if isinstance(given, ApiFailure):
            raise given
        if given is not None:
            return given
        functions = _FUNCTIONS.get(plugin)
        if functions is None or (plugin in _SINCE_8_3 and self._database.generation == "g1"):
            raise ApiFailure("XENAPI_MISSING_PLUGIN", (plugin,))
        if function not in functions:
            raise ApiFailure("UNKNOWN_XENAPI_PLUGIN_FUNCTION", (function,))
        return functions[function](self, host, arguments)

    def _number(self, host: str) -> int:
        return list(self._database.tables["host"]).index(host)

    def check_update(self, host: str, _arguments: Mapping[str, str]) -> str:
        """Give the packages that have an update, a few on each host."""
        count = (self._number(host) * 2 + 3) % (len(_PACKAGES) + 1)
        return json.dumps(
            [
                {
                    "name": name,
                    "version": "4.17.5",
                    "release": "3.1.xcpng8.3",
                    "description": summary,
                    "changelog": {
                        "date": 1_714_392_000,
                        "author": "Maintainer <maintainer@example.org> - 4.17.5-3.1",
                        "description": "- Fix of a fault",
                    },
                    "url": "https://example.org",
                    "size": size,
                    "license": "GPLv2",
                }
                for name, summary, size in _PACKAGES[:count]
            ]
        )

    def all_sensors(self, host: str, arguments: Mapping[str, str]) -> str:
        """Give the sensors of the BMC, a little different each minute; of one host in four none."""
        if not json.loads(self.has_ipmi(host, arguments)):
            raise ApiFailure("1", ("IPMI not available",))
        step = (int(self._clock(host) // 60) + self._number(host)) % 5
        sensors = []
        for name, reading, unit, event in _SENSORS:
            value = unit or "Not Readable"
            if reading is not None:
                value = f"{round(reading * (1 + step / 100), 2):g} {unit}"
            sensors.append({"name": name, "value": value, "event": event})
        return json.dumps(sensors)

    def has_ipmi(self, host: str, _arguments: Mapping[str, str]) -> str:
        """Say whether there is a BMC."""
        return json.dumps(self._number(host) % 4 != 3)

    def health(self, host: str, _arguments: Mapping[str, str]) -> str:
        """Say of each disk whether it passes; where one fails, smartctl does, and so does this."""
        disks = self._disks(host)
        if not all(disks.values()):
            raise ApiFailure("-1", ("Command '['smartctl', '-j', '-H']' failed with code: 8",))
        return json.dumps(dict.fromkeys(disks, "PASSED"))

    def information(self, host: str, _arguments: Mapping[str, str]) -> str:
        """Give what smartctl knows of each disk."""
        return json.dumps(
            {
                name: {
                    "json_format_version": [1, 0],
                    "smartctl": {"version": [7, 0], "exit_status": 0 if passed else 8},
                    "device": {"name": name.partition(":")[0], "protocol": "ATA"},
                    "smart_status": {"passed": passed},
                    "power_on_time": {"hours": 9336},
                    "temperature": {"current": 35},
                }
                for name, passed in self._disks(host).items()
            }
        )

    def _disks(self, host: str) -> dict[str, bool]:
        number = self._number(host)
        return {"/dev/sda:sat": True, "/dev/sdb:sat": number % 8 != 2, "/dev/nvme0:nvme": True}

    def health_check(self, _host: str, arguments: Mapping[str, str]) -> str:
        """Say how LINSTOR is under the SR of a group: three replicas, the third a tie-breaker."""
        group = arguments.get("groupName", "")
        hosts = self._hosts_of(group)
        if not hosts:
            raise ApiFailure("XENAPI_PLUGIN_FAILURE", ("healthCheck", "Exception", "no such group"))
        names = ["xcp-persistent-database"]
        names += [f"xcp-volume-{zlib.crc32(f'{group}{n}'.encode()):08x}" for n in range(4)]
        nodes = [record["hostname"] for record in hosts]
        errors = []
        resources = {}
        for number, name in enumerate(names):
            state = _STATES[2] if number == len(names) - 1 else _STATES[0]
            replicas: dict[str, Any] = {
                nodes[(number + at) % len(nodes)]: _replica(state if at else _STATES[0], number)
                for at in range(min(2, len(nodes)))
            }
            if len(nodes) > 2:
                breaker = {"volumes": [], "diskful": False, "tie-breaker": True, "in-use": False}
                replicas[nodes[(number + 2) % len(nodes)]] = breaker
            resources[name] = {"nodes": replicas, "uuid": ""}
            if state != _STATES[0]:
                node = nodes[(number + 1) % len(nodes)]
                fault = {"node": node, "resource": name, "number": 0, "state": state}
                errors.append({"code": 0x2040001, **fault})
        storage = [{"name": f"xcp-sr-{group}", "free-size": 640 * _GIB, "capacity": 1024 * _GIB}]
        return json.dumps(
            {
                "controller-uri": f"linstor://{hosts[0]['address']}",
                "nodes": dict.fromkeys(nodes, "ONLINE"),
                "storage-pools": dict.fromkeys(nodes, storage),
                "resources": resources,
                "errors": errors,
            }
        )

    def _hosts_of(self, group: str) -> list[Record]:
        tables = self._database.tables
        return [
            tables["host"][pbd["host"]]
            for pbd in tables["PBD"].values()
            if pbd["device_config"].get("group-name") == group and pbd["host"] in tables["host"]
        ]


def _replica(state: str, number: int) -> dict[str, Any]:
    size = 8 * _GIB
    volume = {"number": 0, "device-path": f"/dev/drbd{1000 + number}", "usable-size": size}
    return {
        "volumes": [{**volume, "allocated-size": size // 3, "disk-state": state}],
        "diskful": True,
        "tie-breaker": False,
        "in-use": False,
    }


_FUNCTIONS: Final[Mapping[str, Mapping[str, _Function]]] = {
    "updater.py": {"check_update": Plugins.check_update},
    "ipmitool.py": {
        "get_all_sensors": Plugins.all_sensors,
        "is_ipmi_device_available": Plugins.has_ipmi,
    },
    "smartctl.py": {"health": Plugins.health, "information": Plugins.information},
    "linstor-manager": {"healthCheck": Plugins.health_check},
}
_SINCE_8_3: Final = frozenset({"ipmitool.py", "smartctl.py"})

"""Metrics of hosts that their plugins alone know: updates, sensors, disks.

A collector here is off by default: `host.call_plugin` wants the role pool-operator.
"""

from collections.abc import Iterator
from typing import Final

from xo_exporter.metrics import host
from xo_exporter.metrics.table import Metric, Pair, Table, each, each_of, gauge
from xo_exporter.model.plugins import HostPlugins, Plugins
from xo_exporter.plugins.values import Quantity, Sensor

ROLE: Final = "pool-operator"
"""The role that XAPI wants for `host.call_plugin`."""


def _labels(plugins: HostPlugins, pool: str) -> tuple[Pair, ...]:
    return host.TABLE.labels(plugins.host, pool)


def _sensors(plugins: HostPlugins) -> tuple[Sensor, ...]:
    answer = plugins.ipmi
    return answer.value.sensors if answer is not None and answer.value is not None else ()


def _sensor(name: str, help_text: str, quantity: Quantity) -> Metric[HostPlugins]:
    return each(
        name,
        help_text,
        "sensor",
        lambda plugins: (
            (sensor.name, sensor.value)
            for sensor in _sensors(plugins)
            if sensor.quantity == quantity
        ),
    )


def _packages(plugins: HostPlugins) -> int | None:
    answer = plugins.updater
    return answer.value.packages if answer is not None and answer.value is not None else None


def _disks(plugins: HostPlugins) -> Iterator[tuple[tuple[str, str], bool | None]]:
    answer = plugins.smart
    for disk in answer.value.disks if answer is not None and answer.value is not None else ():
        yield (disk.device, disk.type), disk.is_healthy


STATUS_TABLE: Final = Table[HostPlugins](
    collector="exporter",
    part="plugins",
    objects=lambda model: model.part(Plugins).hosts if Plugins in model.parts else (),
    label_names=host.TABLE.label_names,
    labels=_labels,
    metrics=(
        each(
            "xo_host_plugin_up",
            "Whether a plugin on a host gave what it should when it was last asked.",
            "plugin",
            lambda plugins: ((name, answer.is_up) for name, answer in plugins.answers),
        ),
        each(
            "xo_host_plugin_age_seconds",
            "Age of what a plugin on a host last gave; it is asked on an interval of its own.",
            "plugin",
            lambda plugins: ((name, answer.age) for name, answer in plugins.answers),
        ),
    ),
)

UPDATER_TABLE: Final = Table[HostPlugins](
    collector="plugin_updater",
    default=False,
    stable=False,
    role=ROLE,
    part="plugins",
    objects=STATUS_TABLE.objects,
    label_names=host.TABLE.label_names,
    labels=_labels,
    metrics=(
        gauge(
            "xo_host_pending_packages",
            "Packages of a host that have an update in its repositories, from check_update of the "
            "plugin updater.py.",
            _packages,
        ),
    ),
)

IPMI_TABLE: Final = Table[HostPlugins](
    collector="plugin_ipmi",
    default=False,
    stable=False,
    role=ROLE,
    part="plugins",
    objects=STATUS_TABLE.objects,
    label_names=host.TABLE.label_names,
    labels=_labels,
    metrics=(
        _sensor(
            "xo_host_ipmi_temperature_celsius",
            "Temperatures by the sensors of a host's BMC, from get_all_sensors of the plugin "
            "ipmitool.py.",
            "celsius",
        ),
        _sensor(
            "xo_host_ipmi_fan_revolutions_per_second",
            "Speeds of a host's fans by its BMC, which has them by the minute, from the plugin "
            "ipmitool.py.",
            "revolutions_per_second",
        ),
        _sensor(
            "xo_host_ipmi_power_watts",
            "Power that a host and its parts take, by its BMC, from the plugin ipmitool.py.",
            "watts",
        ),
        _sensor(
            "xo_host_ipmi_voltage_volts",
            "Voltages in a host, by its BMC, from the plugin ipmitool.py.",
            "volts",
        ),
        _sensor(
            "xo_host_ipmi_current_amperes",
            "Currents in a host, by its BMC, from the plugin ipmitool.py.",
            "amperes",
        ),
        _sensor(
            "xo_host_ipmi_level_ratio",
            "What a host's BMC has as a percentage, such as the speeds of some makers' fans, from "
            "the plugin ipmitool.py.",
            "ratio",
        ),
        each(
            "xo_host_ipmi_sensor_ok",
            "Whether what a sensor of a host's BMC reads is within its thresholds, from the plugin "
            "ipmitool.py.",
            "sensor",
            lambda plugins: ((sensor.name, sensor.is_ok) for sensor in _sensors(plugins)),
        ),
    ),
)

SMART_TABLE: Final = Table[HostPlugins](
    collector="plugin_smart",
    default=False,
    stable=False,
    role=ROLE,
    part="plugins",
    objects=STATUS_TABLE.objects,
    label_names=host.TABLE.label_names,
    labels=_labels,
    metrics=(
        each_of(
            "xo_host_disk_healthy",
            "Whether a physical disk of a host passes its own test by SMART, from health of the "
            "plugin smartctl.py.",
            ("device", "disk_type"),
            _disks,
        ),
    ),
)

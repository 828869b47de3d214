"""What plugins tell: each value, and the metric, labels and value that become of it."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest

from tests.metrics.families import pool_families, table_families
from xo_exporter.metrics import plugin_host, plugin_sr
from xo_exporter.metrics.table import Table
from xo_exporter.metrics.tables import COLLECTORS, ROLES, plugins
from xo_exporter.model.kept import KeptModel
from xo_exporter.model.objects import SR, PoolModel
from xo_exporter.model.plugins import HostPlugins, Plugins, SRPlugins
from xo_exporter.plugins.values import (
    NO_RESULTS,
    Answer,
    Disk,
    Disks,
    PluginResults,
    Quantity,
    Sensor,
    Sensors,
    StorageNode,
    Updates,
    Xostor,
)
from xo_exporter.simulator import Generation
from xo_exporter.xapi.records import CLASSES, Records

OURS: Final = ("plugin_updater", "plugin_ipmi", "plugin_smart", "plugin_xostor")
TABLES: Final[tuple[Table[Any], ...]] = (
    *(plugin_host.STATUS_TABLE, plugin_host.UPDATER_TABLE, plugin_host.IPMI_TABLE),
    *(plugin_host.SMART_TABLE, plugin_sr.STATUS_TABLE, plugin_sr.XOSTOR_TABLE),
)
HOST: Final = {"uuid": "host-uuid", "name_label": "Host", "pool": "Pool", "container": "Pool"}
SR_LABELS: Final = {"uuid": "x", "name_label": "XOSTOR", "pool": "Pool", "container": "Pool"}
XOSTOR: Final = Xostor(
    nodes=(
        StorageNode("alpha", "ONLINE", 1000, 400),
        StorageNode("beta", "OFFLINE", None, None),
        StorageNode("gamma", "OFFLINE", 1000, 0),
    ),
    resources=7,
    replicas={"UpToDate": 12, "Inconsistent": 2},
    problems={"warning": 2, "error": 1},
)

Samples = list[tuple[dict[str, str], float]]


def samples(model: PoolModel, name: str, own: dict[str, str]) -> Samples:
    """Give the samples of a family, their further labels and values."""
    found = [
        (dict(labels.pairs), float(value))
        for family in table_families(TABLES, model, "Pool")
        if family.name == name
        for labels, value in family.samples
    ]
    assert all(own.items() <= labels.items() for labels, _ in found)
    return [({k: v for k, v in labels.items() if k not in own}, value) for labels, value in found]


@pytest.fixture
def pool(full: PoolModel) -> PoolModel:
    """Give a pool that has an SR on LINSTOR."""
    sr = SR(
        UUID="x",
        name_label="XOSTOR",
        name_description="",
        tags=[],
        SR_type="linstor",
        shared=True,
        physical_usage=None,
        usage=None,
        size=None,
        container=full.pool,
        pool=full.pool,
    )
    full.SRs.append(sr)
    full.parts[Plugins] = Plugins([HostPlugins(full.hosts[0])], [SRPlugins(sr)])
    return full


def take(pool: PoolModel, **results: Any) -> PoolModel:
    """Put in what plugins tell of the host and of the SR, now."""
    keys = {"xostor": "x"}
    pool.part(Plugins).take(
        PluginResults(
            **{
                name: {keys.get(name, "host-uuid"): Answer(is_up=True, value=value, age=12.5)}
                for name, value in results.items()
            }
        )
    )
    return pool


@pytest.mark.parametrize("packages", [0, 17])
def test_packages(pool: PoolModel, packages: int) -> None:
    """The count of packages that have an update; 0 is known."""
    take(pool, updater=Updates(packages))
    assert samples(pool, "xo_host_pending_packages", HOST) == [({}, packages)]


@pytest.mark.parametrize(
    ("quantity", "name"),
    [
        ("celsius", "xo_host_ipmi_temperature_celsius"),
        ("revolutions_per_second", "xo_host_ipmi_fan_revolutions_per_second"),
        ("watts", "xo_host_ipmi_power_watts"),
        ("volts", "xo_host_ipmi_voltage_volts"),
        ("amperes", "xo_host_ipmi_current_amperes"),
        ("ratio", "xo_host_ipmi_level_ratio"),
    ],
)
def test_sensors(pool: PoolModel, quantity: Quantity, name: str) -> None:
    """A sensor's value is in the family of its quantity, and in no other."""
    take(pool, ipmi=Sensors((Sensor("One", quantity, 2.5, is_ok=True),)))
    assert samples(pool, name, HOST) == [({"sensor": "One"}, 2.5)]
    with_values = [
        metric.name for metric in plugin_host.IPMI_TABLE.metrics if samples(pool, metric.name, HOST)
    ]
    assert with_values == [name, "xo_host_ipmi_sensor_ok"]


def test_thresholds(pool: PoolModel) -> None:
    """Within the thresholds is 1, beyond one is 0, unknown is no sample."""
    sensors = [Sensor(str(ok), "watts", 1.0, is_ok=ok) for ok in (True, False, None)]
    take(pool, ipmi=Sensors(tuple(sensors)))
    assert samples(pool, "xo_host_ipmi_sensor_ok", HOST) == [
        ({"sensor": "True"}, 1),
        ({"sensor": "False"}, 0),
    ]


def test_disks(pool: PoolModel) -> None:
    """A healthy disk is 1, a failing one 0, an unknown one no sample."""
    disks = (
        Disk("/dev/sda", "sat", is_healthy=True),
        Disk("/dev/sdb", "sat", is_healthy=False),
        Disk("/dev/sdc", "", is_healthy=None),
    )
    take(pool, smart=Disks(disks))
    assert samples(pool, "xo_host_disk_healthy", HOST) == [
        ({"device": "/dev/sda", "disk_type": "sat"}, 1),
        ({"device": "/dev/sdb", "disk_type": "sat"}, 0),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("xo_sr_xostor_nodes", [({"state": "ONLINE"}, 1), ({"state": "OFFLINE"}, 2)]),
        ("xo_sr_xostor_node_online",
         [({"node": "alpha"}, 1), ({"node": "beta"}, 0), ({"node": "gamma"}, 0)]),
        ("xo_sr_xostor_node_size_bytes", [({"node": "alpha"}, 1000), ({"node": "gamma"}, 1000)]),
        ("xo_sr_xostor_node_free_bytes", [({"node": "alpha"}, 400), ({"node": "gamma"}, 0)]),
        ("xo_sr_xostor_resources", [({}, 7)]),
        ("xo_sr_xostor_replicas", [({"state": "UpToDate"}, 12), ({"state": "Inconsistent"}, 2)]),
        ("xo_sr_xostor_problems", [({"severity": "warning"}, 2), ({"severity": "error"}, 1)]),
    ],
)  # fmt: skip
def test_xostor(pool: PoolModel, name: str, expected: Samples) -> None:
    """Nodes, resources and replicas by state, with the labels of the SR."""
    take(pool, xostor=XOSTOR)
    assert samples(pool, name, SR_LABELS) == expected


def test_the_good_state_is_there_when_nothing_is_in_it(pool: PoolModel) -> None:
    """A cluster with no node online and no good replica has both at 0."""
    node = StorageNode("alpha", "OFFLINE", None, None)
    take(pool, xostor=Xostor((node,), 1, {"DUnknown": 1}, {}))
    assert samples(pool, "xo_sr_xostor_nodes", SR_LABELS)[0] == ({"state": "ONLINE"}, 0)
    assert samples(pool, "xo_sr_xostor_replicas", SR_LABELS)[0] == ({"state": "UpToDate"}, 0)


def test_unknown_is_no_sample(pool: PoolModel) -> None:
    """What could not be looked at is not counted as none."""
    take(pool, xostor=Xostor((), None, None, {}))
    assert samples(pool, "xo_sr_xostor_resources", SR_LABELS) == []
    assert samples(pool, "xo_sr_xostor_replicas", SR_LABELS) == []


def test_whether_a_plugin_answers_and_how_old_its_answer_is(pool: PoolModel) -> None:
    """Of each plugin that was asked, by its name on the host; the age where it ever answered."""
    pool.part(Plugins).take(
        PluginResults(
            updater={"host-uuid": Answer(is_up=True, value=Updates(1), age=3599.0)},
            smart={"host-uuid": Answer(is_up=False)},
            ipmi={"host-uuid": Answer(is_up=False, age=1000.0)},
            xostor={"x": Answer(is_up=True, value=XOSTOR, age=1.5)},
        )
    )
    assert samples(pool, "xo_host_plugin_up", HOST) == [
        ({"plugin": "updater.py"}, 1),
        ({"plugin": "ipmitool.py"}, 0),
        ({"plugin": "smartctl.py"}, 0),
    ]
    assert samples(pool, "xo_host_plugin_age_seconds", HOST) == [
        ({"plugin": "updater.py"}, 3599.0),
        ({"plugin": "ipmitool.py"}, 1000.0),
    ]
    assert samples(pool, "xo_sr_plugin_up", SR_LABELS) == [({"plugin": "linstor-manager"}, 1)]
    assert samples(pool, "xo_sr_plugin_age_seconds", SR_LABELS) == [
        ({"plugin": "linstor-manager"}, 1.5)
    ]


def test_nothing_told_is_no_sample(pool: PoolModel) -> None:
    """While no plugin has answered there is no sample, and no error."""
    pool.part(Plugins).take(NO_RESULTS)
    for family in table_families(TABLES, pool, "Pool"):
        assert not family.samples


def test_an_old_pool_gives_what_it_has(estate_of: Callable[[Generation], PoolModel]) -> None:
    """Hosts of 8.2 have one of the plugins; the others are down, and give no sample."""
    model = estate_of("g1")
    families = pool_families(model, "Pool", dict.fromkeys(COLLECTORS, True))
    found = {family.name for family in families if family.samples}
    assert "xo_host_pending_packages" in found
    assert not {name for name in found if "ipmi" in name or "disk_healthy" in name}
    ups = samples(model, "xo_host_plugin_up", {})
    down = {labels["plugin"] for labels, value in ups if not value}
    assert down == {"ipmitool.py", "smartctl.py"}


def test_all_are_off_by_default_and_name_their_role() -> None:
    """Who runs the exporter read-only loses nothing and is asked for nothing."""
    assert {name: COLLECTORS[name] for name in OURS} == dict.fromkeys(OURS, False)
    assert dict.fromkeys(OURS, "pool-operator") == ROLES


def test_the_collectors_say_which_plugins_are_asked() -> None:
    """Each its own; none by default."""
    assert plugins(COLLECTORS) == plugins({}) == frozenset()
    assert plugins({"plugin_ipmi": True, "vm": True}) == {"ipmi"}
    assert plugins(dict.fromkeys(OURS, True)) == {"updater", "ipmi", "smart", "xostor"}


def test_a_kept_model_takes_in_what_is_told_later() -> None:
    """New answers change the model that is kept, and are among the changes; the same are not."""
    tables: dict[str, Any] = {name: {} for name in CLASSES}
    tables |= {"pool": {"p": {"uuid": "p", "master": "h"}}, "host": {"h": {"uuid": "h"}}}
    records = msgspec.convert(tables, Records)
    kept = KeptModel()
    model, changes = kept.update(records, {})
    assert changes is None
    told = Answer(is_up=True, value=Updates(3), age=0.0)
    results = PluginResults(updater={"h": told})
    (host,) = model.part(Plugins).hosts
    for given, parts, answer in (
        (results, ["plugins"], told),
        (results, [], told),
        (NO_RESULTS, ["plugins"], None),
    ):
        _, changes = kept.update(records, {}, given)
        assert changes is not None
        assert (changes.parts, changes.uuids) == (parts, set())
        assert host.updater == answer

"""Metrics of SRs on LINSTOR (XOSTOR) that the plugin `linstor-manager` alone knows."""

from collections.abc import Iterator
from typing import Final

from xo_exporter.metrics import sr
from xo_exporter.metrics.plugin_host import ROLE
from xo_exporter.metrics.table import Pair, Table, each, gauge
from xo_exporter.model.plugins import Plugins, SRPlugins
from xo_exporter.plugins.values import SEVERITIES, StorageNode, Xostor


def _labels(plugins: SRPlugins, pool: str) -> tuple[Pair, ...]:
    return sr.TABLE.labels(plugins.sr, pool)


def _xostor(plugins: SRPlugins) -> Xostor | None:
    return plugins.xostor.value if plugins.xostor is not None else None


def _nodes(plugins: SRPlugins) -> tuple[StorageNode, ...]:
    xostor = _xostor(plugins)
    return xostor.nodes if xostor is not None else ()


def _resources(plugins: SRPlugins) -> int | None:
    xostor = _xostor(plugins)
    return xostor.resources if xostor is not None else None


def _replicas(plugins: SRPlugins) -> Iterator[tuple[str, int]]:
    xostor = _xostor(plugins)
    if xostor is not None and xostor.replicas is not None:
        yield from {"UpToDate": 0, **xostor.replicas}.items()


def _nodes_by_state(plugins: SRPlugins) -> Iterator[tuple[str, int]]:
    xostor = _xostor(plugins)
    if xostor is not None:
        yield from {"ONLINE": 0, **xostor.nodes_by_state}.items()


def _problems(plugins: SRPlugins) -> Iterator[tuple[str, int]]:
    xostor = _xostor(plugins)
    if xostor is not None:
        for severity in SEVERITIES:
            yield severity, xostor.problems.get(severity, 0)


STATUS_TABLE: Final = Table[SRPlugins](
    collector="exporter",
    part="plugins",
    objects=lambda model: model.part(Plugins).srs if Plugins in model.parts else (),
    label_names=sr.TABLE.label_names,
    labels=_labels,
    metrics=(
        each(
            "xo_sr_plugin_up",
            "Whether a plugin on a host gave what it should when it was last asked about an SR.",
            "plugin",
            lambda plugins: ((name, answer.is_up) for name, answer in plugins.answers),
        ),
        each(
            "xo_sr_plugin_age_seconds",
            "Age of what a plugin on a host last gave about an SR; it is asked on an interval of "
            "its own.",
            "plugin",
            lambda plugins: ((name, answer.age) for name, answer in plugins.answers),
        ),
    ),
)

XOSTOR_TABLE: Final = Table[SRPlugins](
    collector="plugin_xostor",
    default=False,
    stable=False,
    role=ROLE,
    part="plugins",
    objects=STATUS_TABLE.objects,
    label_names=sr.TABLE.label_names,
    labels=_labels,
    metrics=(
        each(
            "xo_sr_xostor_nodes",
            "Nodes of LINSTOR by their connection's state, from healthCheck of the plugin "
            "linstor-manager.",
            "state",
            _nodes_by_state,
        ),
        each(
            "xo_sr_xostor_node_online",
            "Whether LINSTOR has a node, a host by its hostname, in the state ONLINE, from the "
            "plugin linstor-manager.",
            "node",
            lambda plugins: ((node.name, node.state == "ONLINE") for node in _nodes(plugins)),
        ),
        each(
            "xo_sr_xostor_node_size_bytes",
            "Size of a node's storage pool under an SR, from the plugin linstor-manager.",
            "node",
            lambda plugins: ((node.name, node.size) for node in _nodes(plugins)),
        ),
        each(
            "xo_sr_xostor_node_free_bytes",
            "Free space of a node's storage pool under an SR, from the plugin linstor-manager.",
            "node",
            lambda plugins: ((node.name, node.free) for node in _nodes(plugins)),
        ),
        gauge(
            "xo_sr_xostor_resources",
            "Resources of LINSTOR, each the volume of a disk or of LINSTOR's own database, from "
            "the plugin linstor-manager.",
            _resources,
        ),
        each(
            "xo_sr_xostor_replicas",
            "Replicas of all resources by the state that DRBD has them in, from the plugin "
            "linstor-manager; a tie-breaker holds no data.",
            "state",
            _replicas,
        ),
        each(
            "xo_sr_xostor_problems",
            "What is wrong with nodes, storage pools and volumes, as the plugin linstor-manager "
            "itself finds.",
            "severity",
            _problems,
        ),
    ),
)

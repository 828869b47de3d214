"""What the plugins of hosts have told, beside the objects that it is about."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from xo_exporter.model.index import Index
from xo_exporter.model.objects import SR, Host, PoolModel
from xo_exporter.plugins.values import (
    Answer,
    Disks,
    PluginResults,
    Sensors,
    Updates,
    Xostor,
)
from xo_exporter.xapi.records import Records

XOSTOR: Final = "linstor"
"""The type of the SRs that lie on LINSTOR."""


@dataclass(slots=True, eq=False)
class HostPlugins:
    """A host and what its plugins have told; None of one that was not asked."""

    host: Host
    updater: Answer[Updates] | None = None
    ipmi: Answer[Sensors] | None = None
    smart: Answer[Disks] | None = None

    @property
    def UUID(self) -> str:
        """That of the host."""
        return self.host.UUID

    @property
    def answers(self) -> Iterator[tuple[str, Answer[Any]]]:
        """The plugins that were asked, by their names on the host."""
        named = (
            ("updater.py", self.updater),
            ("ipmitool.py", self.ipmi),
            ("smartctl.py", self.smart),
        )
        return ((name, answer) for name, answer in named if answer is not None)


@dataclass(slots=True, eq=False)
class SRPlugins:
    """An SR on LINSTOR and what `linstor-manager` has told of it."""

    sr: SR
    xostor: Answer[Xostor] | None = None

    @property
    def UUID(self) -> str:
        """That of the SR."""
        return self.sr.UUID

    @property
    def answers(self) -> Iterator[tuple[str, Answer[Any]]]:
        """As that of hosts."""
        return iter(() if self.xostor is None else (("linstor-manager", self.xostor),))


@dataclass(slots=True, eq=False)
class Plugins:
    """All that plugins may tell of, in the order of the objects."""

    hosts: list[HostPlugins]
    srs: list[SRPlugins]

    def take(self, results: PluginResults) -> None:
        """Set what they have told; what these results lack is unknown."""
        for host in self.hosts:
            host.updater = results.updater.get(host.UUID)
            host.ipmi = results.ipmi.get(host.UUID)
            host.smart = results.smart.get(host.UUID)
        for sr in self.srs:
            sr.xostor = results.xostor.get(sr.UUID)


def build(model: PoolModel, _records: Records, _index: Index) -> Plugins:
    """What plugins may tell of, with nothing told yet."""
    return Plugins(
        [HostPlugins(host) for host in model.hosts],
        [SRPlugins(sr) for sr in model.SRs if sr.SR_type == XOSTOR],
    )

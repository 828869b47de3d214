"""The paths of hosts to their storage, where these are several."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from xo_exporter.model import known
from xo_exporter.model.host_state import multipathing
from xo_exporter.model.index import Index
from xo_exporter.model.objects import PBD, PoolModel
from xo_exporter.model.paths import Paths, paths
from xo_exporter.xapi.records import MPATH, Records

_SR_TYPES: Final = frozenset(
    ("iscsi", "rawiscsi", "lvmoiscsi", "hba", "rawhba", "lvmohba", "lvmofcoe", "gfs2")
)
"""The types of SRs that may be reached by several paths."""


@dataclass(slots=True, eq=False)
class PBDPaths:
    """The paths of one host to one SR, by the SCSI id of each disk that the SR lies on."""

    pbd: PBD
    active: bool
    paths: Mapping[str, Paths]
    iscsi_sessions: int | None

    @property
    def UUID(self) -> str:
        """That of the PBD."""
        return self.pbd.UUID


@dataclass(slots=True, eq=False)
class Multipath:
    """Those of all PBDs that there may be several paths at, in the order of the PBDs."""

    pbds: list[PBDPaths]


def build(model: PoolModel, records: Records, _index: Index) -> Multipath:
    """The paths at each PBD that is attached to a host that runs: others' are no longer counted.

    Without a trace of several paths a PBD is among them where its host should use several.
    """
    configs = {record.uuid: record.other_config for record in records.pbd.values()}
    wanted = {record.uuid for record in records.host.values() if multipathing(record)}
    found = []
    for pbd in model.PBDs:
        host, sr = pbd.host, pbd.SR
        if host is None or sr is None or host.power_state == "Halted" or not pbd.attached:
            continue
        config = configs.get(pbd.UUID, {})
        several = {
            key.removeprefix(MPATH): counts
            for key, text in sorted(config.items())
            if key.startswith(MPATH) and (counts := paths(text)) is not None
        }
        active = config.get("multipathed") == "true"
        sessions = known.integer(config.get("iscsi_sessions"))
        should_be = host.UUID in wanted and sr.SR_type in _SR_TYPES
        if active or several or should_be or sessions is not None:
            found.append(PBDPaths(pbd, active, several, sessions))
    return Multipath(found)

"""Metrics of the paths of hosts to their storage, where these may be several."""

from typing import Final

from xo_exporter.metrics import host, pbd
from xo_exporter.metrics.table import Table, each, gauge
from xo_exporter.model.host_state import HostState, HostStates
from xo_exporter.model.multipath import Multipath, PBDPaths

TABLE: Final = Table[PBDPaths](
    collector="multipath",
    part="multipath",
    objects=lambda model: model.part(Multipath).pbds,
    label_names=pbd.TABLE.label_names,
    labels=lambda link, label: pbd.TABLE.labels(link.pbd, label),
    metrics=(
        gauge(
            "xo_pbd_multipath_active",
            "Whether a running host reaches an SR by several paths, from PBD.other_config "
            "multipathed; there where it does or should.",
            lambda link: link.active,
        ),
        each(
            "xo_pbd_paths",
            "Paths of a running host to each disk of an SR that work now, the first number of "
            "PBD.other_config mpath-<SCSI id>.",
            "scsi_id",
            lambda link: ((scsi_id, paths.now) for scsi_id, paths in link.paths.items()),
        ),
        each(
            "xo_pbd_best_paths",
            "Most paths that there were to each disk of an SR, the second number of "
            "PBD.other_config mpath-<SCSI id>.",
            "scsi_id",
            lambda link: ((scsi_id, paths.best) for scsi_id, paths in link.paths.items()),
        ),
        gauge(
            "xo_pbd_iscsi_sessions",
            "Sessions by iSCSI of a running host with an SR, from PBD.other_config iscsi_sessions.",
            lambda link: link.iscsi_sessions,
        ),
    ),
)

HOST_TABLE: Final = Table[HostState](
    collector="multipath",
    part="host_state",
    objects=lambda model: model.part(HostStates).hosts,
    label_names=host.TABLE.label_names,
    labels=lambda state, label: host.TABLE.labels(state.host, label),
    metrics=(
        gauge(
            "xo_host_multipathing",
            "Whether a host is to reach storage by several paths where there are, from "
            "host.multipathing, else host.other_config multipathing.",
            lambda state: state.multipathing,
        ),
        gauge(
            "xo_host_boot_paths",
            "Paths of a running host to the disk that it started from that work now, the first "
            "number of host.other_config mpath-boot.",
            lambda state: state.boot_paths and state.boot_paths.now,
        ),
        gauge(
            "xo_host_boot_best_paths",
            "Most paths that there were to the disk that a host started from, the second number "
            "of host.other_config mpath-boot.",
            lambda state: state.boot_paths and state.boot_paths.best,
        ),
    ),
)

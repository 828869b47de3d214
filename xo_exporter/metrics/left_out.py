"""Data sources of RRDs that are left out on purpose, and why."""

from typing import Final, NamedTuple


class LeftOut(NamedTuple):
    """Sources as XAPI names them, a pattern that whole names match, and why they are left out."""

    sources: str
    pattern: str
    why: str


OF_HOSTS: Final = (
    LeftOut(
        "`iops_total_<SR>`, `io_throughput_total_<SR>`",
        r"(?:io_throughput|iops)_total_[0-9a-f]{8}",
        "They are the sums of those for reading and writing, which are there: `sum` gives them.",
    ),
    LeftOut(
        "`pif_aggr_rx`, `pif_aggr_tx`",
        r"pif_aggr_[rt]x",
        "They count the traffic of a bond twice: once for the bond and once for its NICs.",
    ),
)

OF_VMS: Final = (
    LeftOut(
        "`vbd_<device>_iops_total`, `vbd_<device>_io_throughput_total`",
        r"vbd_[^_]+_(?:io_throughput|iops)_total",
        "They are the sums of those for reading and writing, which are there: `sum` gives them.",
    ),
    LeftOut(
        "`pvscache_…`, all but `pvscache_status`",
        r"pvscache_(?!status$).+",
        "PVS-Accelerator comes as a closed plugin, and XAPI says nothing of their names and units.",
    ),
)

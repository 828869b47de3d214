"""Metrics of PBDs, the links of hosts and SRs."""

from typing import Final

from xo_exporter.metrics.table import Table, gauge, info
from xo_exporter.model.objects import PBD

TABLE: Final = Table[PBD](
    collector="pbd",
    label_names=("uuid", "pool", "container", "sr"),
    labels=lambda pbd, pool: (
        ("uuid", pbd.UUID),
        ("pool", pool),
        ("container", pbd.host and pbd.host.name_label),
        ("sr", pbd.SR and pbd.SR.name_label),
    ),
    metrics=(
        info(
            "xo_pbd_info",
            "A link of a host and an SR.",
            {
                "host_uuid": lambda pbd: pbd.host and pbd.host.UUID,
                "sr_uuid": lambda pbd: pbd.SR and pbd.SR.UUID,
            },
        ),
        gauge(
            "xo_pbd_attached",
            "Whether an SR is attached to a host, from PBD.currently_attached.",
            lambda pbd: pbd.attached,
        ),
    ),
)

"""Metrics of PBDs, the links of hosts and SRs."""

from typing import Final

from xo_exporter.metrics.table import Table, gauge, info, name_of, uuid_of
from xo_exporter.model.objects import PBD

TABLE: Final = Table[PBD](
    collector="pbd",
    objects=lambda model: model.PBDs,
    label_names=("uuid", "pool", "container", "sr"),
    labels=lambda pbd, pool: (
        ("uuid", pbd.UUID),
        ("pool", pool),
        ("container", name_of(pbd.host)),
        ("sr", name_of(pbd.SR)),
    ),
    metrics=(
        info(
            "xo_pbd_info",
            "A link of a host (PBD.host) and an SR (PBD.SR).",
            {
                "host_uuid": lambda pbd: uuid_of(pbd.host),
                "sr_uuid": lambda pbd: uuid_of(pbd.SR),
            },
        ),
        gauge(
            "xo_pbd_attached",
            "Whether an SR is attached to a host, from PBD.currently_attached.",
            lambda pbd: pbd.attached,
        ),
    ),
)

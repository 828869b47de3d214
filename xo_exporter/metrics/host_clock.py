"""How far a host's clock is off."""

from typing import Final

from xo_exporter.metrics import host
from xo_exporter.metrics.table import Table, gauge, measured
from xo_exporter.model.objects import Host

TABLE: Final = Table[Host](
    collector="host_clock",
    objects=host.TABLE.objects,
    label_names=host.TABLE.label_names,
    labels=host.TABLE.labels,
    metrics=(
        measured(
            gauge(
                "xo_host_clock_offset_seconds",
                "Seconds that a host's clock is ahead of the exporter's, below 0 where it is "
                "behind, by host.get_servertime, asked every five minutes; true to about a second.",
                lambda host: host.clock_offset,
            )
        ),
    ),
)

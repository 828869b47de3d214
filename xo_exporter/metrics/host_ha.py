"""Metrics of how quickly high availability works on a host, from its RRDs.

They are there while high availability is on, where somebody has asked for them to be recorded
(host.record_data_source).
"""

from typing import Final

from xo_exporter.metrics import host
from xo_exporter.metrics.source import Source, SourceTable
from xo_exporter.model.objects import Host

TABLE: Final = SourceTable[Host](
    collector="host_ha",
    objects=host.TABLE.objects,
    label_names=host.TABLE.label_names,
    labels=host.TABLE.labels,
    values=lambda host: host.values,
    metrics=(
        Source(
            "xo_host_ha_statefile_latency_seconds",
            "Duration of a host's last access to each state file of high availability, from RRD "
            "statefile/<id>/latency.",
            "statefile/(.+)/latency",
            labels=("statefile",),
            label_values=lambda _host, match: (match[1],),
        ),
        Source(
            "xo_host_ha_heartbeat_interval_seconds",
            "Time between the last two heartbeats that a host sent to all others, from RRD "
            "network/latency.",
            "network/latency",
        ),
        Source(
            "xo_host_ha_healthcheck_latency_seconds",
            "Duration of the last check by high availability that a host's XAPI answers, from RRD "
            "xapi_healthcheck/latency.",
            "xapi_healthcheck/latency",
        ),
    ),
)

"""What a pool says of itself: messages, tasks, certificates, high availability."""

from typing import Final

from grafana.pages import Section
from grafana.panels import (
    ANY_IS_ODD,
    BY_SECOND,
    COUNT,
    SECONDS,
    YES_NO,
    Column,
    Query,
    Words,
    lines,
    number,
    rows,
)
from grafana.queries import age, top

NEWS: Final = Section(
    "Messages, tasks, certificates",
    [
        rows(
            Words(
                "Messages",
                "Messages that the pool stores, by name; 1 is the most urgent priority.",
                "The pool stores none",
            ),
            [
                Column("name", "Message"),
                Column("class", "About"),
                Column("priority", "Priority"),
                Column(0, "Stored"),
                Column(1, "In the time range"),
            ],
            'topk(50, sum by (name, class, priority) (xo_pool_messages{pool=~"$pool"}))',
            "topk(50, sum by (name, class, priority)"
            ' (increase(xo_messages_total{pool=~"$pool"}[$__range])))',
            width=12,
            sort="Stored",
        ),
        rows(
            Words(
                "Certificates",
                "How long the certificates of the hosts hold, those first that end first.",
                "XAPI has none",
            ),
            [
                Column("container", "Of"),
                Column("certificate_type", "Kind"),
                Column("name_label", "Name"),
                Column(0, "Holds for", SECONDS, ((None, "red"), (30 * 86400, "green"))),
            ],
            "bottomk(20, max by (container, certificate_type, name_label)"
            ' (xo_certificate_not_after_timestamp_seconds{pool=~"$pool"}) - time())',
            width=12,
        ),
        lines(
            Words("Tasks", "Tasks that XAPI knows, by status.", "Tasks are not collected"),
            COUNT,
            Query('sum by (status) (xo_pool_tasks{pool=~"$pool"})', "{{status}}"),
            width=8,
        ),
        rows(
            Words(
                "Tasks that failed",
                "Tasks that failed in the time range, by name.",
                "None has failed since the exporter began to read",
            ),
            [Column("name", "Task"), Column(0, "Failed", COUNT, ANY_IS_ODD)],
            'topk(20, sum by (name) (increase(xo_task_failures_total{pool=~"$pool"}[$__range])))',
            width=8,
        ),
        number(
            Words(
                "Oldest task under way",
                "Age of the oldest task that is pending.",
                "No task is pending",
            ),
            age('min(xo_pool_oldest_pending_task_timestamp_seconds{pool=~"$pool"})'),
            SECONDS,
            ((None, "green"), (86400, "orange")),
            width=4,
        ),
        number(
            Words(
                "Sessions at XAPI",
                "Sessions at the master's XAPI.",
                "The master's RRDs were not read",
            ),
            'sum(xo_pool_xapi_sessions{pool=~"$pool"})',
            width=4,
        ),
    ],
)

HA: Final = Section(
    "High availability",
    [
        rows(
            Words(
                "High availability",
                "Whether HA is on, what it is asked to bear and what it can bear now.",
                "HA is off, or the collector ha is",
            ),
            [
                Column("name_label", "Pool"),
                Column(0, "On", mapping=YES_NO),
                Column(1, "Failures to tolerate"),
                Column(2, "Plan exists for"),
                Column(3, "Overcommitted", mapping={"1": ("yes", "red"), "0": ("no", "text")}),
                Column(4, "State files"),
            ],
            'max by (name_label) (xo_pool_ha_enabled{pool=~"$pool"})',
            'max by (name_label) (xo_pool_ha_host_failures_to_tolerate{pool=~"$pool"})',
            'max by (name_label) (xo_pool_ha_plan_exists_for{pool=~"$pool"})',
            'max by (name_label) (xo_pool_ha_overcommitted{pool=~"$pool"})',
            'max by (name_label) (xo_pool_ha_statefiles{pool=~"$pool"})',
            width=12,
            height=5,
        ),
        lines(
            Words(
                "Heartbeats",
                "Time between the last two heartbeats of each host.",
                "HA is off",
            ),
            SECONDS,
            Query(
                top(30, '[[xo_host_ha_heartbeat_interval_seconds{pool=~"$pool"}]]'),
                "{{name_label}}",
            ),
        ),
        lines(
            Words(
                "Access to state files",
                "Duration of each host's last access to HA's state files.",
                "HA is off",
            ),
            SECONDS,
            Query(
                top(30, '[[xo_host_ha_statefile_latency_seconds{pool=~"$pool"}]]'), "{{name_label}}"
            ),
        ),
        lines(
            Words(
                "Sessions that begin",
                "Sessions that begin at the master's XAPI.",
                "The master's RRDs were not read, or its xapi is older than 23.0",
            ),
            BY_SECOND,
            Query('sum(xo_pool_xapi_session_creations_per_second{pool=~"$pool"})', "sessions"),
        ),
    ],
    folded=True,
)

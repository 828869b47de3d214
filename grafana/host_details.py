"""What one seldom asks of a host: clock, licence, hardware, the processes of its toolstack."""

from typing import Final

from grafana.pages import Section
from grafana.panels import (
    ANY_IS_ODD,
    BY_SECOND,
    BYTES,
    COUNT,
    SECONDS,
    SHARE,
    Query,
    Words,
    lines,
    number,
)

_UNREAD = "The host does not run, or its RRDs were not read"

_HEALTH = Section(
    "Clock, licence, alarms",
    [
        number(
            Words("Clock", "Seconds that the host's clock is ahead of the exporter's.", _UNREAD),
            'xo_host_clock_offset_seconds{uuid="$host"}',
            SECONDS,
        ),
        number(
            Words("Age of RRDs", "Age of the newest row of the host's RRDs.", _UNREAD),
            'xo_host_rrd_age_seconds{uuid="$host"}',
            SECONDS,
            ((None, "green"), (60, "orange")),
        ),
        number(
            Words("Licence ends in", "Time until the licence ends.", "The host has no licence"),
            'xo_host_license_expiry_timestamp_seconds{uuid="$host"} - time()',
            SECONDS,
            ((None, "red"), (30 * 86400, "green")),
        ),
        number(
            Words(
                "Certificate holds for",
                "Time until the first of the host's certificates ends.",
                "XAPI has none of the host",
            ),
            "min(xo_certificate_not_after_timestamp_seconds and on (pool, container)"
            ' label_replace(xo_host_info{uuid="$host"},'
            ' "container", "$1", "name_label", "(.*)")) - time()',
            SECONDS,
            ((None, "red"), (30 * 86400, "green")),
        ),
        number(
            Words("Alarms", "Messages named ALARM about the host.", "There is none"),
            'xo_host_alarms{uuid="$host"} or vector(0)',
            COUNT,
            ANY_IS_ODD,
        ),
        number(
            Words(
                "Disks on dom0",
                "Disks that are attached to the control domain, as backups do while they run.",
                "The collector controller_disk is off",
            ),
            'xo_host_controller_disks{uuid="$host"}',
            COUNT,
            ANY_IS_ODD,
        ),
        number(
            Words("Short of memory", "Disk processes (tapdisk) that are short of memory.", _UNREAD),
            'xo_host_storage_low_memory_tapdisks{uuid="$host"}',
            COUNT,
            ANY_IS_ODD,
        ),
        number(
            Words("Power", "Power that the host draws.", "The host's board does not say it"),
            'xo_host_power_watts{uuid="$host"}',
            "watt",
        ),
    ],
)

_TOOLSTACK = Section(
    "Toolstack and hardware",
    [
        lines(
            Words("Memory of XAPI", "The heap of the host's XAPI.", _UNREAD),
            BYTES,
            Query('xo_host_xapi_heap_size_bytes{uuid="$host"}', "size"),
            Query('xo_host_xapi_heap_live_bytes{uuid="$host"}', "in use"),
        ),
        lines(
            Words(
                "Memory of xenopsd",
                "Memory that the host's xenopsd takes.",
                f"{_UNREAD}, or its xapi is older than 23.0",
            ),
            BYTES,
            Query('xo_host_xenopsd_resident_memory_bytes{uuid="$host"}', "resident"),
            Query('xo_host_xenopsd_heap_size_bytes{uuid="$host"}', "heap"),
        ),
        lines(
            Words("Files open in XAPI", "File descriptors that XAPI has open.", _UNREAD),
            COUNT,
            Query('xo_host_xapi_open_fds{uuid="$host"}', "open"),
        ),
        lines(
            Words(
                "Errors on networks",
                "Packets that went wrong on each NIC and bond.",
                "Hosts do not record them by default; docs/networks.md says how to have it",
            ),
            "pps",
            Query(
                'xo_host_network_receive_errors_per_second{uuid="$host"}', "received, {{device}}"
            ),
            Query('xo_host_network_transmit_errors_per_second{uuid="$host"}', "sent, {{device}}"),
        ),
        lines(
            Words("GPUs", "Share of time that each GPU computes.", "The host has no GPU"),
            SHARE,
            Query('xo_host_gpu_compute_usage_ratio{uuid="$host"}', "{{pci}}"),
            most=1,
        ),
        lines(
            Words(
                "Read cache",
                "What the host's read cache (IntelliCache) answers and what it cannot.",
                "No SR of the host has a read cache",
            ),
            BY_SECOND,
            Query('xo_host_storage_cache_hits_per_second{uuid="$host"}', "hits, {{sr}}"),
            Query('xo_host_storage_cache_misses_per_second{uuid="$host"}', "misses, {{sr}}"),
        ),
    ],
    folded=True,
)

DETAILS: Final = (_HEALTH, _TOOLSTACK)

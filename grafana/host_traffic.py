"""What one host sends, receives, reads and writes, and how it is linked."""

from typing import Final

from grafana.pages import Section
from grafana.panels import (
    BYTES_A_SECOND,
    SECONDS,
    Column,
    Query,
    Words,
    lines,
    rows,
)

_UNREAD = "The host does not run, or its RRDs were not read"

NETWORKS: Final = Section(
    "Networks",
    [
        lines(
            Words(
                "Received", "What the host receives, by NIC that is in no bond, and bond.", _UNREAD
            ),
            "Bps",
            Query(
                'xo_host_network_receive_bytes_per_second{uuid="$host",bond=""}',
                "{{device}} · {{network}}",
            ),
        ),
        lines(
            Words("Sent", "What the host sends, by NIC that is in no bond, and bond.", _UNREAD),
            "Bps",
            Query(
                'xo_host_network_transmit_bytes_per_second{uuid="$host",bond=""}',
                "{{device}} · {{network}}",
            ),
        ),
        rows(
            Words(
                "Interfaces",
                "NICs and bonds of the host: whether they are up, have a link, and how fast it is.",
                "The collector pif is off",
            ),
            [
                Column("device", "Interface"),
                Column("network", "Network"),
                Column("bond", "In bond"),
                Column(0, "Up", mapping={"1": ("yes", "green"), "0": ("no", "text")}),
                Column(1, "Link", mapping={"1": ("yes", "green"), "0": ("no", "red")}),
                Column(2, "Speed", "Bps"),
            ],
            "max by (device, network, bond) (xo_pif_attached and on (pool, uuid)"
            ' xo_pif_info{host_uuid="$host"} and on (pool, uuid) xo_pif_carrier)',
            "max by (device, network, bond) (xo_pif_carrier and on (pool, uuid)"
            ' xo_pif_info{host_uuid="$host"})',
            "max by (device, network, bond) (xo_pif_speed_bytes_per_second and on (pool, uuid)"
            ' xo_pif_info{host_uuid="$host"})',
            width=14,
        ),
        lines(
            Words(
                "Load of NICs in bonds",
                "What each NIC in a bond sends: how the bond shares out its load.",
                "The host has no bond, or its RRDs were not read",
            ),
            "Bps",
            Query(
                'xo_host_network_transmit_bytes_per_second{uuid="$host",bond!=""}',
                "{{device}} in {{bond}}",
            ),
            width=10,
        ),
    ],
)

STORAGE: Final = Section(
    "Storage",
    [
        lines(
            Words("Read", "What VMs on the host read from each SR.", _UNREAD),
            BYTES_A_SECOND,
            Query('xo_host_storage_read_bytes_per_second{uuid="$host"}', "{{sr}}"),
        ),
        lines(
            Words("Written", "What VMs on the host write to each SR.", _UNREAD),
            BYTES_A_SECOND,
            Query('xo_host_storage_write_bytes_per_second{uuid="$host"}', "{{sr}}"),
        ),
        lines(
            Words(
                "Duration of requests",
                "Mean duration of a request of the slowest disk that VMs on the host have on "
                "each SR.",
                _UNREAD,
            ),
            SECONDS,
            Query('xo_host_storage_latency_seconds{uuid="$host"}', "{{sr}}"),
        ),
        rows(
            Words(
                "SRs",
                "Whether the host reaches each SR, and by how many paths of how many.",
                "The collector pbd is off",
            ),
            [
                Column("sr", "SR"),
                Column(0, "Attached", mapping={"1": ("yes", "green"), "0": ("no", "red")}),
                Column(1, "Paths"),
                Column(2, "Paths at best"),
            ],
            'max by (sr) (xo_pbd_attached and on (pool, uuid) xo_pbd_info{host_uuid="$host"})',
            'min by (sr) (xo_pbd_paths and on (pool, uuid) xo_pbd_info{host_uuid="$host"})',
            'max by (sr) (xo_pbd_best_paths and on (pool, uuid) xo_pbd_info{host_uuid="$host"})',
            width=12,
        ),
    ],
)

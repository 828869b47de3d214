"""The worst of each kind in the whole estate: SRs, hosts, VMs."""

from typing import Final

from grafana import links
from grafana.pages import Section
from grafana.panels import (
    BYTES_A_SECOND,
    FULL,
    SECONDS,
    SHARE,
    Column,
    Query,
    Words,
    lines,
    rows,
)
from grafana.queries import NO_IMAGES, top

WORST: Final = Section(
    "The worst",
    [
        rows(
            Words(
                "Fullest SRs",
                "The ten SRs with the least space left, libraries of images left out. Space "
                "given to disks may exceed the size where an SR is thin.",
                "No SR with a size",
            ),
            [
                Column("name_label", "SR", link=links.sr_of_row()),
                Column("container", "On"),
                Column("pool", "Pool", link=links.pool_of_row()),
                Column(0, "In use", SHARE, FULL, gauge=True),
            ],
            "topk(10, max by (pool, container, name_label, uuid)"
            f' (xo_sr_physical_usage_bytes{{pool=~"$pool"}} / xo_sr_size_bytes {NO_IMAGES}))',
            width=12,
            sort="In use",
        ),
        rows(
            Words(
                "Next to be full",
                "The ten SRs that will be full first if they go on growing as in the last day.",
                "No SR grows",
            ),
            [
                Column("name_label", "SR", link=links.sr_of_row()),
                Column("container", "On"),
                Column("pool", "Pool", link=links.pool_of_row()),
                Column(0, "Full in", SECONDS, ((None, "red"), (7 * 86400, "green"))),
            ],
            "bottomk(10, max by (pool, container, name_label, uuid)"
            ' (clamp_min(xo_sr_size_bytes{pool=~"$pool"} - xo_sr_physical_usage_bytes, 0)'
            f' / (deriv(xo_sr_physical_usage_bytes{{pool=~"$pool"}}[1d]) > 0) {NO_IMAGES}))',
            width=12,
        ),
        lines(
            Words(
                "Busiest hosts",
                "Usage of the CPUs of the ten hosts that are busiest at the end of the time range.",
                "No RRDs were read",
            ),
            SHARE,
            Query(
                top(10, '[[xo_host_cpu_usage_ratio{pool=~"$pool"}]]'),
                "{{name_label}} · {{container}}",
            ),
            most=1,
            link=links.host_of_line(),
        ),
        lines(
            Words(
                "Hosts with the least memory left",
                "Memory in use on the ten hosts that are fullest at the end of the time range.",
                "No host runs",
            ),
            SHARE,
            Query(
                top(
                    10,
                    '[[xo_host_memory_usage_bytes{pool=~"$pool"}]] / [[xo_host_memory_size_bytes]]',
                ),
                "{{name_label}} · {{container}}",
            ),
            most=1,
            link=links.host_of_line(),
        ),
        lines(
            Words(
                "Busiest VMs",
                "Usage of the CPUs of the ten VMs that are busiest at the end of the time range.",
                "No VM runs",
            ),
            SHARE,
            Query(
                top(10, '[[xo_vm_cpu_usage_ratio{pool=~"$pool"}]]'),
                "{{name_label}} · {{container}}",
            ),
            most=1,
            link=links.vm_of_line(),
        ),
        rows(
            Words(
                "VMs that read and write most",
                "The ten VMs that read and write most now, on all their disks together.",
                "No VM runs",
            ),
            [
                Column("name_label", "VM", link=links.vm_of_row()),
                Column("container", "On"),
                Column("pool", "Pool", link=links.pool_of_row()),
                Column(0, "Read and written", BYTES_A_SECOND),
            ],
            "topk(10, sum by (pool, container, name_label, uuid)"
            ' (xo_vm_disk_read_bytes_per_second{pool=~"$pool"}'
            " + xo_vm_disk_write_bytes_per_second))",
            width=12,
        ),
    ],
)

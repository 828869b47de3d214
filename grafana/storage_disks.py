"""What lies on SRs: disks, what is unused or unwell, links to hosts that are lost."""

from typing import Final

from grafana import links
from grafana.pages import Section
from grafana.panels import (
    ANY_IS_BAD,
    ANY_IS_ODD,
    BYTES,
    COUNT,
    PLAIN,
    Column,
    Words,
    rows,
)

_SELECTED = '{pool=~"$pool",container=~"$container",uuid=~"$sr"}'
_BY = "pool, container, name_label, uuid"


def _sr(name: str, by: str = "pool, container, name_label, uuid", how: str = "max") -> str:
    return f"{how} by ({by}) (xo_sr_{name}{_SELECTED})"


_DISKS_HERE = 'and on (pool, uuid) xo_vdi_info{sr_uuid=~"$sr"}'

DISKS: Final = Section(
    "Disks, and what lies unused",
    [
        rows(
            Words(
                "Unused and unwell",
                "SRs with disks or snapshots that no VM names, with snapshots whose VM is gone, "
                "with images to merge or without a parent.",
                "Nothing lies unused",
            ),
            [
                Column("name_label", "SR", link=links.sr_of_row()),
                Column("container", "On"),
                Column("pool", "Pool", link=links.pool_of_row()),
                Column(0, "Unused"),
                Column(1, "They take", BYTES),
                Column(2, "Disks of orphan snapshots"),
                Column(3, "These take", BYTES),
                Column(4, "Images to merge"),
                Column(5, "Without parent", COUNT, ((None, PLAIN), (1, "red"))),
            ],
            f"{_sr('unattached_vdis', how='sum')} > 0",
            f"{_sr('unattached_vdi_usage_bytes', how='sum')} > 0",
            _sr("orphan_snapshot_disks"),
            _sr("orphan_snapshot_usage_bytes"),
            f"{_sr('vdis_to_coalesce')} > 0",
            f"{_sr('parentless_vdis')} > 0",
        ),
        rows(
            Words(
                "Largest disks",
                "The twenty disks that take most of the SRs; a chain of many images is slow.",
                "The SRs hold no disk",
            ),
            [
                Column("name_label", "Disk"),
                Column("container", "SR"),
                Column("pool", "Pool", link=links.pool_of_row()),
                Column(0, "On the SR", BYTES),
                Column(1, "Size", BYTES),
                Column(2, "Images in its chain", COUNT, ((None, PLAIN), (20, "orange"))),
            ],
            f'topk(20, max by ({_BY}) (xo_vdi_usage_bytes{{pool=~"$pool"}} {_DISKS_HERE}))',
            f'max by ({_BY}) (xo_vdi_size_bytes{{pool=~"$pool"}} and on (pool, uuid) topk(20,'
            f' xo_vdi_usage_bytes{{pool=~"$pool"}} {_DISKS_HERE}))',
            f'max by ({_BY}) (xo_vdi_chain_length{{pool=~"$pool"}} and on (pool, uuid) topk(20,'
            f' xo_vdi_usage_bytes{{pool=~"$pool"}} {_DISKS_HERE}))',
            width=12,
            sort="On the SR",
        ),
        rows(
            Words(
                "Links to hosts",
                "SRs that a host doesn't reach, or not by all paths that there were.",
                "All hosts reach all SRs by all paths",
            ),
            [
                Column("sr", "SR"),
                Column("container", "Host"),
                Column("pool", "Pool", link=links.pool_of_row()),
                Column(0, "Detached", COUNT, ANY_IS_BAD),
                Column(1, "Paths lost", COUNT, ANY_IS_ODD),
            ],
            "sum by (pool, container, sr) (xo_pbd_attached == bool 0 and on (pool, uuid)"
            ' xo_pbd_info{pool=~"$pool",sr_uuid=~"$sr"}) > 0',
            "sum by (pool, container, sr) (xo_pbd_best_paths - xo_pbd_paths and on (pool, uuid)"
            ' xo_pbd_info{pool=~"$pool",sr_uuid=~"$sr"}) > 0',
            width=12,
        ),
    ],
)

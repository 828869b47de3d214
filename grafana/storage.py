"""SRs: how full they are and when they will be, what VMs ask of them, what lies there unused."""

from typing import Final

from grafana import links
from grafana.pages import Page, Section, choice, names, objects
from grafana.panels import (
    ANY_IS_BAD,
    BY_SECOND,
    BYTES,
    BYTES_A_SECOND,
    COUNT,
    FULL,
    PLAIN,
    SECONDS,
    SHARE,
    Column,
    Query,
    Words,
    lines,
    number,
    rows,
)
from grafana.queries import NO_IMAGES, or_zero, top
from grafana.storage_disks import DISKS

_SELECTED = '{pool=~"$pool",container=~"$container",uuid=~"$sr"}'
_NO_SR = "No SR is selected, or the pool was not read"
_NAME = "{{name_label}} · {{container}}"
_FOREVER = 10 * 365 * 86400


def _asked(name: str) -> str:
    """Give what VMs ask of the selected SRs, by SR and host: the ten that are highest."""
    here = (
        'and on (pool, uuid, sr) label_replace([[xo_pbd_info{pool=~"$pool",sr_uuid=~"$sr"}]],'
        ' "uuid", "$1", "host_uuid", "(.*)")'
    )
    return top(10, f'[[xo_host_storage_{name}{{pool=~"$pool"}}]]', here)


_LEVEL = f"xo_sr_physical_usage_bytes{_SELECTED} / xo_sr_size_bytes"
_FREE = f"(xo_sr_size_bytes{_SELECTED} - xo_sr_physical_usage_bytes)"
_GROWTH = f"deriv(xo_sr_physical_usage_bytes{_SELECTED}[$growth])"
_LEFT = f"clamp({_FREE} / ({_GROWTH} > 0), 0, {_FOREVER}) {NO_IMAGES}"
_BY = "pool, container, name_label, uuid"

_NOW = Section(
    "Now",
    [
        number(
            Words("In use", "Space in use on the SRs, libraries of images left out.", _NO_SR),
            f"sum(xo_sr_physical_usage_bytes{_SELECTED} {NO_IMAGES})"
            f" / sum(xo_sr_size_bytes{_SELECTED} {NO_IMAGES})",
            SHARE,
            FULL,
        ),
        number(
            Words("Size", "Size of the SRs, libraries of images left out.", _NO_SR),
            f"sum(xo_sr_size_bytes{_SELECTED} {NO_IMAGES})",
            BYTES,
        ),
        number(
            Words(
                "Promised",
                "Space given to disks by size of the SRs; above 100 % on thin SRs.",
                _NO_SR,
            ),
            f"sum(xo_sr_usage_bytes{_SELECTED} {NO_IMAGES})"
            f" / sum(xo_sr_size_bytes{_SELECTED} {NO_IMAGES})",
            SHARE,
            ((None, "green"), (2, "orange")),
        ),
        number(
            Words(
                "First full in",
                "Time until the first SR is full, if it goes on growing.",
                "No SR grows",
            ),
            f"min({_LEFT})",
            SECONDS,
            ((None, "red"), (4 * 86400, "green")),
        ),
        number(
            Words(
                "Detached",
                "Links of SRs and hosts that are not attached, libraries of images left out.",
                _NO_SR,
            ),
            f"sum((xo_sr_pbds{_SELECTED} - xo_sr_attached_pbds) {NO_IMAGES})",
            COUNT,
            ANY_IS_BAD,
        ),
        number(
            Words("Disks missing", "Disks that the last scan of an SR did not find.", _NO_SR),
            f"sum(xo_sr_missing_vdis{_SELECTED})",
            COUNT,
            ANY_IS_BAD,
        ),
        number(
            Words(
                "To merge",
                "Base copies that the garbage collector has still to merge.",
                _NO_SR,
            ),
            f"sum(xo_sr_vdis_to_coalesce{_SELECTED})",
            COUNT,
            ((None, "green"), (20, "orange")),
        ),
        number(
            Words(
                "Unused",
                "Space of disks and snapshots that no VM names, and of snapshots whose VM is gone.",
                _NO_SR,
            ),
            f"sum(xo_sr_unattached_vdi_usage_bytes{_SELECTED})"
            f" + ({or_zero(f'sum(xo_sr_orphan_snapshot_usage_bytes{_SELECTED})')})",
            BYTES,
        ),
    ],
)

_FILL = Section(
    "How full",
    [
        rows(
            Words(
                "SRs",
                "The hundred fullest SRs. Growth is that of the time chosen above; an SR that "
                "doesn't grow has no end.",
                _NO_SR,
            ),
            [
                Column("name_label", "SR", link=links.sr_of_row()),
                Column("container", "On"),
                Column("pool", "Pool", link=links.pool_of_row()),
                Column("sr_type", "Type"),
                Column(0, "In use", SHARE, FULL, gauge=True),
                Column(1, "Size", BYTES),
                Column(2, "Promised", SHARE),
                Column(3, "Growth a day", BYTES),
                Column(4, "Full in", SECONDS, ((None, "red"), (4 * 86400, PLAIN))),
                Column(5, "Disks"),
                Column(6, "Detached", COUNT, ((None, PLAIN), (1, "red"))),
            ],
            *(
                f"max by ({_BY}, sr_type) (({value}) * on (pool, uuid) group_left (sr_type)"
                f" xo_sr_info) and on (pool, uuid) topk(100, {_LEVEL})"
                for value in (
                    _LEVEL,
                    f"xo_sr_size_bytes{_SELECTED}",
                    f"xo_sr_usage_bytes{_SELECTED} / xo_sr_size_bytes",
                    f"{_GROWTH} * 86400",
                    _LEFT,
                    f"xo_sr_vdis{_SELECTED}",
                    f"xo_sr_pbds{_SELECTED} - xo_sr_attached_pbds",
                )
            ),
            height=10,
            sort="In use",
        ),
        lines(
            Words(
                "Fill level",
                "Space in use by size, of the ten SRs that are fullest at the end of the time "
                "range.",
                _NO_SR,
            ),
            SHARE,
            Query(
                top(10, f"[[xo_sr_physical_usage_bytes{_SELECTED}]] / [[xo_sr_size_bytes]]"), _NAME
            ),
            most=1,
            link=links.sr_of_line(),
        ),
        lines(
            Words(
                "Space in use",
                "Space in use on the ten SRs that hold most at the end of the time range.",
                _NO_SR,
            ),
            BYTES,
            Query(top(10, f"[[xo_sr_physical_usage_bytes{_SELECTED}]]"), _NAME),
            link=links.sr_of_line(),
        ),
    ],
)

_IO = Section(
    "What VMs ask",
    [
        lines(
            Words("Read", "What VMs read, by SR and host; the ten that are highest.", "No VM runs"),
            BYTES_A_SECOND,
            Query(_asked("read_bytes_per_second"), "{{sr}} from {{name_label}}"),
            link=links.host_of_line(),
        ),
        lines(
            Words(
                "Written", "What VMs write, by SR and host; the ten that are highest.", "No VM runs"
            ),
            BYTES_A_SECOND,
            Query(_asked("write_bytes_per_second"), "{{sr}} from {{name_label}}"),
            link=links.host_of_line(),
        ),
        lines(
            Words(
                "Requests",
                "Requests of VMs that are completed, by SR and host; the ten that are highest of "
                "either kind.",
                "No VM runs",
            ),
            BY_SECOND,
            Query(_asked("read_operations_per_second"), "read, {{sr}} from {{name_label}}"),
            Query(_asked("write_operations_per_second"), "written, {{sr}} from {{name_label}}"),
            link=links.host_of_line(),
        ),
        lines(
            Words(
                "Duration of requests",
                "Mean duration of a request of the slowest disk on each SR, by host; the ten that "
                "are highest.",
                "No VM runs",
            ),
            SECONDS,
            Query(_asked("latency_seconds"), "{{sr}} from {{name_label}}"),
            link=links.host_of_line(),
        ),
    ],
)

PAGE: Final = Page(
    links.STORAGE,
    "XCP-ng: storage",
    "SRs: how full they are and when they will be, what VMs ask of them, what lies there unused.",
    [
        names("pool", "Pool", "label_values(xo_up, pool)"),
        names("container", "Host or pool", 'label_values(xo_sr_info{pool=~"$pool"}, container)'),
        objects("sr", "SR", 'xo_sr_info{pool=~"$pool",container=~"$container"}', several=True),
        choice(
            "growth",
            "Growth of",
            {
                "1 day": "1d",
                "1 hour": "1h",
                "6 hours": "6h",
                "7 days": "7d:10m",
                "30 days": "30d:1h",
            },
        ),
    ],
    [_NOW, _FILL, _IO, DISKS],
)

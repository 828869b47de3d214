"""One pool: its hosts, what high availability says, its storage, its messages and tasks."""

from typing import Final

from grafana import links
from grafana.pages import Page, Section, names
from grafana.panels import (
    ANY_IS_BAD,
    ANY_IS_ODD,
    BYTES,
    BYTES_A_SECOND,
    COUNT,
    FULL,
    NONE_IS_BAD,
    SHARE,
    Column,
    Query,
    Words,
    lines,
    number,
    rows,
)
from grafana.pool_news import HA, NEWS
from grafana.queries import RUNNING_CPUS, top

_NOT_READ = "The pool was not read"

_NOW = Section(
    "Now",
    [
        number(
            Words("Read", "Whether the pool's objects were read.", "The pool is not configured"),
            'min(xo_up{pool=~"$pool"})',
            COUNT,
            NONE_IS_BAD,
            mapping={"1": ("yes", "green"), "0": ("no", "red")},
        ),
        number(
            Words("Hosts down", "Hosts of the pool that do not run.", _NOT_READ),
            'sum(xo_pool_hosts{pool=~"$pool"} - xo_pool_running_hosts)',
            COUNT,
            ANY_IS_BAD,
        ),
        number(
            Words("VMs running", "VMs of the pool that run.", _NOT_READ),
            'sum(xo_pool_running_vms{pool=~"$pool"})',
        ),
        number(
            Words(
                "vCPUs by CPU",
                "Virtual CPUs of running VMs, by physical CPU of running hosts.",
                _NOT_READ,
            ),
            f'sum(xo_host_vcpus{{pool=~"$pool"}}) / sum({RUNNING_CPUS})',
        ),
        number(
            Words(
                "Hosts that may fail",
                "Hosts that may fail now with a place for all protected VMs, as HA has planned.",
                "HA is off",
            ),
            'min(xo_pool_ha_plan_exists_for{pool=~"$pool"})',
            COUNT,
            NONE_IS_BAD,
        ),
        number(
            Words("To be restarted", "Hosts to be restarted after an update.", _NOT_READ),
            'sum(xo_host_reboot_required{pool=~"$pool"})',
            COUNT,
            ANY_IS_ODD,
        ),
        number(
            Words(
                "Versions",
                "Different versions of the software that hosts run; 1 where all are alike.",
                _NOT_READ,
            ),
            'max(xo_pool_host_versions{pool=~"$pool"})',
            COUNT,
            ((None, "green"), (2, "orange")),
        ),
        number(
            Words(
                "MACs used twice",
                "MAC addresses that more than one VIF has.",
                "Networks are not collected",
            ),
            'sum(xo_pool_duplicate_macs{pool=~"$pool"})',
            COUNT,
            ANY_IS_ODD,
        ),
    ],
)


def _host(name: str, more: str = "") -> str:
    return f'max by (pool, container, name_label, uuid) (xo_host_{name}{{pool=~"$pool"{more}}})'


_HOSTS = Section(
    "Hosts",
    [
        rows(
            Words(
                "Hosts",
                "Each host of the pool. Load is virtual CPUs that run or could run, by CPU.",
                _NOT_READ,
            ),
            [
                Column("name_label", "Host", link=links.host_of_row()),
                Column(0, "Runs", mapping={"1": ("yes", "green"), "0": ("no", "red")}),
                Column(1, "Maintenance", mapping={"1": ("yes", "orange"), "0": ("no", "text")}),
                Column(2, "To be restarted", mapping={"1": ("yes", "orange"), "0": ("no", "text")}),
                Column(3, "VMs running"),
                Column(4, "vCPUs by CPU"),
                Column(5, "Load"),
                Column(6, "CPUs", SHARE, FULL, gauge=True),
                Column(7, "Memory", SHARE, FULL, gauge=True),
            ],
            _host("power_state", ',power_state="Running"'),
            _host("maintenance"),
            _host("reboot_required"),
            _host("running_vms"),
            f"{_host('vcpus')} / {_host('cpus')}",
            _host("load_ratio"),
            _host("cpu_usage_ratio"),
            f"{_host('memory_usage_bytes')} / {_host('memory_size_bytes')}",
            hidden=("pool", "container"),
        ),
        lines(
            Words("CPUs in use", "Mean usage of the CPUs of each host.", "No RRDs were read"),
            SHARE,
            Query(top(30, '[[xo_host_cpu_usage_ratio{pool=~"$pool"}]]'), "{{name_label}}"),
            most=1,
            link=links.host_of_line(),
        ),
        lines(
            Words("Memory in use", "Memory of each host that is not free.", "No host runs"),
            BYTES,
            Query(top(30, '[[xo_host_memory_usage_bytes{pool=~"$pool"}]]'), "{{name_label}}"),
            link=links.host_of_line(),
        ),
        lines(
            Words(
                "VMs running",
                "VMs that run on each host; it shows migrations.",
                _NOT_READ,
            ),
            COUNT,
            Query(top(30, '[[xo_host_running_vms{pool=~"$pool"}]]'), "{{name_label}}"),
            link=links.host_of_line(),
        ),
        lines(
            Words("Power", "Power that each host draws.", "No host's board says it"),
            "watt",
            Query(top(30, '[[xo_host_power_watts{pool=~"$pool"}]]'), "{{name_label}}"),
            link=links.host_of_line(),
        ),
    ],
)

_TRAFFIC = Section(
    "Network and storage",
    [
        lines(
            Words(
                "Network, received",
                "What each host receives; the traffic of a bond counts once.",
                "No RRDs were read",
            ),
            "Bps",
            Query(
                top(
                    30,
                    "sum by (pool, name_label, uuid)"
                    ' ([[xo_host_network_receive_bytes_per_second{pool=~"$pool",bond=""}]])',
                ),
                "{{name_label}}",
            ),
            link=links.host_of_line(),
        ),
        lines(
            Words(
                "Network, sent",
                "What each host sends; the traffic of a bond counts once.",
                "No RRDs were read",
            ),
            "Bps",
            Query(
                top(
                    30,
                    "sum by (pool, name_label, uuid)"
                    ' ([[xo_host_network_transmit_bytes_per_second{pool=~"$pool",bond=""}]])',
                ),
                "{{name_label}}",
            ),
            link=links.host_of_line(),
        ),
        lines(
            Words(
                "Storage, read",
                "What VMs read from each SR, the SRs of all hosts with one name together; the "
                "ten that are highest at the end.",
                "No VM runs",
            ),
            BYTES_A_SECOND,
            Query(
                top(
                    10,
                    'sum by (pool, sr) ([[xo_host_storage_read_bytes_per_second{pool=~"$pool"}]])',
                ),
                "{{sr}}",
            ),
        ),
        lines(
            Words(
                "Storage, written",
                "What VMs write to each SR, the SRs of all hosts with one name together; the "
                "ten that are highest at the end.",
                "No VM runs",
            ),
            BYTES_A_SECOND,
            Query(
                top(
                    10,
                    'sum by (pool, sr) ([[xo_host_storage_write_bytes_per_second{pool=~"$pool"}]])',
                ),
                "{{sr}}",
            ),
        ),
    ],
)

PAGE: Final = Page(
    links.POOL,
    "XCP-ng: pool",
    "One pool: its hosts, network and storage, messages, tasks, certificates, HA.",
    [names("pool", "Pool", "label_values(xo_up, pool)", several=False, every=False)],
    [_NOW, _HOSTS, _TRAFFIC, NEWS, HA],
)

"""One pool: its hosts, what high availability says, its storage, its messages and tasks."""

from typing import Final

from grafana import links
from grafana.pages import Page, Section, names
from grafana.panels import (
    ANY_IS_BAD,
    ANY_IS_ODD,
    BY_SECOND,
    BYTES,
    BYTES_A_SECOND,
    COUNT,
    FULL,
    NONE_IS_BAD,
    SECONDS,
    SHARE,
    YES_NO,
    Column,
    Query,
    Words,
    lines,
    number,
    rows,
)
from grafana.queries import age, top

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
            Words("vCPUs by CPU", "Virtual CPUs of running VMs, by physical CPU.", _NOT_READ),
            'sum(xo_host_vcpus{pool=~"$pool"}) / sum(xo_host_cpus{pool=~"$pool"})',
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
            Query(top(30, 'xo_host_cpu_usage_ratio{pool=~"$pool"}<at>'), "{{name_label}}"),
            most=1,
            link=links.host_of_line(),
        ),
        lines(
            Words("Memory in use", "Memory of each host that is not free.", "No host runs"),
            BYTES,
            Query(top(30, 'xo_host_memory_usage_bytes{pool=~"$pool"}<at>'), "{{name_label}}"),
            link=links.host_of_line(),
        ),
        lines(
            Words(
                "VMs running",
                "VMs that run on each host; it shows migrations.",
                _NOT_READ,
            ),
            COUNT,
            Query(top(30, 'xo_host_running_vms{pool=~"$pool"}<at>'), "{{name_label}}"),
            link=links.host_of_line(),
        ),
        lines(
            Words("Power", "Power that each host draws.", "No host's board says it"),
            "watt",
            Query(top(30, 'xo_host_power_watts{pool=~"$pool"}<at>'), "{{name_label}}"),
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
                    ' (xo_host_network_receive_bytes_per_second{pool=~"$pool",bond=""}<at>)',
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
                    ' (xo_host_network_transmit_bytes_per_second{pool=~"$pool",bond=""}<at>)',
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
                    'sum by (pool, sr) (xo_host_storage_read_bytes_per_second{pool=~"$pool"}<at>)',
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
                    'sum by (pool, sr) (xo_host_storage_write_bytes_per_second{pool=~"$pool"}<at>)',
                ),
                "{{sr}}",
            ),
        ),
    ],
)

_NEWS = Section(
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

_HA = Section(
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
                top(30, 'xo_host_ha_heartbeat_interval_seconds{pool=~"$pool"}<at>'),
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
                top(30, 'xo_host_ha_statefile_latency_seconds{pool=~"$pool"}<at>'), "{{name_label}}"
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

PAGE: Final = Page(
    links.POOL,
    "XCP-ng: pool",
    "One pool: its hosts, network and storage, messages, tasks, certificates, HA.",
    [names("pool", "Pool", "label_values(xo_up, pool)", several=False, every=False)],
    [_NOW, _HOSTS, _TRAFFIC, _NEWS, _HA],
)

"""The whole estate: capacity, what is down, the worst of each kind."""

from typing import Final

from grafana import links
from grafana.overview_worst import WORST
from grafana.pages import Page, Section, names
from grafana.panels import (
    ANY_IS_BAD,
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
from grafana.queries import NO_IMAGES, RUNNING_CPUS, or_zero, problem

_STORED = f'xo_sr_physical_usage_bytes{{pool=~"$pool"}} {NO_IMAGES}'
_SIZE = f'xo_sr_size_bytes{{pool=~"$pool"}} {NO_IMAGES}'

_PROBLEMS: Final = (
    problem("Pool not read", 'xo_up{pool=~"$pool"} == 0', "pool"),
    problem("Host down", 'xo_host_power_state{pool=~"$pool",power_state="Halted"} == 1'),
    problem("Host in maintenance", 'xo_host_maintenance{pool=~"$pool"} == 1'),
    problem("Host's RRDs not read", 'xo_host_rrd_up{pool=~"$pool"} == 0'),
    problem(
        "SR not attached to a host",
        'xo_pbd_attached{pool=~"$pool"} == 0'
        " unless on (pool, uuid) (xo_pbd_info and on (pool, sr_uuid)"
        ' label_replace(xo_sr_info{sr_type=~"iso|udev"}, "sr_uuid", "$1", "uuid", "(.+)"))'
        " unless on (pool, uuid) (xo_pbd_info and on (pool, sr_uuid)"
        ' label_replace(xo_sr_maintenance == 1, "sr_uuid", "$1", "uuid", "(.+)"))'
        " unless on (pool, uuid) (xo_pbd_info and on (pool, host_uuid) label_replace("
        'xo_host_power_state{power_state="Running"} == 0, "host_uuid", "$1", "uuid", "(.+)"))',
        "sr",
    ),
    problem("SR in maintenance", 'xo_sr_maintenance{pool=~"$pool"} == 1'),
    problem("Disks missing on an SR", 'xo_sr_missing_vdis{pool=~"$pool"} > 0'),
    problem("Path to storage lost", 'xo_pbd_paths{pool=~"$pool"} < xo_pbd_best_paths', "sr"),
    problem(
        "NIC or bond without link",
        'xo_pif_carrier{pool=~"$pool",bond=""} == 0 and on (pool, uuid) xo_pif_attached == 1'
        ' and on (pool, container, device) xo_pif_info{address!=""}',
        "device",
    ),
    problem("Bond with a link down", 'xo_bond_links_up{pool=~"$pool"} < xo_bond_links', "device"),
    problem(
        "HA has no plan",
        'xo_pool_ha_enabled{pool=~"$pool"} == 1 and on (pool, uuid)'
        " (xo_pool_ha_plan_exists_for < xo_pool_ha_host_failures_to_tolerate"
        " or xo_pool_ha_overcommitted == 1)",
    ),
    problem("Cluster not quorate", 'xo_cluster_quorate{pool=~"$pool"} == 0', "pool"),
    problem(
        "Protected VM not running",
        'xo_vm_ha_protected{pool=~"$pool"} == 1 and on (pool) xo_pool_ha_enabled == 1'
        ' and on (pool, uuid) xo_vm_power_state{power_state=~"Halted|Suspended"} == 1'
        " unless on (pool, uuid) xo_vm_ha_always_run == 0"
        ' unless on (pool, uuid) xo_vm_operation_blocked{operation="start"} == 1'
        " unless on (pool, uuid) xo_vm_replica_info",
    ),
)

_FIRING = 'ALERTS{alertstate="firing",pool=~"$pool|"}'
# With all that tells the alerts of one object apart, or names what has no name of its own.
_NAMED = (
    f'label_join({_FIRING}, "name_label", " ",'
    ' "name_label", "name", "sr", "device", "backup_job", "family")'
)

_NOW = Section(
    "Now",
    [
        number(
            Words("Pools not read", "Pools that the exporter could not read.", "No exporter"),
            or_zero('count(xo_up{pool=~"$pool"} == 0)'),
            COUNT,
            ANY_IS_BAD,
        ),
        number(
            Words("Alerts firing", "Alerts of Prometheus' rules that fire now.", "No Prometheus"),
            or_zero(f"count({_FIRING})"),
            COUNT,
            ANY_IS_BAD,
        ),
        number(
            Words("Hosts down", "Hosts that do not run, by host_metrics.live.", "No pool was read"),
            'sum(xo_pool_hosts{pool=~"$pool"} - xo_pool_running_hosts)',
            COUNT,
            ANY_IS_BAD,
        ),
        number(
            Words("Hosts running", "Hosts that run.", "No pool was read"),
            'sum(xo_pool_running_hosts{pool=~"$pool"})',
            COUNT,
            NONE_IS_BAD,
        ),
        number(
            Words("VMs running", "VMs whose power state is Running.", "No pool was read"),
            'sum(xo_pool_running_vms{pool=~"$pool"})',
        ),
        number(
            Words(
                "CPUs in use",
                "Mean usage of all CPUs of all running hosts.",
                "No host's RRDs were read",
            ),
            'sum(xo_host_cpu_usage_ratio{pool=~"$pool"} * xo_host_cpus)'
            ' / sum(xo_host_cpus{pool=~"$pool"} and xo_host_cpu_usage_ratio)',
            SHARE,
            FULL,
        ),
        number(
            Words("Memory in use", "Memory in use on all running hosts.", "No host runs"),
            'sum(xo_host_memory_usage_bytes{pool=~"$pool"})'
            ' / sum(xo_host_memory_size_bytes{pool=~"$pool"} and xo_host_memory_usage_bytes)',
            SHARE,
            FULL,
        ),
        number(
            Words(
                "Storage in use",
                "Space in use on all SRs, libraries of images and drives left out.",
                "No SR with a size",
            ),
            f"sum({_STORED}) / sum({_SIZE})",
            SHARE,
            FULL,
        ),
    ],
)

_WRONG = Section(
    "What is wrong",
    [
        rows(
            Words(
                "What is down",
                "Pools that are not read, hosts that are down, storage that is detached, links "
                "that are lost and what else keeps VMs from running; the first 100.",
                "Nothing is down",
            ),
            [
                Column("problem", "Problem", width=260),
                Column("pool", "Pool", link=links.pool_of_row()),
                Column("container", "In or on"),
                Column("name_label", "Name"),
            ],
            f"topk(100, {' or '.join(_PROBLEMS)})",
            width=14,
        ),
        rows(
            Words(
                "Alerts firing",
                "Alerts of Prometheus' rules that fire now; what to do about each stands in "
                "docs/runbooks.",
                "No alert fires, or Prometheus has no rules",
            ),
            [
                Column("alertname", "Alert"),
                Column("severity", "Severity", width=90),
                Column("pool", "Pool", link=links.pool_of_row()),
                Column("container", "In or on"),
                Column("name_label", "Name"),
            ],
            f"topk(100, max by (alertname, severity, pool, container, name_label) ({_NAMED}))",
            width=10,
        ),
    ],
)


def _sum(name: str) -> str:
    return f'sum by (pool) (xo_{name}{{pool=~"$pool"}})'


# Of hosts that run, as the recorded pool:…:ratio has them: one that is down has no usage.
_CPUS_IN_USE = (
    'sum by (pool) (xo_host_cpu_usage_ratio{pool=~"$pool"} * xo_host_cpus)'
    ' / sum by (pool) (xo_host_cpus{pool=~"$pool"} and xo_host_cpu_usage_ratio)'
)
_MEMORY_IN_USE = (
    f"{_sum('host_memory_usage_bytes')} / sum by (pool)"
    ' (xo_host_memory_size_bytes{pool=~"$pool"} and xo_host_memory_usage_bytes)'
)


_CAPACITY = Section(
    "Pools",
    [
        rows(
            Words(
                "Pools",
                "What each pool has and how much of it is in use. Virtual CPUs are those of "
                "running VMs, by physical CPU of running hosts.",
                "No pool was read",
            ),
            [
                Column("pool", "Pool", link=links.pool_of_row()),
                Column(0, "Read", mapping={"1": ("yes", "green"), "0": ("no", "red")}),
                Column(1, "Hosts"),
                Column(2, "Hosts running"),
                Column(3, "VMs"),
                Column(4, "VMs running"),
                Column(5, "vCPUs by CPU"),
                Column(6, "CPUs", SHARE, FULL, gauge=True),
                Column(7, "Memory", SHARE, FULL, gauge=True),
                Column(8, "Storage", SHARE, FULL, gauge=True),
            ],
            'max by (pool) (xo_up{pool=~"$pool"})',
            _sum("pool_hosts"),
            _sum("pool_running_hosts"),
            _sum("pool_vms"),
            _sum("pool_running_vms"),
            f"{_sum('host_vcpus')} / sum by (pool) ({RUNNING_CPUS})",
            _CPUS_IN_USE,
            _MEMORY_IN_USE,
            f"sum by (pool) ({_STORED}) / sum by (pool) ({_SIZE})",
            height=6,
        ),
        lines(
            Words(
                "CPUs in use",
                "Mean usage of all CPUs of the running hosts of each pool.",
                "No RRDs were read",
            ),
            SHARE,
            Query(_CPUS_IN_USE, "{{pool}}"),
            width=8,
            most=1,
            link=links.pool_of_line(),
        ),
        lines(
            Words(
                "Memory in use", "Memory in use on the running hosts of each pool.", "No host runs"
            ),
            SHARE,
            Query(_MEMORY_IN_USE, "{{pool}}"),
            width=8,
            most=1,
            link=links.pool_of_line(),
        ),
        lines(
            Words("VMs running", "VMs of each pool that run.", "No pool was read"),
            COUNT,
            Query(_sum("pool_running_vms"), "{{pool}}"),
            width=8,
            link=links.pool_of_line(),
        ),
    ],
)

PAGE: Final = Page(
    links.OVERVIEW,
    "XCP-ng: overview",
    "All pools: what they have, what is down, and the worst of each kind.",
    [names("pool", "Pool", "label_values(xo_up, pool)")],
    [_NOW, _WRONG, _CAPACITY, WORST],
)

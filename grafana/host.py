"""One host: CPUs, memory, control domain, networks, storage, the VMs that run on it."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import VariableHide

from grafana import links
from grafana.host_details import DETAILS
from grafana.host_traffic import NETWORKS, STORAGE
from grafana.pages import Page, Section, names, objects
from grafana.panels import (
    ANY_IS_ODD,
    BYTES,
    COUNT,
    FULL,
    NONE_IS_BAD,
    SECONDS,
    SHARE,
    Column,
    Query,
    Words,
    lines,
    number,
    rows,
)
from grafana.queries import age, top

_UNREAD = "The host does not run, or its RRDs were not read"
_GONE = "The host is not in the pool, or the pool was not read"
# By the host's name, since all VMs would have to be looked at by its UUID, and then by its UUID.
_ON = '{pool=~"$pool",container="$host_name"}'
_HERE = 'and on (pool, uuid) xo_vm_info{container_uuid="$host"}'
_HERE_AT_END = 'and on (pool, uuid) [[xo_vm_info{container_uuid="$host"}]]'
_RUNNING = (
    'and on (pool, uuid) xo_vm_power_state{container="$host_name",power_state="Running"} == 1'
)


_NOW = Section(
    "Now",
    [
        number(
            Words("State", "Whether the host runs, by host_metrics.live.", _GONE),
            'xo_host_power_state{uuid="$host",power_state="Running"}',
            COUNT,
            NONE_IS_BAD,
            mapping={"1": ("Running", "green"), "0": ("Halted", "red")},
        ),
        number(
            Words("Up for", "Time since the host was started.", "The host does not run"),
            age('xo_host_boot_timestamp_seconds{uuid="$host"}'),
            SECONDS,
        ),
        number(
            Words("CPUs in use", "Mean usage of the host's CPUs.", _UNREAD),
            'xo_host_cpu_usage_ratio{uuid="$host"}',
            SHARE,
            FULL,
        ),
        number(
            Words("Memory in use", "Memory of the host that is not free.", "The host does not run"),
            'xo_host_memory_usage_bytes{uuid="$host"} / xo_host_memory_size_bytes',
            SHARE,
            FULL,
        ),
        number(
            Words("VMs running", "VMs that run on the host.", _GONE),
            'xo_host_running_vms{uuid="$host"}',
        ),
        number(
            Words("vCPUs by CPU", "Virtual CPUs of the VMs that run here, by CPU.", _GONE),
            'xo_host_vcpus{uuid="$host"} / xo_host_cpus',
        ),
        number(
            Words("Maintenance", "Whether the host may run no VMs.", "The host does not run"),
            'xo_host_maintenance{uuid="$host"}',
            COUNT,
            ANY_IS_ODD,
            mapping={"1": ("yes", "orange"), "0": ("no", "green")},
        ),
        number(
            Words("To be restarted", "Whether the host is to be restarted after an update.", _GONE),
            'xo_host_reboot_required{uuid="$host"}',
            COUNT,
            ANY_IS_ODD,
            mapping={"1": ("yes", "orange"), "0": ("no", "green")},
        ),
        rows(
            Words("About", "Versions and hardware of the host.", _GONE),
            [
                Column("name_label", "Host"),
                Column("pool", "Pool", link=links.pool_of_row()),
                Column("address", "Address"),
                Column("product_brand", "Product"),
                Column("product_version", "Version"),
                Column("xapi_version", "xapi"),
                Column("xen_version", "Xen"),
                Column("manufacturer", "Make"),
                Column("product_name", "Model"),
                Column("cpu_model", "CPU"),
            ],
            "max by (name_label, pool, address, product_brand, product_version, xapi_version,"
            " xen_version, manufacturer, product_name, cpu_model)"
            ' (xo_host_info{uuid="$host"} * on (pool, uuid)'
            " group_left (manufacturer, product_name, cpu_model) xo_host_hardware_info)",
            height=4,
        ),
    ],
)

_BUSY = Section(
    "CPUs and memory",
    [
        lines(
            Words(
                "CPUs",
                "Usage of the host's CPUs: their mean, and the eight that are busiest at the end.",
                _UNREAD,
            ),
            SHARE,
            Query('xo_host_cpu_usage_ratio{uuid="$host"}', "mean"),
            Query(top(8, '[[xo_host_cpu_core_usage_ratio{uuid="$host"}]]'), "CPU {{core}}"),
            most=1,
        ),
        lines(
            Words(
                "Load",
                "Load average of the control domain over a minute, and virtual CPUs that run or "
                "could run, by CPU: above 1, VMs wait for CPUs.",
                _UNREAD,
            ),
            COUNT,
            Query('xo_host_load_average{uuid="$host"}', "load average of dom0"),
            Query('xo_host_load_ratio{uuid="$host"}', "vCPUs by CPU"),
        ),
        lines(
            Words("Memory", "Memory of the host, and what of it is in use.", _UNREAD),
            BYTES,
            Query('xo_host_memory_usage_bytes{uuid="$host"}', "in use"),
            Query('xo_host_memory_size_bytes{uuid="$host"}', "size"),
            Query('xo_host_memory_reclaimed_bytes{uuid="$host"}', "reclaimed from VMs"),
        ),
        lines(
            Words(
                "Control domain",
                "CPUs and memory of the host's control domain (dom0), as shares of what it has.",
                _UNREAD,
            ),
            SHARE,
            Query('xo_host_controller_cpu_usage_ratio{uuid="$host"}', "CPUs"),
            Query(
                'xo_host_controller_memory_usage_bytes{uuid="$host"}'
                " / xo_host_controller_memory_size_bytes",
                "memory",
            ),
            most=1,
        ),
    ],
)

_VMS = Section(
    "VMs on this host",
    [
        rows(
            Words(
                "VMs",
                "The fifty busiest VMs that run on the host now.",
                "No VM runs on the host",
            ),
            [
                Column("name_label", "VM", link=links.vm_of_row()),
                Column(0, "CPUs", SHARE, FULL, gauge=True),
                Column(1, "vCPUs"),
                Column(2, "Memory", BYTES),
                Column(3, "Memory used inside", SHARE, FULL, gauge=True),
            ],
            f"topk(50, max by (pool, name_label, uuid) (xo_vm_cpu_usage_ratio{_ON} {_HERE}))",
            f"max by (pool, name_label, uuid) (xo_vm_vcpus{_ON} {_HERE} {_RUNNING})",
            f"max by (pool, name_label, uuid) (xo_vm_memory_size_bytes{_ON} {_HERE} {_RUNNING})",
            "max by (pool, name_label, uuid)"
            f" (xo_vm_memory_usage_bytes{_ON} / xo_vm_memory_size_bytes {_HERE})",
            sort="CPUs",
            hidden=("pool",),
        ),
        lines(
            Words("Busiest VMs", "CPUs of the ten VMs that are busiest here at the end.", _UNREAD),
            SHARE,
            Query(
                top(10, f"[[xo_vm_cpu_usage_ratio{_ON}]]", _HERE_AT_END),
                "{{name_label}}",
            ),
            most=1,
            link=links.vm_of_line(),
        ),
        lines(
            Words(
                "VMs that move most on networks",
                "What the ten VMs that send and receive most here do so by the second.",
                _UNREAD,
            ),
            "Bps",
            Query(
                top(
                    10,
                    "sum by (pool, container, name_label, uuid)"
                    f" ([[xo_vm_network_receive_bytes_per_second{_ON}]]"
                    f" + [[xo_vm_network_transmit_bytes_per_second{_ON}]])",
                    _HERE_AT_END,
                ),
                "{{name_label}}",
            ),
            link=links.vm_of_line(),
        ),
    ],
)

PAGE: Final = Page(
    links.HOST,
    "XCP-ng: host",
    "One host: its CPUs, memory, control domain, networks, storage and VMs.",
    [
        names("pool", "Pool", "label_values(xo_up, pool)", several=False),
        objects("host", "Host", 'xo_host_info{pool=~"$pool"}'),
        names(
            "host_name",
            "Name of the host",
            'label_values(xo_host_info{uuid="$host"}, name_label)',
            several=False,
            every=False,
        ).hide(VariableHide.HIDE_VARIABLE),
    ],
    [_NOW, _BUSY, _VMS, NETWORKS, STORAGE, *DETAILS],
)

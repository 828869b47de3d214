"""One VM: CPUs, memory, disks, networks, and how it is set up."""

from typing import Final

from grafana import links
from grafana.pages import Page, Section, names, objects
from grafana.panels import (
    BY_SECOND,
    BYTES,
    BYTES_A_SECOND,
    COUNT,
    FULL,
    NO,
    PLAIN,
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
from grafana.queries import age

_UNREAD = "The VM does not run, or its host's RRDs were not read"
_GONE = "The VM is not in the pool, or the pool was not read"
_DISK = "{{device}} · {{vdi}} on {{sr}}"
_DISKS = (
    'and on (pool, uuid) label_replace(xo_vbd_info{vm_uuid="$vm",vdi_uuid!=""},'
    ' "uuid", "$1", "vdi_uuid", "(.*)")'
)


def _vm(name: str) -> str:
    """Give what is known of the VM, one line through migrations and new names."""
    return f'max without (container, name_label) (xo_vm_{name}{{uuid="$vm"}})'


_NOW = Section(
    "Now",
    [
        number(
            Words("State", "The VM's power state.", _GONE),
            'xo_vm_power_state{uuid="$vm"} == 1',
            COUNT,
            NO,
            legend="{{power_state}}",
        ),
        number(
            Words("Up for", "Time since the VM was started.", "The VM does not run"),
            age('xo_vm_start_timestamp_seconds{uuid="$vm"}'),
            SECONDS,
        ),
        number(
            Words("CPUs in use", "Mean usage of the VM's CPUs.", _UNREAD),
            'xo_vm_cpu_usage_ratio{uuid="$vm"}',
            SHARE,
            FULL,
        ),
        number(
            Words(
                "Memory in use",
                "Memory that the VM uses of what it has, as its guest agent says.",
                "The VM does not run, or has no guest agent",
            ),
            'xo_vm_memory_usage_bytes{uuid="$vm"} / xo_vm_memory_size_bytes',
            SHARE,
            FULL,
        ),
        number(
            Words("vCPUs", "Virtual CPUs of the VM.", _GONE),
            'xo_vm_vcpus{uuid="$vm"}',
        ),
        number(
            Words("Memory", "Memory of the VM.", _GONE),
            'xo_vm_memory_size_bytes{uuid="$vm"}',
            BYTES,
        ),
        number(
            Words("Snapshots", "Snapshots of the VM, those of backups included.", _GONE),
            'xo_vm_snapshots{uuid="$vm"}',
        ),
        number(
            Words(
                "Guest agent",
                "Whether a guest agent has spoken since the VM was started.",
                "The VM does not run",
            ),
            'xo_vm_guest_agent{uuid="$vm"}',
            COUNT,
            NO,
            mapping={"1": ("yes", "green"), "0": ("no", "orange")},
        ),
        rows(
            Words("About", "Where the VM is, its system and how HA treats it.", _GONE),
            [
                Column("name_label", "VM"),
                Column("container", "On"),
                Column("pool", "Pool", link=links.pool_of_row()),
                Column("address", "Address"),
                Column("os_name", "System"),
                Column("ha_restart_priority", "HA"),
                Column("affinity", "To run on"),
                Column("name_description", "Description"),
            ],
            "max by (name_label, container, pool, address, os_name, ha_restart_priority,"
            ' affinity, name_description) (xo_vm_info{uuid="$vm"} * on (pool, uuid)'
            " group_left (ha_restart_priority, affinity) xo_vm_settings_info)",
            height=4,
        ),
    ],
)

_BUSY = Section(
    "CPUs and memory",
    [
        lines(
            Words("CPUs", "Usage of each virtual CPU, and their mean.", _UNREAD),
            SHARE,
            Query(_vm("cpu_usage_ratio"), "mean"),
            Query(_vm("cpu_core_usage_ratio"), "CPU {{core}}"),
            most=1,
        ),
        lines(
            Words(
                "Memory",
                "Memory that the VM has, what it uses of it, and what it is told to keep to.",
                _UNREAD,
            ),
            BYTES,
            Query(_vm("memory_size_bytes"), "size"),
            Query(_vm("memory_usage_bytes"), "in use"),
            Query(_vm("memory_target_bytes"), "target"),
            Query(_vm("memory_dynamic_max_bytes"), "dynamic maximum"),
            Query(_vm("memory_dynamic_min_bytes"), "dynamic minimum"),
        ),
    ],
)

_STORAGE = Section(
    "Disks",
    [
        lines(
            Words("Read", "What the VM reads from each disk.", _UNREAD),
            BYTES_A_SECOND,
            Query(_vm("disk_read_bytes_per_second"), _DISK),
        ),
        lines(
            Words("Written", "What the VM writes to each disk.", _UNREAD),
            BYTES_A_SECOND,
            Query(_vm("disk_write_bytes_per_second"), _DISK),
        ),
        lines(
            Words("Requests", "Requests to each disk that are completed.", _UNREAD),
            BY_SECOND,
            Query(_vm("disk_read_operations_per_second"), "read, {{device}}"),
            Query(_vm("disk_write_operations_per_second"), "written, {{device}}"),
        ),
        lines(
            Words("Duration of requests", "Mean duration of a request to each disk.", _UNREAD),
            SECONDS,
            Query(_vm("disk_read_latency_seconds"), "read, {{device}}"),
            Query(_vm("disk_write_latency_seconds"), "written, {{device}}"),
        ),
        rows(
            Words("Disks", "The VM's disks: what they hold, on which SR.", "The VM has no disk"),
            [
                Column("name_label", "Disk"),
                Column("container", "SR"),
                Column(0, "Size", BYTES),
                Column(1, "On the SR", BYTES),
                Column(2, "Images in its chain", COUNT, ((None, PLAIN), (20, "orange"))),
            ],
            f"max by (container, name_label, uuid) (xo_vdi_size_bytes {_DISKS})",
            f"max by (container, name_label, uuid) (xo_vdi_usage_bytes {_DISKS})",
            f"max by (container, name_label, uuid) (xo_vdi_chain_length {_DISKS})",
            width=16,
        ),
        lines(
            Words("Requests under way", "Mean number of requests under way.", _UNREAD),
            COUNT,
            Query(_vm("disk_queue_operations"), "{{device}}"),
            width=8,
        ),
    ],
)

_NETWORKS = Section(
    "Networks",
    [
        lines(
            Words("Received", "What the VM receives on each VIF.", _UNREAD),
            "Bps",
            Query(_vm("network_receive_bytes_per_second"), "{{device}} · {{network}}"),
        ),
        lines(
            Words("Sent", "What the VM sends on each VIF.", _UNREAD),
            "Bps",
            Query(_vm("network_transmit_bytes_per_second"), "{{device}} · {{network}}"),
        ),
    ],
)

_CARE = Section(
    "Snapshots, backups, settings, and where it has been",
    [
        number(
            Words("Oldest snapshot", "Age of the VM's oldest snapshot.", "The VM has none"),
            age('xo_vm_oldest_snapshot_timestamp_seconds{uuid="$vm"}'),
            SECONDS,
            ((None, "green"), (30 * 86400, "orange")),
            width=4,
        ),
        number(
            Words("Snapshots take", "Space that the disks of the VM's snapshots take.", _GONE),
            'xo_vm_snapshot_usage_bytes{uuid="$vm"}',
            BYTES,
            width=4,
        ),
        number(
            Words(
                "Last good backup",
                "Age of the snapshot of the VM's last good backup by Xen Orchestra.",
                "No good backup is known; a full backup may leave no trace in XAPI",
            ),
            age('max(xo_vm_backup_last_success_timestamp_seconds{uuid="$vm"})'),
            SECONDS,
            ((None, "green"), (2 * 86400, "orange"), (7 * 86400, "red")),
            width=4,
        ),
        number(
            Words("Protected by HA", "Whether HA restarts the VM whatever that takes.", _GONE),
            'xo_vm_ha_protected{uuid="$vm"}',
            mapping=YES_NO,
            width=4,
        ),
        number(
            Words("Starts with its host", "Whether the VM is to be started with its host.", _GONE),
            'xo_vm_auto_poweron{uuid="$vm"}',
            mapping=YES_NO,
            width=4,
        ),
        number(
            Words("VIFs plugged in", "VIFs of the VM that are plugged in.", "Not collected"),
            'xo_vm_attached_vifs{uuid="$vm"}',
            width=4,
        ),
        lines(
            Words(
                "States of CPUs",
                "Share of time that the VM's CPUs together run, wait for a physical one or idle.",
                "Hosts record it only where they are told to: xe vm-data-source-record",
            ),
            SHARE,
            Query(_vm("runstate_ratio"), "{{state}}"),
            stacked=True,
        ),
        lines(
            Words(
                "Ready to run, waiting",
                "Share of time that any, or the average one, of the VM's CPUs waits for a physical "
                "one; from xapi 25.29 on.",
                "Hosts record it only where they are told to: xe vm-data-source-record",
            ),
            SHARE,
            Query(_vm("runnable_any_ratio"), "any"),
            Query(_vm("runnable_vcpus_ratio"), "average"),
        ),
        lines(
            Words(
                "Where it has been",
                "1 for the host that the VM is on, or what it is tied to while it does not run.",
                _GONE,
            ),
            COUNT,
            Query('max by (container) (xo_vm_info{uuid="$vm"})', "{{container}}"),
        ),
    ],
)

PAGE: Final = Page(
    links.VM,
    "XCP-ng: VM",
    "One VM: its CPUs, memory, disks, networks, snapshots and backups.",
    [
        names("pool", "Pool", "label_values(xo_up, pool)", several=False),
        names(
            "container",
            "Host or pool",
            'label_values(xo_vm_info{pool=~"$pool"}, container)',
            several=False,
        ),
        objects("vm", "VM", 'xo_vm_info{pool=~"$pool",container=~"$container"}'),
    ],
    [_NOW, _BUSY, _STORAGE, _NETWORKS, _CARE],
)

"""Backups, replicas and snapshots: what is too old, what is missing, what was left behind."""

from typing import Final

from grafana import links
from grafana.pages import Page, Section, names
from grafana.panels import (
    ANY_IS_ODD,
    BYTES,
    COUNT,
    SECONDS,
    Column,
    Query,
    Words,
    lines,
    number,
    rows,
)
from grafana.queries import NO_REPLICAS, age, or_zero, top

_NOT_READ = "The pool was not read, or the collector backup is off"
_NO_BACKUP = "No incremental job of Xen Orchestra left a trace of a backup in XAPI"
_VM = "pool, container, name_label, uuid"
_OLD = ((None, "green"), (30 * 86400, "orange"), (90 * 86400, "red"))
_LATE = ((None, "green"), (2 * 86400, "orange"), (7 * 86400, "red"))
_WITHOUT = (
    f'xo_vm_backups{{pool=~"$pool"}} == 0 {NO_REPLICAS}'
    ' and on (pool, uuid) xo_vm_power_state{power_state="Running"} == 1'
)

_LATEST = (
    f"topk(100, max by ({_VM}, backup_job)"
    ' (time() - xo_vm_backup_last_success_timestamp_seconds{pool=~"$pool"}'
    ' or time() - xo_vm_backup_last_snapshot_timestamp_seconds{pool=~"$pool"}))'
)
_OLDEST = (
    f'topk(50, max by ({_VM}) (time() - xo_vm_oldest_snapshot_timestamp_seconds{{pool=~"$pool"}}))'
)

_NOW = Section(
    "Now",
    [
        number(
            Words(
                "VMs backed up",
                "VMs whose snapshots tell of a good backup by Xen Orchestra. Only incremental "
                "jobs mark success.",
                _NOT_READ,
            ),
            or_zero('count(xo_vm_backups{pool=~"$pool"} > 0)'),
        ),
        number(
            Words(
                "Without backup",
                "VMs that run and of which no good backup is known. Only incremental jobs mark "
                "success in XAPI: those with full backups alone are among them.",
                _NOT_READ,
            ),
            or_zero(f"count({_WITHOUT})"),
            COUNT,
            ANY_IS_ODD,
        ),
        number(
            Words(
                "Oldest backup",
                "Age of the last good backup that is oldest, of incremental jobs.",
                _NO_BACKUP,
            ),
            age('min(xo_vm_backup_last_success_timestamp_seconds{pool=~"$pool"})'),
            SECONDS,
            _LATE,
        ),
        number(
            Words("Replicas broken", "Replicas that are not wholly there.", _NOT_READ),
            or_zero('count(xo_vm_replica_complete{pool=~"$pool"} == 0)'),
            COUNT,
            ANY_IS_ODD,
        ),
        number(
            Words("Snapshots", "Snapshots of all VMs, those of backups included.", _NOT_READ),
            'sum(xo_vm_snapshots{pool=~"$pool"})',
        ),
        number(
            Words("They take", "Space that the disks of all snapshots take.", _NOT_READ),
            'sum(xo_vm_snapshot_usage_bytes{pool=~"$pool"})',
            BYTES,
        ),
        number(
            Words("Orphan snapshots", "Snapshots whose VM is gone.", _NOT_READ),
            'sum(xo_pool_orphan_snapshots{pool=~"$pool"})',
            COUNT,
            ANY_IS_ODD,
        ),
        number(
            Words(
                "Disks on dom0",
                "Disks that are attached to control domains: those of backups that run, or that "
                "broke.",
                "The collector controller_disk is off",
            ),
            'sum(xo_host_controller_disks{pool=~"$pool"})',
            COUNT,
            ANY_IS_ODD,
        ),
    ],
)

_BACKUPS = Section(
    "Backups and replicas",
    [
        rows(
            Words(
                "Backups by VM and job",
                "The hundred VMs whose last good backup, or without one whose last snapshot, is "
                "oldest. Only incremental jobs mark success: where their last snapshot is newer, a "
                "backup runs or has failed; of full backups and rolling snapshots nothing else is "
                "known.",
                _NO_BACKUP,
            ),
            [
                Column("name_label", "VM", link=links.vm_of_row()),
                Column("container", "On"),
                Column("pool", "Pool", link=links.pool_of_row()),
                Column("backup_job", "Job"),
                Column(0, "Last good backup", SECONDS, _LATE),
                Column(1, "Last snapshot", SECONDS),
                Column(2, "Deltas since full"),
            ],
            *(
                f'max by ({_VM}, backup_job) ({head}xo_vm_backup_{name}{{pool=~"$pool"}})'
                f" and on (pool, uuid, backup_job) {_LATEST}"
                for head, name in (
                    ("time() - ", "last_success_timestamp_seconds"),
                    ("time() - ", "last_snapshot_timestamp_seconds"),
                    ("", "chain_length"),
                )
            ),
            sort="Last good backup",
        ),
        rows(
            Words(
                "Running VMs without a good backup",
                "The first hundred VMs that run and of which no good backup is known. Only "
                "incremental jobs mark success in XAPI: those with full backups alone are here.",
                "All running VMs have one",
            ),
            [
                Column("name_label", "VM", link=links.vm_of_row()),
                Column("container", "On"),
                Column("pool", "Pool", link=links.pool_of_row()),
                Column(0, "Up for", SECONDS),
            ],
            f"topk(100, max by ({_VM}) (time() - xo_vm_start_timestamp_seconds"
            f" and on (pool, uuid) ({_WITHOUT})))",
            width=12,
        ),
        rows(
            Words(
                "Replicas",
                "Replicas that jobs of Xen Orchestra keep, and how far each is behind its source.",
                "There is no replica in the pools",
            ),
            [
                Column("name_label", "Replica", link=links.vm_of_row()),
                Column("source", "Of"),
                Column("sr", "On"),
                Column("pool", "Pool", link=links.pool_of_row()),
                Column(0, "Behind by", SECONDS, _LATE),
                Column(1, "Whole", mapping={"1": ("yes", "green"), "0": ("no", "red")}),
            ],
            "topk(50, max by (pool, name_label, uuid, source, sr)"
            ' ((time() - xo_vm_replica_timestamp_seconds{pool=~"$pool"}) * on (pool, uuid)'
            " group_left (source, sr) xo_vm_replica_info))",
            "topk(50, max by (pool, name_label, uuid, source, sr)"
            ' (xo_vm_replica_complete{pool=~"$pool"} * on (pool, uuid)'
            " group_left (source, sr) xo_vm_replica_info))",
            width=12,
        ),
    ],
)

_SNAPSHOTS = Section(
    "Snapshots",
    [
        rows(
            Words(
                "Oldest snapshots",
                "The fifty VMs with the oldest snapshots: each holds space and slows its disks.",
                "No VM has a snapshot",
            ),
            [
                Column("name_label", "VM", link=links.vm_of_row()),
                Column("container", "On"),
                Column("pool", "Pool", link=links.pool_of_row()),
                Column(0, "Oldest", SECONDS, _OLD),
                Column(1, "Snapshots"),
                Column(2, "They take", BYTES),
            ],
            _OLDEST,
            f"max by ({_VM}) (xo_vm_snapshots) and on (pool, uuid) {_OLDEST}",
            f"max by ({_VM}) (xo_vm_snapshot_usage_bytes) and on (pool, uuid) {_OLDEST}",
            width=14,
            sort="Oldest",
        ),
        rows(
            Words(
                "Orphan snapshots",
                "SRs with snapshots whose VM is gone: nothing shows them, and they hold space.",
                "No SR has any",
            ),
            [
                Column("name_label", "SR", link=links.sr_of_row()),
                Column("container", "On"),
                Column(0, "Disks", COUNT, ANY_IS_ODD),
                Column(1, "They take", BYTES),
            ],
            f'topk(50, max by ({_VM}) (xo_sr_orphan_snapshot_disks{{pool=~"$pool"}}))',
            f'topk(50, max by ({_VM}) (xo_sr_orphan_snapshot_usage_bytes{{pool=~"$pool"}}))',
            width=10,
            hidden=("pool",),
        ),
        lines(
            Words(
                "Space of snapshots",
                "What the snapshots of the ten VMs take that hold most at the end.",
                _NOT_READ,
            ),
            BYTES,
            Query(
                top(10, '[[xo_vm_snapshot_usage_bytes{pool=~"$pool"}]]'),
                "{{name_label}} · {{container}}",
            ),
            link=links.vm_of_line(),
        ),
        lines(
            Words("Snapshots", "Snapshots of all VMs of each pool.", _NOT_READ),
            COUNT,
            Query('sum by (pool) (xo_vm_snapshots{pool=~"$pool"})', "{{pool}}"),
            link=links.pool_of_line(),
        ),
        rows(
            Words(
                "Disks on control domains",
                "Disks that are attached to a control domain; one that stays so when no backup "
                "runs can't be deleted.",
                "No disk is attached to a control domain",
            ),
            [
                Column("vdi", "Disk"),
                Column("name_label", "Host"),
                Column("sr", "SR"),
                Column("pool", "Pool", link=links.pool_of_row()),
            ],
            "topk(50, max by (pool, name_label, vdi, sr)"
            ' (xo_host_controller_disk_info{pool=~"$pool"}))',
        ),
    ],
)

PAGE: Final = Page(
    links.BACKUPS,
    "XCP-ng: backups and snapshots",
    "What Xen Orchestra's jobs leave in XAPI of backups and replicas, and all snapshots.",
    [names("pool", "Pool", "label_values(xo_up, pool)")],
    [_NOW, _BACKUPS, _SNAPSHOTS],
)

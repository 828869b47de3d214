"""What the marks of Xen Orchestra's backup jobs say."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from xo_exporter.model.backups import Backups, VMBackups
from xo_exporter.model.objects import PoolModel

Model = Callable[..., PoolModel]
SECOND = 1706695872  # 20240131T10:11:12Z


def snapshot(job: str, second: int, **more: str) -> Mapping[str, Any]:
    """Make a snapshot of VM `v` by a job, so many seconds past 10:11:12."""
    marks = {
        "xo:backup:job": job,
        "xo:backup:vm": "v",
        "xo:backup:datetime": f"20240131T10:11:{12 + second}Z",
        **{f"xo:backup:{name}": value for name, value in more.items()},
    }
    return {"snapshot_of": "v", "is_a_snapshot": True, "other_config": marks}


def of(model: PoolModel, uuid: str = "v") -> VMBackups:
    """Give the backups of a VM."""
    return {one.UUID: one for one in model.part(Backups).of_vms}[uuid]


def test_the_last_good_one_of_each_job(model: Model) -> None:
    """Of each job the newest snapshot that was exported counts, whatever came after it."""
    built = model(
        vm={
            "v": {},
            "a": snapshot("daily", 0, exported="true", deltaChainLength="4"),
            "b": snapshot("daily", 2, exported="true", deltaChainLength="5"),
            "c": snapshot("daily", 1, exported="true", deltaChainLength="0"),
            "d": snapshot("daily", 9, deltaChainLength="6"),
            "e": snapshot("weekly", 3, exported="true"),
            "f": snapshot("never", 4, exported="false"),
        }
    )
    found = of(built)
    assert found.snapshots == 4
    assert [
        (job.UUID, job.last_success, job.last_snapshot, job.chain_length) for job in found.jobs
    ] == [
        ("daily", SECOND + 2, SECOND + 9, 5),
        ("never", None, SECOND + 4, None),
        ("weekly", SECOND + 3, SECOND + 3, None),
    ]


def test_a_mark_without_a_time(model: Model) -> None:
    """Where a mark has no time, or none that can be read, that of the snapshot counts."""
    marks = {"xo:backup:job": "j", "xo:backup:exported": "true", "xo:backup:datetime": "today"}
    record = {"snapshot_of": "v", "snapshot_time": "20240131T10:11:12Z", "other_config": marks}
    built = model(vm={"v": {}, "a": record})
    assert of(built).jobs[0].last_success == SECOND
    built = model(vm={"v": {}, "a": {**record, "snapshot_time": "19700101T00:00:00Z"}})
    assert of(built).jobs[0].last_success is None
    assert of(built).snapshots == 1


def test_snapshots_that_are_no_backups(model: Model) -> None:
    """A snapshot that somebody took by hand tells of no backup, nor does one of another VM."""
    built = model(
        vm={"v": {}, "w": {}, "a": {"snapshot_of": "v"}, "b": snapshot("j", 0, exported="true")}
    )
    assert (of(built, "w").snapshots, of(built, "w").jobs) == (0, [])
    assert of(built).snapshots == 1


def disk(job: str, second: int, vm: str = "v", of: str = "root", **more: str) -> Mapping[str, Any]:
    """Make a snapshot of a disk as `snapshot` does, with the data or without it."""
    marks = {**snapshot(job, second, **more)["other_config"], "xo:backup:vm": vm}
    return {"is_a_snapshot": True, "snapshot_of": of, "other_config": marks}


def test_snapshots_whose_data_is_purged(model: Model) -> None:
    """Where the snapshot of the VM is gone, those of its disks tell the same, all as one."""
    built = model(
        vm={"v": {}, "w": {}, "a": snapshot("delta", 1, exported="true", deltaChainLength="1")},
        vdi={
            "root": {},
            "a-1": disk("delta", 1, exported="true", deltaChainLength="1"),
            "b-1": disk("delta", 3, exported="true", deltaChainLength="2"),
            "b-2": disk("delta", 3, exported="true", deltaChainLength="2", of="home"),
            "c-1": disk("delta", 5),
            "d-1": disk("mirror", 4, exported="true", of="OpaqueRef:NULL"),
            "e-1": disk("delta", 2, vm="w", exported="true"),
        },
    )
    assert [
        (job.UUID, job.last_success, job.last_snapshot, job.chain_length) for job in of(built).jobs
    ] == [
        ("delta", SECOND + 3, SECOND + 5, 2),
        ("mirror", SECOND + 4, SECOND + 4, None),
    ]
    assert of(built).snapshots == 3
    assert [(job.UUID, job.last_success) for job in of(built, "w").jobs] == [("delta", SECOND + 2)]


def test_disks_that_are_no_snapshots_of_the_vm(model: Model) -> None:
    """Disks of replicas bear the marks of their source, and hand them on to their snapshots."""
    marks = disk("replication", 0, exported="true")
    without_time = {**marks["other_config"], "xo:backup:datetime": "today"}
    built = model(
        vm={"v": {}, "r": replica()},
        vbd={"vbd": {"VM": "r", "VDI": "copy"}},
        vdi={
            "copy": {**marks, "is_a_snapshot": False, "snapshot_of": "OpaqueRef:NULL"},
            "snapshot of the copy": {**marks, "snapshot_of": "copy"},
            "of another pool": disk("replication", 0, vm="elsewhere", exported="true"),
            "by hand": {"is_a_snapshot": True, "snapshot_of": "root"},
            "without a time": {**marks, "other_config": without_time},
        },
    )
    assert (of(built).snapshots, of(built).jobs) == (0, [])


def replica(source: str = "v", second: int = 0, **more: Any) -> Mapping[str, Any]:
    """Make a replica of a VM that is wholly there, so many seconds past 10:11:12."""
    marks = {
        "xo:backup:job": "replication",
        "xo:backup:vm": source,
        "xo:backup:sr": "sr",
        "xo:backup:datetime": f"20240131T10:11:{12 + second}Z",
    }
    return {"power_state": "Halted", "other_config": marks, **more}


def test_replicas_of_a_vm(model: Model) -> None:
    """A VM has as many replicas as are wholly there, and the newest of those has its time."""
    incomplete = {
        "xo:backup:vm": "v",
        "xo:backup:datetime": "20240131T10:11:50Z",
    }
    built = model(
        vm={
            "v": {},
            "a": replica(second=1),
            "b": replica(second=3),
            "c": replica(other_config=incomplete),
            "d": replica("of another pool"),
        }
    )
    assert (of(built).replicas, of(built).newest_replica) == (2, SECOND + 3)
    found = {
        one.UUID: (one.source_uuid, one.source.UUID if one.source else None, one.complete)
        for one in built.part(Backups).replicas
    }
    assert found == {
        "a": ("v", "v", True),
        "b": ("v", "v", True),
        "c": ("v", "v", False),
        "d": ("of another pool", None, True),
    }


def test_replicas_are_no_workload(model: Model) -> None:
    """Nothing is said of the backups of a replica; the counts of VMs have it all the same."""
    built = model(vm={"v": {}, "a": replica()})
    assert [one.UUID for one in built.part(Backups).of_vms] == ["v"]
    assert [vm.UUID for vm in built.pool.VMs] == ["a", "v"]


@pytest.mark.parametrize(
    "record",
    [
        replica(power_state="Running"),
        replica(power_state="Paused"),
        replica(power_state="Suspended"),
        replica(power_state="Unknown"),
        replica("a"),
        replica(""),
        replica(is_a_template=True),
        replica(snapshot_of="v"),
    ],
)
def test_what_is_no_replica(model: Model, record: Mapping[str, Any]) -> None:
    """A VM that was started is a workload again; neither is one that bears its own mark."""
    built = model(vm={"v": {}, "a": record})
    assert not built.part(Backups).replicas
    assert of(built).replicas == 0

"""Metrics of what the VMs of a host do on each SR, from the host's RRDs.

A source is called by the first eight characters of the SR's UUID, and has the traffic of VMs'
disks alone: that of the control domain itself is in none. Where no SR of the host has these
characters, or more than one, the source is left out, and the SR counted.

The sources iops_total_* and io_throughput_total_* are left out: each is the sum of those by
direction, and a query that adds these up would count it twice. read_* and io_throughput_read_* are
two ways to one number, and both are here: the first has a gap when a disk is detached, but no
build has ever got it wrong; the second has none, but came five-fold from some.
"""

from typing import Final

from xo_exporter.metrics import host
from xo_exporter.metrics.absolute import SECONDS_OF_A_ROW, absolute_correction
from xo_exporter.metrics.source import Match, Source, SourceTable
from xo_exporter.metrics.table import Pair, Table, gauge, measured
from xo_exporter.model.host_storage import HostStorage, HostStorages
from xo_exporter.model.objects import PoolModel

_COLLECTOR: Final = "host_storage"
_PART: Final = "host_storage"
_MIB: Final = 1024.0 * 1024.0
_MICROSECONDS: Final = 1e-6


def _objects(model: PoolModel) -> list[HostStorage]:
    return model.part(HostStorages).hosts


def _labels(storage: HostStorage, pool: str) -> tuple[Pair, ...]:
    return host.TABLE.labels(storage.host, pool)


def _sr(storage: HostStorage, match: Match) -> tuple[str] | None:
    name = storage.names.get(match[1].lower())
    return None if name is None else (name,)


def _correction(storage: HostStorage) -> float:
    return absolute_correction(storage.host.xapi_version)


def _of_sr(
    name: str, help_text: str, source: str, factor: float = 1.0, *, absolute: bool = False
) -> Source[HostStorage]:
    return Source(
        name,
        help_text,
        f"{source}_([0-9A-Fa-f]{{8}})",
        factor,
        labels=("sr",),
        label_values=_sr,
        absolute=absolute,
    )


def _of_cache(name: str, help_text: str, source: str) -> Source[HostStorage]:
    pattern = f"sr_([0-9A-Fa-f-]{{36}})_cache_{source}"
    return Source(name, help_text, pattern, labels=("sr",), label_values=_sr)


TABLE: Final = Table[HostStorage](
    collector=_COLLECTOR,
    part=_PART,
    objects=_objects,
    label_names=host.TABLE.label_names,
    labels=_labels,
    metrics=(
        measured(
            gauge(
                "xo_host_storage_unresolved_srs",
                "SRs that a host's RRDs have values of which are left out, since of the SRs that "
                "it is linked to (PBD.SR) none, or more than one, has a UUID that begins so.",
                lambda storage: storage.unresolved(),
            )
        ),
    ),
)

SOURCE_TABLE: Final = SourceTable[HostStorage](
    collector=_COLLECTOR,
    part=_PART,
    objects=_objects,
    label_names=host.TABLE.label_names,
    labels=_labels,
    values=lambda storage: storage.host.values,
    correction=_correction,
    metrics=(
        _of_sr(
            "xo_host_storage_read_bytes_per_second",
            "Bytes that a host's VMs read from each SR, from RRD read_<SR>.",
            "read",
        ),
        _of_sr(
            "xo_host_storage_write_bytes_per_second",
            "Bytes that a host's VMs write to each SR, from RRD write_<SR>.",
            "write",
        ),
        _of_sr(
            "xo_host_storage_read_operations_per_second",
            "Read requests of a host's VMs to each SR that were completed, from RRD "
            "iops_read_<SR>.",
            "iops_read",
            absolute=True,
        ),
        _of_sr(
            "xo_host_storage_write_operations_per_second",
            "Write requests of a host's VMs to each SR that were completed, from RRD "
            "iops_write_<SR>.",
            "iops_write",
            absolute=True,
        ),
        _of_sr(
            "xo_host_storage_read_latency_seconds",
            "Sum of the mean durations of a read request of all disks that a host's VMs have on "
            "each SR, not their mean, from RRD read_latency_<SR>.",
            "read_latency",
            _MICROSECONDS,
        ),
        _of_sr(
            "xo_host_storage_write_latency_seconds",
            "Sum of the mean durations of a write request of all disks that a host's VMs have on "
            "each SR, not their mean, from RRD write_latency_<SR>.",
            "write_latency",
            _MICROSECONDS,
        ),
        _of_sr(
            "xo_host_storage_latency_seconds",
            "Mean duration of a request of the slowest disk that a host's VMs have on each SR, "
            "from RRD latency_<SR>.",
            "latency",
            _MICROSECONDS,
        ),
        _of_sr(
            "xo_host_storage_iowait_ratio",
            "Seconds that requests of a host's VMs to each SR waited, by second, from RRD "
            "iowait_<SR>; above 1 where several wait.",
            "iowait",
            absolute=True,
        ),
        _of_sr(
            "xo_host_storage_inflight_operations",
            "Requests of a host's VMs to each SR that were under way in the last five seconds, "
            "from RRD inflight_<SR>.",
            "inflight",
        ),
        _of_sr(
            "xo_host_storage_queue_operations",
            "Mean number of requests under way to the busiest disk that a host's VMs have on each "
            "SR, from RRD avgqu_sz_<SR>.",
            "avgqu_sz",
        ),
        _of_cache(
            "xo_host_storage_cache_size_bytes",
            "Size of a host's read cache (IntelliCache) on each SR, from RRD sr_<SR>_cache_size.",
            "size",
        ),
        _of_cache(
            "xo_host_storage_cache_hits_per_second",
            "Reads that a host's read cache (IntelliCache) on each SR answered, from RRD "
            "sr_<SR>_cache_hits.",
            "hits",
        ),
        _of_cache(
            "xo_host_storage_cache_misses_per_second",
            "Reads that a host's read cache (IntelliCache) on each SR could not answer, from RRD "
            "sr_<SR>_cache_misses.",
            "misses",
        ),
        Source(
            "xo_host_storage_low_memory_tapdisks",
            "Disk processes (tapdisk) of a host that are short of memory, from RRD "
            "Tapdisks_in_low_memory_mode, which says a fifth of them as if it were an amount.",
            "Tapdisks_in_low_memory_mode",
            SECONDS_OF_A_ROW,
            absolute=True,
        ),
    ),
)

THROUGHPUT_TABLE: Final = SourceTable[HostStorage](
    collector="host_storage_throughput",
    default=False,
    part=_PART,
    objects=_objects,
    label_names=host.TABLE.label_names,
    labels=_labels,
    values=SOURCE_TABLE.values,
    correction=_correction,
    metrics=(
        _of_sr(
            "xo_host_storage_read_throughput_bytes_per_second",
            "Bytes that a host's VMs read from each SR, without a gap when a disk is detached, "
            "from RRD io_throughput_read_<SR>.",
            "io_throughput_read",
            _MIB,
            absolute=True,
        ),
        _of_sr(
            "xo_host_storage_write_throughput_bytes_per_second",
            "Bytes that a host's VMs write to each SR, without a gap when a disk is detached, "
            "from RRD io_throughput_write_<SR>.",
            "io_throughput_write",
            _MIB,
            absolute=True,
        ),
    ),
)
"""What read_<SR> and write_<SR> say, by another counter."""

"""Metrics of XAPI's own process on each host, and of its sessions and tasks, from RRDs.

Those of sessions, tasks and migrations are the pool's: the master alone has them, and they stay
one series when another host becomes it.
"""

from typing import Final

from xo_exporter.metrics import host, pool
from xo_exporter.metrics.source import Match, Source, SourceTable
from xo_exporter.model.objects import Host, Pool
from xo_exporter.rrd.values import NO_VALUES, Values

_COLLECTOR: Final = "xapi"

_WORDS_BY_KIB: Final = 256
_BYTES_OF_A_WORD: Final = 8
_XAPI_KIB: Final = float(_WORDS_BY_KIB * _BYTES_OF_A_WORD)
"""Bytes in what XAPI takes for a KiB of its heap: it counts words as if they had 32 bits."""


def _group(_host: Host, match: Match) -> tuple[str]:
    return (match[1],)


def _of_master(pool: Pool) -> Values:
    return pool.master.values if pool.master else NO_VALUES


TABLE: Final = SourceTable[Host](
    collector=_COLLECTOR,
    objects=host.TABLE.objects,
    label_names=host.TABLE.label_names,
    labels=host.TABLE.labels,
    values=lambda host: host.values,
    metrics=(
        Source(
            "xo_host_xapi_heap_size_bytes",
            "Size of the heap of a host's XAPI, from RRD xapi_memory_usage_kib, which says half "
            "of it.",
            "xapi_memory_usage_kib",
            _XAPI_KIB,
        ),
        Source(
            "xo_host_xapi_heap_free_bytes",
            "What is free in the heap of a host's XAPI, from RRD xapi_free_memory_kib, which says "
            "half of it; new every half minute.",
            "xapi_free_memory_kib",
            _XAPI_KIB,
        ),
        Source(
            "xo_host_xapi_heap_live_bytes",
            "What is in use of the heap of a host's XAPI, from RRD xapi_live_memory_kib, which "
            "says half of it; new every half minute.",
            "xapi_live_memory_kib",
            _XAPI_KIB,
        ),
        Source(
            "xo_host_xapi_allocation_bytes_per_second",
            "Memory that a host's XAPI allocates, from RRD xapi_allocation_kib, which says half "
            "of it.",
            "xapi_allocation_kib",
            _XAPI_KIB,
        ),
        Source(
            "xo_host_xapi_open_fds",
            "File descriptors that a host's XAPI has open, from RRD xapi_open_fds.",
            "xapi_open_fds",
        ),
        Source(
            "xo_host_xapi_group_calls_per_second",
            "Calls of each group of callers that a host's XAPI knows for its rate limits, from RRD "
            "group_<name>_calls.",
            "group_(.+)_calls",
            labels=("group",),
            label_values=_group,
            since="26.17",
        ),
        Source(
            "xo_host_xapi_group_tokens_per_second",
            "Tokens that the calls of each group of callers cost at a host's XAPI, from RRD "
            "group_<name>_tokens.",
            "group_(.+)_tokens",
            labels=("group",),
            label_values=_group,
            since="26.17",
        ),
    ),
)

POOL_TABLE: Final = SourceTable[Pool](
    collector=_COLLECTOR,
    objects=pool.TABLE.objects,
    label_names=pool.TABLE.label_names,
    labels=pool.TABLE.labels,
    values=_of_master,
    metrics=(
        Source(
            "xo_pool_xapi_sessions",
            "Sessions at a pool's XAPI, from RRD pool_session_count of the master.",
            "pool_session_count",
        ),
        Source(
            "xo_pool_xapi_session_creations_per_second",
            "Sessions that begin at a pool's XAPI, from RRD pool_session_creation_rate of the "
            "master.",
            "pool_session_creation_rate",
            since="23.0",
        ),
        Source(
            "xo_pool_xapi_tasks",
            "Tasks that a pool's XAPI knows, those that ended not long ago included, from RRD "
            "pool_task_count of the master.",
            "pool_task_count",
        ),
        Source(
            "xo_pool_vgpu_migrations_per_second",
            "Migrations of VMs with a virtual GPU in a pool, from RRD pool_vgpu_migration_rate of "
            "the master.",
            "pool_vgpu_migration_rate",
            since="25.31",
        ),
    ),
)

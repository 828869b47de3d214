"""Metrics of a pool's tasks."""

from typing import Final

from xo_exporter.metrics import pool
from xo_exporter.metrics.table import Table, each, gauge
from xo_exporter.model.tasks import PoolTasks, Tasks

TABLE: Final = Table[PoolTasks](
    collector="task",
    part="tasks",
    objects=lambda model: model.part(Tasks).pools,
    label_names=pool.TABLE.label_names,
    labels=lambda tasks, label: pool.TABLE.labels(tasks.pool, label),
    metrics=(
        each(
            "xo_pool_tasks",
            "Tasks that a pool knows of, by task.status; XAPI keeps those that ended for an hour.",
            "status",
            lambda tasks: tasks.counts.items(),
        ),
        gauge(
            "xo_pool_oldest_pending_task_timestamp_seconds",
            "When the oldest task that is pending was made, from task.created.",
            lambda tasks: tasks.oldest_pending,
        ),
    ),
)

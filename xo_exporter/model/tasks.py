"""The tasks that a pool knows of: those under way, and for an hour those that ended."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from xo_exporter.model import known
from xo_exporter.model.index import Index
from xo_exporter.model.objects import Pool, PoolModel
from xo_exporter.xapi.records import Records

STATUSES: Final = ("pending", "success", "failure", "cancelling", "cancelled")


@dataclass(slots=True, eq=False)
class PoolTasks:
    """How many tasks of a pool are in each status; when the oldest pending one was made."""

    pool: Pool
    counts: Mapping[str, int]
    oldest_pending: int | None

    @property
    def UUID(self) -> str:
        """That of the pool."""
        return self.pool.UUID


@dataclass(slots=True, eq=False)
class Tasks:
    """Those of the one pool that a model has."""

    pools: list[PoolTasks]


def build(model: PoolModel, records: Records, _index: Index) -> Tasks:
    """The tasks that there are now."""
    tasks = (records.task or {}).values()
    counts = Counter(task.status for task in tasks)
    pending = (known.timestamp(task.created) for task in tasks if task.status == "pending")
    return Tasks(
        [
            PoolTasks(
                model.pool,
                {status: counts[status] for status in STATUSES},
                min((time for time in pending if time is not None), default=None),
            )
        ]
    )

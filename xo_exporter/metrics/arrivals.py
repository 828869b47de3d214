"""Metrics of what came while this process watched: messages, and tasks that failed.

A name that is new stands at 0 once before it is counted, so that `increase()` sees it come.
"""

from collections.abc import Mapping, Sized
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from xo_exporter.metrics.table import Table, each, each_of
from xo_exporter.model.messages import Kind


@dataclass(frozen=True, slots=True)
class Arrived:
    """What has come of one pool since this process first read it."""

    messages: Mapping[Kind, int] = field(default_factory=dict)
    task_failures: Mapping[str, int] = field(default_factory=dict)


MESSAGE_TABLE: Final = Table[Arrived](
    collector="message",
    part="messages",
    label_names=("pool",),
    labels=lambda _arrived, pool: (("pool", pool),),
    metrics=(
        each_of(
            "xo_messages_total",
            "Messages that came since the exporter first read a pool, by message.name, "
            "message.priority (1 is the most urgent) and message.cls.",
            ("name", "priority", "class"),
            lambda arrived: ((kind.labels, count) for kind, count in arrived.messages.items()),
            counter=True,
        ),
    ),
)

TASK_TABLE: Final = Table[Arrived](
    collector="task",
    part="tasks",
    label_names=("pool",),
    labels=lambda _arrived, pool: (("pool", pool),),
    metrics=(
        each(
            "xo_task_failures_total",
            "Tasks that failed since the exporter first read a pool, by task.name_label.",
            "name",
            lambda arrived: arrived.task_failures.items(),
            counter=True,
        ),
    ),
)

TABLES: Final = (MESSAGE_TABLE, TASK_TABLE)


def cut(arrived: Arrived, most: int) -> tuple[Arrived, dict[str, int]]:
    """The kinds that came first, `most` of each, and how many series that leaves out, by family."""
    counts: dict[str, Sized] = {
        "xo_messages_total": arrived.messages,
        "xo_task_failures_total": arrived.task_failures,
    }
    dropped = {name: len(kinds) - most for name, kinds in counts.items() if len(kinds) > most}
    if not dropped:
        return arrived, {}
    messages = dict(islice(arrived.messages.items(), most))
    return Arrived(messages, dict(islice(arrived.task_failures.items(), most))), dropped

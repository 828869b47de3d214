"""Metrics of the messages that a pool stores, the alarms among them by object."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from xo_exporter.metrics import host, pool, sr, vm
from xo_exporter.metrics.table import Table, each_of, gauge
from xo_exporter.model.messages import Alarms, Messages, StoredMessages
from xo_exporter.model.objects import PoolModel

TABLE: Final = Table[StoredMessages](
    collector="message",
    part="messages",
    objects=lambda model: model.part(Messages).pools,
    label_names=pool.TABLE.label_names,
    labels=lambda stored, label: pool.TABLE.labels(stored.pool, label),
    metrics=(
        each_of(
            "xo_pool_messages",
            "Messages that a pool stores now, by message.name, message.priority (1 is the most "
            "urgent) and message.cls.",
            ("name", "priority", "class"),
            lambda stored: ((kind.labels, count) for kind, count in stored.counts),
        ),
    ),
)


def _table(
    kind: str, a_kind: str, of: Table[Any], objects: Callable[[PoolModel], Sequence[Alarms[Any]]]
) -> Table[Alarms[Any]]:
    return Table(
        collector="message",
        part="messages",
        objects=objects,
        label_names=of.label_names,
        labels=lambda alarms, label: of.labels(alarms.thing, label),
        metrics=(
            gauge(
                f"xo_{kind}_alarms",
                f"Messages named ALARM that a pool stores about {a_kind}, by message.obj_uuid; "
                "nothing where there are none.",
                lambda alarms: alarms.count,
            ),
            gauge(
                f"xo_{kind}_last_alarm_timestamp_seconds",
                f"When the last message named ALARM about {a_kind} came, from message.timestamp.",
                lambda alarms: alarms.newest,
            ),
        ),
    )


HOST_TABLE: Final = _table(
    "host",
    "a host or its control domain",
    host.TABLE,
    lambda model: model.part(Messages).hosts,
)
VM_TABLE: Final = _table("vm", "a VM", vm.TABLE, lambda model: model.part(Messages).vms)
SR_TABLE: Final = _table("sr", "an SR", sr.TABLE, lambda model: model.part(Messages).srs)

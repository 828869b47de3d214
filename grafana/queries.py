"""What the dashboards' PromQL has in common: selectors, names, the few that are highest."""

import re
from typing import Final

NO_IMAGES: Final = 'and on (pool, uuid) xo_sr_info{sr_type!~"iso|udev"}'
"""Leaves out libraries of images and drives, which are full by nature."""

NO_REPLICAS: Final = "unless on (pool, uuid) xo_vm_replica_info"
"""Leaves out replicas, which are no workload."""

RUNNING_CPUS: Final = (
    'xo_host_cpus{pool=~"$pool"}'
    ' and on (pool, uuid) xo_host_power_state{power_state="Running"} == 1'
)
"""The CPUs of hosts that run: no VM has any of the others."""

_SELECTOR: Final = re.compile(r"\[\[(.*?)\]\]")


def top(number: int, expression: str, where: str = "") -> str:
    """Give the few series of an expression that are highest at the end of the time range.

    A plain topk() chooses anew at each step, so that a graph has far more lines than asked for,
    each with gaps. The expression has its selectors in [[…]]. Where the last scrapes have failed
    the values of the hour before choose, so that a graph still shows what came before. `where`
    is what the series that are chosen must fulfil besides.
    """
    shown = _SELECTOR.sub(r"\1", expression)
    last = _SELECTOR.sub(r"last_over_time(\1[1h] @ end())", f"{expression} {where}".rstrip())
    return f"{shown} and topk({number}, {last})"


def problem(what: str, expression: str, name: str = "name_label") -> str:
    """Give the series of a condition that is to be mended, with what it is as a label.

    All such have the same labels, so that a table can show them together; `name` is the label
    that tells the object's name, or the part of it that is meant.
    """
    same = f"max by (pool, container, {name}, uuid) ({expression})"
    if name != "name_label":
        renamed = f'label_replace({same}, "name_label", "$1", "{name}", "(.*)")'
        same = f"max by (pool, container, name_label, uuid) ({renamed})"
    return f'label_replace({same}, "problem", "{what}", "", "")'


def or_zero(expression: str) -> str:
    """Give 0 where an expression finds nothing: none is an answer, too."""
    return f"{expression} or vector(0)"


def age(timestamp: str) -> str:
    """Give the seconds since a time."""
    return f"time() - {timestamp}"

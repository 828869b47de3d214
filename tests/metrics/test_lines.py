"""Lines that are remembered are those that would be made anew."""

import copy
import dataclasses
from collections.abc import Iterator
from typing import Any

from tests.metrics.families import pool_families
from xo_exporter.exposition import lines
from xo_exporter.metrics import vm
from xo_exporter.metrics.lines import PoolLines
from xo_exporter.metrics.selection import Selection
from xo_exporter.metrics.tables import COLLECTORS
from xo_exporter.model.guests import Guest, Settings
from xo_exporter.model.objects import PoolModel

LABEL = "Pool"


def _anew(model: PoolModel, label: str = LABEL) -> list[tuple[str, bytes]]:
    families = pool_families(model, label, COLLECTORS)
    return [(family.name, lines(family).encode()) for family in families]


def _remembered(known: PoolLines, model: PoolModel, label: str = LABEL) -> list[tuple[str, bytes]]:
    return [(family.name, text) for family, text in known.of(model, label)]


def _objects(model: PoolModel) -> Iterator[Any]:
    yield model.pool
    for field in dataclasses.fields(model):
        things = getattr(model, field.name)
        if isinstance(things, list):
            yield from things


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value}, changed"
    if isinstance(value, list | tuple):
        return value[:-1]
    return type(value)() if isinstance(value, Guest | Settings) else None


def test_every_change_is_seen(full: PoolModel) -> None:
    """Whatever field of whatever object changes, the lines are those of the changed model."""
    known = PoolLines(Selection(COLLECTORS))
    assert _remembered(known, full) == _anew(full)
    for thing in _objects(full):
        for field in dataclasses.fields(thing):
            before = getattr(thing, field.name)
            if field.name in (
                "container",
                "pool",
                "VM",
                "memory",
                "controller_memory",
                "power_state",
                "values",
                "controller_values",
            ):
                continue  # never absent
            setattr(thing, field.name, _other(before))
            assert _remembered(known, full) == _anew(full), field.name
            setattr(thing, field.name, before)
            assert _remembered(known, full) == _anew(full), field.name


def test_power_states_and_memory_are_seen(full: PoolModel) -> None:
    """Another power state and another memory usage show in the next lines."""
    known = PoolLines(Selection(COLLECTORS))
    _remembered(known, full)
    full.VMs[0].power_state, full.hosts[0].power_state = "Halted", None
    full.VMs[0].memory.usage, full.hosts[0].memory.usage = None, 7
    assert _remembered(known, full) == _anew(full)


def test_another_label_is_seen(full: PoolModel) -> None:
    """When the pool is called something else, every line says so."""
    known = PoolLines(Selection(COLLECTORS))
    _remembered(known, full)
    assert _remembered(known, full, "Other") == _anew(full, "Other")


def test_objects_come_and_go(full: PoolModel) -> None:
    """What is gone leaves no line, and what comes back has its own."""
    known = PoolLines(Selection(COLLECTORS))
    for names in (["a", "b"], ["b"], [], ["c", "b", "a"]):
        model = copy.copy(full)
        model.VMs = [dataclasses.replace(full.VMs[0], UUID=name, name_label=name) for name in names]
        assert _remembered(known, model) == _anew(model)


def test_what_is_off_is_left_out(full: PoolModel) -> None:
    """A collector that is off has no families here either."""
    known = PoolLines(Selection({**COLLECTORS, "vm": False}))
    assert not {name for name, _ in _remembered(known, full)} & {
        metric.name for metric in vm.TABLE.metrics
    }

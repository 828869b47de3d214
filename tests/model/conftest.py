"""What the tests of the model share: a pool from as few fields as a rule needs."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from xo_exporter.model.build import build
from xo_exporter.model.objects import PoolModel
from xo_exporter.rrd.values import HostRrd
from xo_exporter.xapi.records import CLASSES, Records

Table = Mapping[str, Mapping[str, Any]]


def read(tables: Mapping[str, Table]) -> Records:
    """Make records by class and reference; without a uuid it is the reference."""
    given = {"pool": {"pool": {"name_label": "Pool"}}, **tables}
    whole = {
        name: {ref: {"uuid": ref, **fields} for ref, fields in given.get(name, {}).items()}
        for name in CLASSES
    }
    return msgspec.convert(whole, Records, strict=False)


@pytest.fixture
def model() -> Callable[..., PoolModel]:
    """Build the model: `model(vm={"v": {"power_state": "Running"}}, rrds={...})`."""

    def make(rrds: Mapping[str, HostRrd | None] | None = None, **tables: Table) -> PoolModel:
        return build(read(tables), rrds or {})

    return make


@pytest.fixture
def on_a_host() -> Callable[..., Mapping[str, Any]]:
    """Make the tables of a running host `h` that VM `v` runs on, with this host's `values`.

    `host`, `vm` and `vm_metrics` add to the records.
    """

    def make(
        *,
        values: Mapping[str, float] | None = None,
        vm_values: Mapping[str, float] | None = None,
        xapi: str = "25.6",
        host: Mapping[str, Any] | None = None,
        host_metrics: Mapping[str, Any] | None = None,
        vm: Mapping[str, Any] | None = None,
        vm_metrics: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        return {
            "host": {"h": {"metrics": "hm", "software_version": {"xapi": xapi}, **(host or {})}},
            "host_metrics": {"hm": {"live": True, **(host_metrics or {})}},
            "vm": {
                "v": {
                    "power_state": "Running",
                    "resident_on": "h",
                    "metrics": "vmm",
                    **(vm or {}),
                }
            },
            "vm_metrics": {"vmm": vm_metrics or {}},
            "rrds": {"h": HostRrd.of({"h": values or {}}, {"v": vm_values or {}}, 3.0)},
        }

    return make

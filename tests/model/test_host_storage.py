"""The SRs of a host by the names of its data sources."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from xo_exporter.model.host_storage import HostStorage, HostStorages
from xo_exporter.model.objects import PoolModel
from xo_exporter.rrd.values import HostRrd

SSD = "0f4e2c6b-6a5e-4bb6-8f9f-1d6c07d6a111"
NAS = "5A5A5A5A-6a5e-4bb6-8f9f-1d6c07d6a222"
LIKE_SSD = "0f4e2c6b-ffff-4bb6-8f9f-1d6c07d6a333"
ELSEWHERE = "77777777-6a5e-4bb6-8f9f-1d6c07d6a444"

Storage = Callable[..., HostStorage]


@pytest.fixture
def storage(model: Callable[..., PoolModel]) -> Storage:
    """Make the storage of a host that has PBDs to SRs with these names, by UUID."""

    def make(
        srs: Mapping[str, str], values: Mapping[str, float] | None = None, *, live: bool = True
    ) -> HostStorage:
        records: dict[str, Any] = {
            "host": {"h": {"metrics": "hm"}, "other": {"metrics": "hm"}},
            "host_metrics": {"hm": {"live": live}},
            "sr": {uuid: {"name_label": name} for uuid, name in srs.items()},
            "pbd": {f"pbd {uuid}": {"host": "h", "SR": uuid} for uuid in srs},
        }
        records["sr"][ELSEWHERE] = {"name_label": "Elsewhere"}
        records["pbd"]["pbd"] = {"host": "other", "SR": ELSEWHERE}
        records["pbd"]["to nothing"] = {"host": "h", "SR": "OpaqueRef:NULL"}
        rrds = {"h": HostRrd.of({"h": values}, {}, 3.0)} if values is not None else {"h": None}
        found = model(rrds=rrds, **records).part(HostStorages)
        return next(one for one in found.hosts if one.UUID == "h")

    return make


def test_names(storage: Storage) -> None:
    """An SR goes by its UUID and the first eight characters of it, in lower case."""
    assert storage({SSD: "SSD", NAS: "NAS"}).names == {
        SSD: "SSD",
        "0f4e2c6b": "SSD",
        NAS.lower(): "NAS",
        "5a5a5a5a": "NAS",
    }


def test_one_name_twice(storage: Storage) -> None:
    """Two SRs of a host that have one name are told apart by the beginning of the UUID."""
    names = storage({SSD: "disk", NAS: "disk"}).names
    assert (names["0f4e2c6b"], names["5a5a5a5a"]) == ("disk (0f4e2c6b)", "disk (5A5A5A5A)")


def test_one_beginning_twice(storage: Storage) -> None:
    """The beginning that two SRs of a host share tells neither of them."""
    assert storage({SSD: "SSD", LIKE_SSD: "other"}).names == {SSD: "SSD", LIKE_SSD: "other"}


@pytest.mark.parametrize(
    ("values", "unresolved"),
    [
        ({}, 0),
        ({"cpu_avg": 0.5, "memory_free_kib": 1.0, "read_deadbee": 1.0}, 0),
        ({"read_0f4e2c6b": 1.0, f"sr_{SSD}_cache_hits": 1.0}, 0),
        ({"read_77777777": 1.0, "iops_total_77777777": 2.0}, 1),
        ({"read_77777777": 1.0, "latency_88888888": 2.0}, 2),
        ({f"sr_{ELSEWHERE}_cache_size": 1.0}, 1),
    ],
)
def test_unresolved(storage: Storage, values: Mapping[str, float], unresolved: int) -> None:
    """An SR that the host has no PBD to is counted once, however many values there are of it."""
    assert storage({SSD: "SSD"}, values).unresolved() == unresolved


def test_unresolved_by_one_beginning_twice(storage: Storage) -> None:
    """Two SRs whose UUIDs begin alike cannot be told."""
    values = {"read_0f4e2c6b": 1.0, f"sr_{SSD}_cache_size": 1.0}
    assert storage({SSD: "SSD", LIKE_SSD: "other"}, values).unresolved() == 1


def test_columns_without_values_are_not_counted(storage: Storage) -> None:
    """What is left of an SR that is gone, columns without values, is nothing to count."""
    one = storage({SSD: "SSD"}, {"read_77777777": 1.0})
    one.host.values.numbers = [None]
    assert one.unresolved() == 0


def test_unresolved_is_unknown_without_rrds(storage: Storage) -> None:
    """Without the RRDs of a host nobody knows."""
    assert storage({SSD: "SSD"}).unresolved() is None
    assert storage({SSD: "SSD"}, {}, live=False).unresolved() is None

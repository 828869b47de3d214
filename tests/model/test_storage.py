"""Sizes of SRs and disks."""

from collections.abc import Callable

import pytest

from xo_exporter.model.objects import PoolModel

Model = Callable[..., PoolModel]


@pytest.mark.parametrize(
    ("number", "usage", "sr_size", "vdi_size"),
    [
        ("-1", None, None, None),
        ("0", 0, None, 0),
        ("7", 7, 7, 7),
        (str((1 << 63) - 1), (1 << 63) - 1, (1 << 63) - 1, (1 << 63) - 1),
        (str(1 << 64), None, None, None),
        (None, None, None, None),
    ],
)
def test_sizes(
    model: Model,
    number: str | None,
    usage: int | None,
    sr_size: int | None,
    vdi_size: int | None,
) -> None:
    """A size or usage below 0, and an SR's size of 0, is unknown; so is one that is not said."""
    sr_fields = ("physical_size", "physical_utilisation", "virtual_allocation")
    vdi_fields = ("virtual_size", "physical_utilisation")
    built = model(
        sr={"s": {} if number is None else dict.fromkeys(sr_fields, number)},
        vdi={"d": {} if number is None else dict.fromkeys(vdi_fields, number)},
    )
    sr, vdi = built.SRs[0], built.VDIs[0]
    assert (sr.size, sr.physical_usage, sr.usage) == (sr_size, usage, usage)
    assert (vdi.size, vdi.usage) == (vdi_size, usage)


def test_which_field_is_which(model: Model) -> None:
    """physical_usage, usage and size of an SR, usage and size of a disk are fields of their own."""
    built = model(
        sr={"s": {"physical_size": "3", "physical_utilisation": "1", "virtual_allocation": "2"}},
        vdi={"d": {"virtual_size": "2", "physical_utilisation": "1"}},
    )
    sr, vdi = built.SRs[0], built.VDIs[0]
    assert (sr.physical_usage, sr.usage, sr.size) == (1, 2, 3)
    assert (vdi.usage, vdi.size) == (1, 2)


def test_attached(model: Model) -> None:
    """Attached is currently_attached; of a record without that field it is unknown."""
    states = {"a": {"currently_attached": True}, "b": {"currently_attached": False}, "c": {}}
    built = model(
        pbd=states,
        vm={"v": {}},
        vbd={ref: {"VM": "v", **fields} for ref, fields in states.items()},
    )
    assert [pbd.attached for pbd in built.PBDs] == [True, False, None]
    assert [vbd.attached for vbd in built.VBDs] == [True, False, None]

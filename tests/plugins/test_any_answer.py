"""Whatever a plugin gives, it is values or an error of ours, and never takes long."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xo_exporter.errors import BadAnswer
from xo_exporter.plugins import ipmitool, linstor, smartctl, updater
from xo_exporter.simulator import SimulatedPool, make_estate
from xo_exporter.simulator.estate_xostor import GROUP

PARSERS: Final[dict[str, Callable[[str], Any]]] = {
    "updater": updater.parse,
    "ipmitool": ipmitool.parse,
    "smartctl": smartctl.parse,
    "information": smartctl.parse_information,
    "linstor": linstor.parse,
}


def answers() -> dict[str, str]:
    """Give an answer of each plugin."""
    pool = SimulatedPool(make_estate(hosts=3, vms=1, seed=1))
    call, host = pool.plugins.call, pool.master
    return {
        "updater": call(host, "updater.py", "check_update", {}),
        "ipmitool": call(host, "ipmitool.py", "get_all_sensors", {}),
        "smartctl": call(host, "smartctl.py", "health", {}),
        "information": call(host, "smartctl.py", "information", {}),
        "linstor": call(host, "linstor-manager", "healthCheck", {"groupName": GROUP}),
    }


ANSWERS: Final = answers()
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def value_in(found: Any, path: list[int], instead: Any) -> Any:
    """Give the same JSON with one value in its depths replaced."""
    if not path or not isinstance(found, dict | list) or not found:
        return instead
    step = path[0] % len(found)
    if isinstance(found, list):
        return [
            value_in(item, path[1:], instead) if at == step else item
            for at, item in enumerate(found)
        ]
    return {
        key: value_in(item, path[1:], instead) if at == step else item
        for at, (key, item) in enumerate(found.items())
    }


@pytest.mark.parametrize("name", PARSERS)
@given(path=st.lists(st.integers(0, 20), max_size=6), instead=JSON)
def test_a_value_that_is_another(name: str, path: list[int], instead: Any) -> None:
    """Any part of an answer may be anything."""
    text = json.dumps(value_in(json.loads(ANSWERS[name]), path, instead))
    with suppress(BadAnswer):
        PARSERS[name](text)


@pytest.mark.parametrize("name", PARSERS)
@given(text=st.text())
def test_any_text(name: str, text: str) -> None:
    """And so may the whole."""
    with pytest.raises(BadAnswer):
        PARSERS[name](f"\x00{text}")


@pytest.mark.parametrize("name", PARSERS)
@given(keep=st.integers(0, 10_000))
def test_an_answer_that_is_cut(name: str, keep: int) -> None:
    """What ends too early is refused."""
    whole = ANSWERS[name]
    with pytest.raises(BadAnswer):
        PARSERS[name](whole[: min(keep, len(whole) - 1)])


@pytest.mark.parametrize("name", PARSERS)
def test_deep_nests(name: str) -> None:
    """No depth of brackets ends in anything but a bad answer."""
    for opening in ("[", '{"nodes":', '{"resources":{"r":{"nodes":'):
        with pytest.raises(BadAnswer):
            PARSERS[name](opening * 50_000)

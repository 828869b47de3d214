"""The address of a VM."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xo_exporter.model.guest_address import addresses
from xo_exporter.model.objects import PoolModel


@pytest.mark.parametrize(
    ("networks", "address"),
    [
        ({}, None),
        ({"0/ip": "10.0.0.1"}, "10.0.0.1"),
        ({"0/ip": "10.0.0.2 10.0.0.1"}, "10.0.0.2"),
        ({"0/ip": " \n10.0.0.2\n10.0.0.1"}, "10.0.0.2"),
        ({"0/ip": ""}, None),
        ({"0/ip": " ", "1/ip": "10.0.0.1"}, "10.0.0.1"),
        ({"0/ipv4/0": "", "0/ipv4/1": "10.0.0.1"}, "10.0.0.1"),
        ({"10/ip": "10.0.0.10", "2/ip": "10.0.0.2"}, "10.0.0.2"),
        ({"0/ipv4/10": "10.0.0.10", "0/ipv4/2": "10.0.0.2"}, "10.0.0.2"),
        ({"1/ipv4/0": "10.0.0.1", "0/ipv4/5": "10.0.0.5"}, "10.0.0.5"),
        ({"0/ipv4/1": "10.0.0.4", "0/ip": "10.0.0.1"}, "10.0.0.1"),
        ({"0/ip": "10.0.0.1", "0/ipv4/0": "10.0.0.4"}, "10.0.0.4"),
        ({"0/ipv6/0": "2001:db8::1", "1/ipv4/0": "10.0.0.1"}, "10.0.0.1"),
        ({"0/ipv6/0": "fe80::1", "0/ipv6/1": "2001:db8::1"}, "2001:db8::1"),
        ({"0/ipv6/0": "FE80::1%eth0"}, None),
        ({"0/ip": "2001:db8::1 10.0.0.1"}, "10.0.0.1"),
        ({"0/ip": "2001:db8::1"}, "2001:db8::1"),
        ({"0/ipv4/0": "no address", "0/ipv4/1": "10.0.0.1"}, "10.0.0.1"),
        ({"name": "10.0.0.1", "x/ip": "10.0.0.2", "0/ipv4": "10.0.0.3", "-1/ip": "10.0.0.4"}, None),
        ({f"{'9' * 5000}/ip": "10.0.0.1", "0/ip": "10.0.0.2"}, "10.0.0.2"),
    ],
)
def test_address(networks: Mapping[str, str], address: str | None) -> None:
    """It is the first IPv4 address by VIF and index as numbers, else the first IPv6 address.

    Link-local ones and empty values are skipped; `N/ip` counts as index 0, split at blanks.
    """
    assert addresses(networks).main == address
    assert addresses(dict(reversed(list(networks.items())))).main == address


@pytest.mark.parametrize("state", ["Running", "Paused", "Suspended", "Halted"])
def test_address_while_running(
    model: Callable[..., PoolModel], on_a_host: Callable[..., Mapping[str, Any]], state: str
) -> None:
    """What the guest agent said last is no address of a VM that doesn't run."""
    built = model(
        **on_a_host(vm={"power_state": state, "guest_metrics": "g"}),
        vm_guest_metrics={"g": {"networks": {"0/ip": "10.0.0.1"}}},
    )
    assert built.VMs[0].address == ("10.0.0.1" if state == "Running" else None)


@given(
    st.dictionaries(st.from_regex(r"\d+/(ip|ipv[46]/\d+)", fullmatch=True) | st.text(), st.text())
)
def test_any_guest_is_survived(networks: dict[str, str]) -> None:
    """Whatever a guest writes there, it is an address among it or none."""
    address = addresses(networks).main
    assert address is None or any(address in value for value in networks.values())

"""Networks, interfaces of hosts and VMs, and which of them a data source means."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from xo_exporter.model.network_objects import PIF, Networks
from xo_exporter.model.objects import PoolModel

Model = Callable[..., PoolModel]
Build = Callable[..., Networks]

BLOCKED = {"start": "replica", "start_on": "replica"}


@pytest.fixture
def networks(model: Model) -> Build:
    """Build the networks of a pool with the host `h`."""

    def make(**tables: Mapping[str, Mapping[str, Any]]) -> Networks:
        return model(**{"host": {"h": {}}, **tables}).part(Networks)

    return make


def one_pif(networks: Build, metrics: Mapping[str, Any] | None = None, **fields: Any) -> PIF:
    """Build a NIC of host `h`, or what `fields` make of it."""
    record = {"host": "h", "device": "eth0", "physical": True, "metrics": "m", **fields}
    (pif,) = networks(pif={"p": record}, pif_metrics={"m": metrics or {}}).PIFs
    return pif


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "physical"),
        ({"physical": False, "VLAN": "0"}, "vlan"),
        ({"physical": False, "VLAN": "4094"}, "vlan"),
        ({"physical": False, "tunnel_access_PIF_of": ["t"]}, "tunnel"),
        ({"physical": False, "sriov_logical_PIF_of": ["s"]}, "sriov"),
        ({"physical": False}, None),
    ],
)
def test_kinds(networks: Build, fields: dict[str, Any], kind: str | None) -> None:
    """What a PIF is shows in its VLAN, and in what it is linked with."""
    assert one_pif(networks, **fields).kind == kind


def test_a_bond(networks: Build) -> None:
    """The master of a bond is a bond; its NICs name the master's device."""
    found = networks(
        pif={
            "p-0": {"host": "h", "device": "eth0", "physical": True, "bond_slave_of": "b"},
            "p-1": {"host": "h", "device": "eth1", "physical": True, "bond_slave_of": "b"},
            "p-2": {"host": "h", "device": "bond0"},
            "p-3": {"host": "h", "device": "bond0", "VLAN": "5"},
            "p-4": {"host": "h", "device": "eth4", "physical": True, "bond_slave_of": "gone"},
        },
        bond={"b": {"master": "p-2", "links_up": "2", "mode": "active-backup"}},
    )
    kinds = {pif.UUID: (pif.kind, pif.bond) for pif in found.PIFs}
    assert kinds == {
        "p-0": ("physical", "bond0"),
        "p-1": ("physical", "bond0"),
        "p-2": ("bond", None),
        "p-3": ("vlan", None),
        "p-4": ("physical", None),
    }
    (bond,) = found.bonds
    assert bond.master is found.PIFs[2]
    assert (bond.links, bond.links_up, bond.mode) == (2, 2, "active-backup")


@pytest.mark.parametrize("links", ["-1", "18446744073709551616"])
def test_links_that_cannot_be(networks: Build, links: str) -> None:
    """A count that XAPI can't mean is unknown."""
    assert networks(bond={"b": {"links_up": links}}).bonds[0].links_up is None


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(
    "trap",
    [
        {"VLAN": "10"},
        {"sriov_logical_PIF_of": ["s"]},
        {"tunnel_access_PIF_of": ["t"]},
        {"host": "other", "physical": True},
    ],
    ids=["vlan", "sriov", "tunnel", "other host"],
)
def test_a_device_is_the_nic(networks: Build, trap: dict[str, Any], *, before: bool) -> None:
    """Whatever else has the device of a NIC, and in whatever order, the source means the NIC."""
    found = networks(
        host={"h": {}, "other": {}},
        network={"n": {"name_label": "LAN"}, "m": {"name_label": "trap"}},
        pif={
            "p-1": {"host": "h", "network": "n", "device": "eth0", "physical": True},
            "p-0" if before else "p-2": {"host": "h", "network": "m", "device": "eth0", **trap},
        },
    )
    network = found.hosts[0].interfaces["eth0"].network
    assert network is not None
    assert network.name_label == "LAN"
    assert [*found.hosts[0].interfaces] == ["eth0"]


@pytest.mark.parametrize(
    ("metrics", "speed", "full_duplex"),
    [
        ({"carrier": True, "speed": "1000", "duplex": True}, 125_000_000, True),
        ({"carrier": True, "speed": "10", "duplex": False}, 1_250_000, False),
        ({"carrier": True, "speed": "200000", "duplex": True}, 25_000_000_000, True),
        ({"carrier": False, "speed": "1000", "duplex": True}, None, None),
        ({"speed": "1000", "duplex": True}, None, None),
        ({"carrier": True, "speed": "0", "duplex": False}, None, None),
        ({"carrier": True, "speed": "-1", "duplex": False}, None, None),
        ({"carrier": True, "speed": "65535", "duplex": False}, None, None),
        ({"carrier": True, "speed": "4294967295", "duplex": False}, None, None),
        ({"carrier": True}, None, None),
    ],
)
def test_speed(
    networks: Build, metrics: dict[str, Any], speed: int | None, *, full_duplex: bool | None
) -> None:
    """Mbit/s become bytes a second; without a carrier, or a speed that can be, it is unknown."""
    pif = one_pif(networks, metrics)
    assert pif.carrier == metrics.get("carrier")
    assert (pif.speed, pif.full_duplex) == (speed, full_duplex)


def test_a_vlan_has_no_link_of_its_own(networks: Build) -> None:
    """Of a VLAN, which has the PIF_metrics of its NIC, there is no carrier."""
    pif = one_pif(networks, {"carrier": False, "vendor_name": "x"}, physical=False, VLAN="10")
    assert (pif.carrier, pif.vendor_name, pif.VLAN) == (None, "", 10)


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({"IP": "192.0.2.1", "IPv6": ["2001:db8::1/64"]}, "192.0.2.1"),
        ({"IP": "", "IPv6": ["", "fe80::1/64", "2001:db8::1/64", "2001:db8::2"]}, "2001:db8::1"),
        ({"IP": "", "IPv6": ["2001:db8::2"]}, "2001:db8::2"),
        ({"IP": "", "IPv6": ["fe80::1/64", "no address"]}, None),
        ({}, None),
    ],
)
def test_address(networks: Build, fields: dict[str, Any], address: str | None) -> None:
    """An interface's address is the IPv4 one, else an IPv6 one that others can reach."""
    assert one_pif(networks, **fields).address == address


def test_vifs_are_those_of_vms(networks: Build) -> None:
    """VIFs of templates, snapshots, control domains and of nothing are none."""
    found = networks(
        vm={
            "v": {},
            "template": {"is_a_template": True},
            "snapshot": {"is_a_snapshot": True, "is_a_template": True, "snapshot_of": "v"},
            "dom0": {"is_control_domain": True},
        },
        network={"n": {}},
        vif={
            f"i-{vm}": {"VM": vm, "network": "n", "device": "0", "MAC": "aa"}
            for vm in ("v", "template", "snapshot", "dom0", "gone")
        },
    )
    assert [vif.UUID for vif in found.VIFs] == ["i-v"]
    assert found.networks[0].VIFs == 1
    assert [(one.UUID, len(one.VIFs)) for one in found.VMs] == [("v", 1)]
    assert not found.VIFs[0].shares_MAC


@pytest.mark.parametrize(
    ("vifs", "sharing", "addresses"),
    [
        ({"a": ("v", "0a:01"), "b": ("w", "0a:02")}, set(), 0),
        ({"a": ("v", "0a:01"), "b": ("w", "0a:01")}, {"a", "b"}, 1),
        ({"a": ("v", "0A:01"), "b": ("w", "0a:01"), "c": ("w", "0a:02")}, {"a", "b"}, 1),
        ({"a": ("v", "0a:01"), "b": ("v", "0a:01")}, {"a", "b"}, 1),
        ({"a": ("v", "1"), "b": ("w", "1"), "c": ("v", "2"), "d": ("w", "2")}, {*"abcd"}, 2),
        # Nobody knows the address; a replica has that of its VM.
        ({"a": ("v", ""), "b": ("w", "")}, set(), 0),
        ({"a": ("v", "0a:01"), "b": ("replica", "0a:01")}, set(), 0),
        ({"a": ("v", "1"), "b": ("replica", "1"), "c": ("half-blocked", "1")}, {"a", "c"}, 1),
    ],
)
def test_mac_addresses_used_twice(
    networks: Build, vifs: dict[str, tuple[str, str]], sharing: set[str], addresses: int
) -> None:
    """VIFs that share an address are known, in whatever case; replicas, not to be started, not."""
    found = networks(
        vm={
            "v": {},
            "w": {},
            "replica": {"blocked_operations": BLOCKED},
            "half-blocked": {"blocked_operations": {"start": ""}},
        },
        vif={ref: {"VM": vm, "MAC": mac} for ref, (vm, mac) in vifs.items()},
    )
    assert {vif.UUID for vif in found.VIFs if vif.shares_MAC} == sharing
    assert [pool.duplicate_MACs for pool in found.pools] == [addresses]


@pytest.mark.parametrize(("mtu", "known"), [("1500", 1500), ("0", None), ("-1", None)])
def test_mtu(networks: Build, mtu: str, known: int | None) -> None:
    """An MTU that can't be is unknown."""
    found = networks(network={"n": {"MTU": mtu}}, pif={"p": {"MTU": mtu}})
    assert [network.MTU for network in found.networks] == [known]
    assert [pif.MTU for pif in found.PIFs] == [known]
